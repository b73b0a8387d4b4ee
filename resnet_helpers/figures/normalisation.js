// Normalisation explorer: an image's values raw, centred and scaled, and what imshow clips.

import {
  begin, clamp, commas, fixed, html, linePath, newId, percent, readout, scale, stage, stateOf, sum, svg,
} from "./kit.js";

const SIDE = 48; // pixels of an image, each way
const AREA = SIDE ** 2;
const CELL = 8; // pixels of the screen for each of them
const BIN = 8; // bytes in a bar of the histograms
// Mixed with the ink, each has contrast on light and on dark paper.
const CHANNELS = [["red", "#e8000b"], ["green", "#00a02c"], ["blue", "#2a3cff"]].map(
  ([name, colour]) => ({ name, ink: `color-mix(in srgb, ${colour} 60%, var(--ink))` }),
);
// The words of a stage's button and of its axis.
const STAGES = {
  raw: ["raw", "byte / 255"],
  centred: ["centred", "byte / 255 − mean"],
  scaled: ["centred and scaled", "(byte / 255 − mean) / std"],
};
const DIVISORS = { std: "the true std", mean_of_stds: "the lecture notes’ std" };

const decode = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** What a stage subtracts from each channel, and then divides it by. */
function recipe(s, training) {
  return {
    mean: s.stage === "raw" ? [0, 0, 0] : training.mean,
    std: s.stage === "scaled" ? training[s.divisor] : [1, 1, 1],
  };
}

/** What imshow makes of an image: the bytes that it shows, and what it clips. */
function imshow(bytes, { mean, std }, undo) {
  const result = {
    shown: new Uint8Array(3 * AREA), below: [0, 0, 0], above: [0, 0, 0],
    lost: new Uint8Array(AREA), // how many of a pixel's three values were clipped
    same: 0, // values that are shown as they were stored
  };
  for (let i = 0; i < 3 * AREA; i++) {
    const channel = Math.floor(i / AREA);
    const value = (bytes[i] / 255 - mean[channel]) / std[channel];
    const given = undo ? value * std[channel] + mean[channel] : value;
    result.shown[i] = Math.floor(clamp(given, 0, 1) * 255 + 0.5);
    result.same += Number(result.shown[i] === bytes[i]);
    if (undo || (value >= 0 && value <= 1)) continue; // un-normalised values are bytes again
    result[value < 0 ? "below" : "above"][channel] += 1;
    result.lost[i % AREA] += 1;
  }
  return result;
}

/** Paint an image, with stripes over the pixels that were clipped if `lost` is given. */
function paint(canvas, shown, lost) {
  const side = canvas.width;
  const picture = new ImageData(side, side);
  const painted = new Uint32Array(picture.data.buffer); // alpha, blue, green, red: 8 bits each
  const [white, black] = [0xffffffff, 0xff000000];
  const colours = Uint32Array.from({ length: AREA }, (_, i) =>
    black + (shown[2 * AREA + i] << 16) + (shown[AREA + i] << 8) + shown[i]);
  for (let y = 0; y < side; y++) {
    const row = Math.floor((y * SIDE) / side) * SIDE;
    for (let x = 0; x < side; x++) {
      const from = row + Math.floor((x * SIDE) / side);
      let colour = colours[from];
      if (lost?.[from]) {
        // A white line beside a black one shows on every colour; crossed where all three are lost.
        const across = lost[from] === 3 ? (x - y + side) % 12 : 2;
        const stripe = Math.min((x + y) % 12, across);
        if (stripe < 2) colour = stripe ? black : white;
      }
      painted[y * side + x] = colour;
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** The outline of a histogram whose bars may have any height, as a path. */
function steps(heights, x, y) {
  const corners = heights.flatMap((height, i) => [[x(i), y(height)], [x(i + 1), y(height)]]);
  return linePath([[x(0), y(0)], ...corners, [x(heights.length), y(0)]]);
}

/** Mean and one std to either side, under a histogram. */
function whisker(words, mean, std, x, y, colour, round) {
  const [low, middle, high] = [mean - std, mean, mean + std].map(x);
  const line = (x1, x2, y1, y2) => svg("line", { x1, x2, y1, y2, stroke: colour, "stroke-width": 2 });
  return [
    svg("text", { x: 0, y, dy: "0.35em", class: "rh-quiet" }, words),
    line(low, high, y, y), line(low, low, y - 5, y + 5), line(high, high, y - 5, y + 5),
    round ? svg("circle", { cx: middle, cy: y, r: 4.5, fill: colour })
      : svg("path", { d: `M${middle - 5.5} ${y}l5.5 -5.5l5.5 5.5l-5.5 5.5Z`, fill: colour }),
  ];
}

/** A small picture beside its name. */
function thumbnail({ name }, bytes) {
  const canvas = html("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  paint(canvas, bytes, null);
  return html("span", { class: "rh-thumbnail" }, canvas, name);
}

/** One axis for raw and centred, one for both stds: what moves or stretches is seen to do so. */
function valueAxis(s, training, [left, right]) {
  const divisor = (c) => (
    s.stage === "scaled" ? Math.min(training.std[c], training.mean_of_stds[c]) : 1);
  const low = Math.min(...training.mean.map((m, c) => -m / divisor(c)));
  const high = Math.max(1, ...training.mean.map((m, c) => (1 - m) / divisor(c)));
  const room = (high - low) * 0.04;
  return scale([low - room, high + room], [left, right]);
}

/** The histogram of channel c from a height on: its bars, its frame and both whiskers. */
function panel({ s, picture, training, mean, std, x, most }, c, from, high, clip) {
  const { name, ink } = CHANNELS[c];
  const [left, right] = x.range;
  const [top, bottom] = [from, from + high];
  const y = scale([0, most], [bottom, top], { count: 2 });
  const tick = y.ticks.at(-1);
  const value = (byte) => (byte / 255 - mean[c]) / std[c];
  const edge = (i) => x(value(BIN * i - 0.5));
  const [start, end] = (s.undo ? [value(0), value(255)] : [0, 1]).map(x);
  const outline = steps(picture.histogram[c].map((n) => n / AREA), edge, y);
  const kept = { x: start, width: end - start };
  const whiskers = [[picture, "image", ink, 14], [training, "training", "var(--quiet)", 30]];
  return [
    svg("rect", { ...kept, y: top, height: high, fill: "var(--wash)" }),
    svg("line", { class: "rh-grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: left - 6, y: y(tick), dy: "0.35em", "text-anchor": "end", class: "rh-quiet" },
      `${100 * tick} %`),
    svg("clipPath", { id: clip }, svg("rect", { ...kept, y: top - 2, height: high + 2 })),
    svg("path", { d: outline, fill: ink, "fill-opacity": 0.75, "clip-path": `url(#${clip})` }),
    svg("path", { d: outline, fill: "none", stroke: ink, "stroke-width": 1.5 }),
    svg("path", {
      d: steps(training.histogram[c], edge, y), fill: "none", stroke: "var(--quiet)",
      "stroke-dasharray": "3 2", "stroke-width": 1.5,
    }),
    svg("line", { class: "rh-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    ...[start, end].map((at) => svg("line", {
      x1: at, x2: at, y1: top - 4, y2: bottom, stroke: "var(--ink)", "stroke-width": 1.5,
    })),
    svg("text", { x: 0, y: top - 6, class: "rh-strong" }, name),
    ...whiskers.flatMap(([whose, words, colour, below]) => whisker(
      words, value(255 * whose.mean[c]), whose.std[c] / std[c], x, bottom + below, colour,
      whose === picture)),
    ...(c === 0 ? [svg("text", {
      x: Math.min((start + end) / 2, right - 66), y: top - 10, "text-anchor": "middle",
    }, s.undo ? "imshow shows all of it" : "imshow shows 0 to 1")] : []),
  ];
}

/** The three histograms over one axis of values. */
function drawHistograms(s, { pictures, training }, width, clips) {
  const picture = pictures[s.image];
  const [top, high, row] = [4, 56, 124];
  const bottom = top + 3 * row - 2;
  const x = valueAxis(s, training, [64, width - 6]);
  const [left, right] = x.range;
  const most = Math.max(...picture.histogram.flat().map((n) => n / AREA), ...training.histogram.flat());
  const shared = { s, picture, training, ...recipe(s, training), x, most };
  return [bottom + 46, [svg("g", { "aria-hidden": "true" },
    ...x.ticks.flatMap((tick) => [
      svg("line", { class: "rh-grid", x1: x(tick), x2: x(tick), y1: top + 20, y2: bottom }),
      svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, fixed(tick, tick % 1 ? 1 : 0)),
    ]),
    svg("line", { class: "rh-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    svg("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, STAGES[s.stage][1]),
    ...clips.flatMap((clip, c) => panel(shared, c, top + c * row + 20, high, clip)),
  )]];
}

function clipping({ below, above, same }) {
  const [low, high, all] = [sum(below), sum(above), 3 * AREA];
  if (!low && !high) {
    return `imshow clips 0 of ${commas(all)} values, and shows ${commas(same)} of them as stored.`;
  }
  return `imshow clips ${commas(low + high)} of ${commas(all)} values ` +
    `(${percent((low + high) / all)}): ${commas(low)} below 0, ${commas(high)} above 1.`;
}

function trainingSplit(training, { mean, std }) {
  const means = training.mean.map((x, c) => fixed((x - mean[c]) / std[c], 3));
  const stds = training.std.map((x, c) => fixed(x / std[c], 3));
  return `The training split has means ${means.join(", ")} and stds ${stds.join(", ")}.`;
}

function caption(s, lost) {
  if (!s.mark) {
    return s.undo ? "Un-normalised, then shown by imshow."
      : "As imshow shows it: below 0 is black, above 1 is full brightness.";
  }
  const [some, three] = [[1, 2], [3]].map((counts) => lost.filter((n) => counts.includes(n)).length);
  return `Striped: one or two of a pixel’s three values are clipped (${commas(some)} pixels). ` +
    `Crossed: all three (${commas(three)}).`;
}

function table(picture, training, { mean, std }, { below, above }) {
  const rows = CHANNELS.map((channel, c) => [picture, training]
    .flatMap((whose) => [(whose.mean[c] - mean[c]) / std[c], whose.std[c] / std[c]])
    .map((x) => fixed(x, 3)).concat(percent((below[c] + above[c]) / AREA)));
  const head = (word) => html("th", { scope: "col" }, word);
  const group = (words) => html("th", { scope: "colgroup", colspan: 2 }, words);
  return html("table", {},
    html("thead", {},
      html("tr", {}, html("td"), group("image"), group("training split"), html("td")),
      html("tr", {}, html("td"), ...["mean", "std", "mean", "std", "clipped"].map(head))),
    html("tbody", {}, ...rows.map((row, c) => html(
      "tr", {}, html("th", { scope: "row" }, CHANNELS[c].name),
      ...row.map((text) => html("td", {}, text)),
    ))));
}

function render({ model, el }) {
  begin(el);
  const { pictures, training } = model.get("data");
  const images = pictures.map((picture) => decode(picture.bytes));
  const state = stateOf(model);
  const divisor = state.choice("divisor", "scaled by", (name) => DIVISORS[name]);
  const image = state.choice("image", "image", (i) => thumbnail(pictures[i], images[i]));
  const canvas = html("canvas", {
    class: "rh-picture", width: SIDE * CELL, height: SIDE * CELL, role: "img",
  });
  const clips = CHANNELS.map(() => newId("kept"));
  const histograms = stage("histograms of red, green and blue; their numbers are in the table",
    (width) => drawHistograms(state.read(), { pictures, training }, width, clips));
  const below = html("p", { class: "rh-note" });
  const said = readout();
  const numbers = html("div", { class: "rh-table rh-dense" });

  el.append(
    html("div", { class: "rh-controls rh-thumbnails" }, image),
    html("div", { class: "rh-controls" },
      state.choice("stage", "values", (name) => STAGES[name][0]), divisor,
      state.toggle("undo", "un-normalise before showing"), state.toggle("mark", "mark clipped pixels")),
    html("div", { class: "rh-beside" },
      html("div", { class: "rh-shown" }, canvas, below),
      html("div", { class: "rh-histograms" }, histograms)),
    said,
    html("div", { class: "rh-beside rh-apart" },
      numbers,
      html("p", { class: "rh-note rh-legend" },
        "Height: the share of pixels. Filled: what imshow shows; outline alone: what it clips. " +
        "Dashed: the training split. Marks under it: mean and one std to either side. " +
        "Images of the sample set, shrunk to 48×48; glyphs by OpenMoji, CC BY-SA 4.0.")),
    state.share(),
  );
  state.show((s) => {
    divisor.disabled = s.stage !== "scaled";
    const now = recipe(s, training);
    const result = imshow(images[s.image], now, s.undo);
    paint(canvas, result.shown, s.mark ? result.lost : null);
    const how = s.undo ? `${s.stage}, un-normalised` : s.stage;
    canvas.setAttribute("aria-label", `the ${pictures[s.image].name}, ${how}, as imshow shows it`);
    below.textContent = caption(s, result.lost);
    said.textContent = `${clipping(result)} ${trainingSplit(training, now)}`;
    numbers.replaceChildren(table(pictures[s.image], training, now, result));
    histograms.redraw();
  });
}

export default { render };
