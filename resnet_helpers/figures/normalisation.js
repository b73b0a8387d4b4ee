// Normalisation explorer: an image's values raw, centred and scaled, and what imshow clips.

import {
  axes, begin, clamp, commas, curve, fixed, html, percent, rule, scale, stateOf, sum, svg, text,
} from "./kit.js";

const SIDE = 48; // pixels of an image, each way
const AREA = SIDE ** 2;
const CELL = 8; // pixels of the screen for each of them
const BIN = 8; // bytes in a bar of the histograms
// Mixed with the ink, each has contrast on light and on dark paper.
const CHANNELS = [["red", "#e8000b"], ["green", "#00a02c"], ["blue", "#2a3cff"]].map(
  ([name, colour]) => ({ name, ink: `color-mix(in srgb, ${colour} 60%, var(--ink))` }),
);
const HEADS = ["", ...CHANNELS.map(({ name }) => name)];
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
    lost: new Uint8Array(AREA), // 1 where one of a pixel's three values was clipped
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
    result.lost[i % AREA] = 1;
  }
  return result;
}

/** Paint an image, with stripes over the pixels that were clipped if `lost` is given. */
function paint(canvas, shown, lost) {
  const context = canvas.getContext("2d");
  const side = canvas.width / SIDE;
  for (let i = 0; i < AREA; i++) {
    const [x, y] = [(i % SIDE) * side, Math.floor(i / SIDE) * side];
    context.fillStyle = `rgb(${shown[i]} ${shown[i + AREA]} ${shown[i + 2 * AREA]})`;
    context.fillRect(x, y, side, side);
    if (!lost?.[i]) continue;
    // A white line beside a black one shows on every colour.
    context.fillStyle = "white";
    context.fillRect(x, y + side / 2, side, 1);
    context.fillStyle = "black";
    context.fillRect(x, y + side / 2 + 1, side, 1);
  }
}

/** The outline of a histogram whose bars may have any height, as points. */
function steps(heights, x, y) {
  const corners = heights.flatMap((height, i) => [[x(i), y(height)], [x(i + 1), y(height)]]);
  return [[x(0), y(0)], ...corners, [x(heights.length), y(0)]];
}

/** A small picture, to be pressed. */
function thumbnail({ name }, bytes) {
  const canvas = html("canvas", { width: SIDE, height: SIDE, title: name, "aria-hidden": "true" });
  paint(canvas, bytes, null);
  return canvas;
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

/** The histogram of channel c from a height on: its bars and their frame. */
function panel({ s, picture, training, mean, std, x, most }, c, top, bottom) {
  const { name, ink } = CHANNELS[c];
  const [left, right] = x.range;
  const y = scale([0, most], [bottom, top], 2);
  const tick = y.ticks.at(-1);
  const value = (byte) => (byte / 255 - mean[c]) / std[c];
  const edge = (i) => x(value(BIN * i - 0.5));
  const [start, end] = (s.undo ? [value(0), value(255)] : [0, 1]).map(x);
  const outline = steps(picture.histogram[c].map((n) => n / AREA), edge, y);
  const kept = { x: start, y: top - 2, width: end - start, height: bottom - top + 2 };
  return [
    svg("rect", { ...kept, fill: "var(--wash)" }),
    rule(left, y(tick), right, y(tick), { class: "rh-grid" }),
    text(left - 6, y(tick), `${100 * tick} %`, "end", "rh-quiet"),
    // A picture within the picture cuts what is outside it.
    svg("svg", { ...kept, viewBox: Object.values(kept).join(" ") },
      svg("polygon", { points: outline.join(" "), fill: ink, "fill-opacity": 0.75 })),
    curve(outline, ink),
    curve(steps(training.histogram[c], edge, y), "var(--quiet)", { "stroke-dasharray": "3 2" }),
    rule(left, bottom, right, bottom, { class: "rh-axis" }),
    ...[start, end].map((at) => rule(at, top - 4, at, bottom, { stroke: "var(--ink)" })),
    text(0, top - 10, name, "start", "rh-strong"),
  ];
}

/** The three histograms over one axis of values. */
function drawHistograms(s, { pictures, training }, width) {
  const picture = pictures[s.image];
  const [top, high, row] = [24, 56, 86];
  const bottom = 3 * row;
  const x = valueAxis(s, training, [64, width - 6]);
  const most = Math.max(...picture.histogram.flat().map((n) => n / AREA), ...training.histogram.flat());
  const shared = { s, picture, training, ...s.now, x, most };
  return [bottom + 46, [svg("g", { "aria-hidden": "true" },
    axes(x, { range: [bottom, top], ticks: [] }, { // each panel has heights of its own
      xLabel: STAGES[s.stage][1], xFormat: (tick) => fixed(tick, tick % 1 ? 1 : 0),
      yLabel: s.undo ? "shaded: imshow shows all" : "shaded: imshow shows 0 to 1",
    }),
    ...CHANNELS.flatMap((_, c) => panel(shared, c, top + c * row, top + c * row + high)),
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
  if (s.mark) return `Striped: ${commas(sum(lost))} pixels of which imshow clips a value or more.`;
  return s.undo ? "Un-normalised, then shown by imshow."
    : "As imshow shows it: below 0 is black, above 1 is full brightness.";
}

function rows(picture, training, { mean, std }, { below, above }) {
  const row = (words, write) => [words, ...CHANNELS.map((_, c) => write(c))];
  return [
    ...[["image", picture], ["training split", training]].flatMap(([words, whose]) => [
      row(`${words}, mean`, (c) => fixed((whose.mean[c] - mean[c]) / std[c], 3)),
      row(`${words}, std`, (c) => fixed(whose.std[c] / std[c], 3)),
    ]),
    row("clipped", (c) => percent((below[c] + above[c]) / AREA)),
  ];
}

/** What follows from the state: what the stage does, and what imshow makes of it. */
function derived(s, training, images) {
  const now = recipe(s, training);
  return { ...s, now, result: imshow(images[s.image], now, s.undo) };
}

function render({ model, el }) {
  const { pictures, training } = model.get("data");
  const images = pictures.map((picture) => decode(picture.bytes));
  const state = stateOf(model, el, { derive: (s) => derived(s, training, images) });
  const divisor = state.choice("divisor", "scaled by", (name) => DIVISORS[name]);
  const canvas = html("canvas", {
    class: "rh-picture", width: SIDE * CELL, height: SIDE * CELL, role: "img",
  });

  begin(el, {
    title: "What does imshow show of normalised values?",
    task: "Before you press a step of the values, guess how the picture will look.",
  }, html("div", { class: "rh-shown" },
    html("div", { class: "rh-above" }, canvas,
      state.choice("image", "image", (i) => thumbnail(pictures[i], images[i])),
      state.live(html("p", { class: "rh-note" }), (s) => [caption(s, s.result.lost)])),
    state.stage("histograms of red, green and blue; their numbers are in the table",
      (s, width) => drawHistograms(s, { pictures, training }, width)),
    html("div", { class: "rh-controls" },
      state.choice("stage", "values", (name) => STAGES[name][0]), divisor,
      state.toggle("undo", "un-normalise before showing"), state.toggle("mark", "mark clipped pixels"))),
  state.readout(({ result, now }) => [`${clipping(result)} ${trainingSplit(training, now)}`]),
  html("div", { class: "rh-columns" },
    state.table((s) => [HEADS, rows(pictures[s.image], training, s.now, s.result)]),
    html("p", { class: "rh-note" },
      "Height: the share of pixels. Filled: what imshow shows; outline alone: what it clips. " +
      "Dashed: the training split. " +
      "Images of the sample set, shrunk to 48×48; glyphs by OpenMoji, CC BY-SA 4.0.")),
  state.share());
  state.show((s) => {
    divisor.disabled = s.stage !== "scaled";
    paint(canvas, s.result.shown, s.mark ? s.result.lost : null);
    const how = s.undo ? `${s.stage}, un-normalised` : s.stage;
    canvas.setAttribute("aria-label", `the ${pictures[s.image].name}, ${how}, as imshow shows it`);
  });
}

export default { render };
