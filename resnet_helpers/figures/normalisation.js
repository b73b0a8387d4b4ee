// Normalisation explorer: an image's values raw, centred and scaled, and what imshow clips.

const SIDE = 48; // pixels of an image, each way
const CELL = 8; // pixels of the screen for each of them
const BIN = 8; // bytes in a bar of the histograms
// Mixed with the ink, each has contrast on light and on dark paper.
const CHANNELS = [["red", "#e8000b"], ["green", "#00a02c"], ["blue", "#2a3cff"]].map(
  ([name, colour]) => ({ name, ink: `color-mix(in srgb, ${colour} 60%, var(--ink))` }),
);
const STAGES = { raw: "byte / 255", centred: "byte / 255 − mean", scaled: "(byte / 255 − mean) / std" };
const DIVISORS = { std: "the true std", mean_of_stds: "the lecture notes’ std" };
const STATE = ["image", "stage", "divisor", "undo", "mark"];

/** As Python's f"{x:.3f}", with a proper minus, and never minus zero. */
function fixed(x, digits = 3) {
  const text = Math.abs(x).toFixed(digits);
  return x < 0 && Number(text) ? `−${text}` : text;
}

/** To a tenth, before a space that doesn't break. */
const percent = (count, total) => `${(Math.round((1000 * count) / total) / 10).toFixed(1)}\u00a0%`;

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
  const area = SIDE * SIDE;
  const result = {
    shown: new Uint8Array(3 * area), below: [0, 0, 0], above: [0, 0, 0],
    lost: new Uint8Array(area), // how many of a pixel's three values were clipped
    same: 0, // values that are shown as they were stored
  };
  for (let i = 0; i < 3 * area; i++) {
    const channel = Math.floor(i / area);
    const value = (bytes[i] / 255 - mean[channel]) / std[channel];
    const given = undo ? value * std[channel] + mean[channel] : value;
    result.shown[i] = Math.floor(Math.min(Math.max(given, 0), 1) * 255 + 0.5);
    result.same += result.shown[i] === bytes[i];
    if (undo || (value >= 0 && value <= 1)) continue; // un-normalised values are bytes again
    result[value < 0 ? "below" : "above"][channel] += 1;
    result.lost[i % area] += 1;
  }
  return result;
}

/** Paint an image, with stripes over the pixels that were clipped if `lost` is given. */
function paint(canvas, shown, lost) {
  const [side, area] = [canvas.width, SIDE * SIDE];
  const picture = new ImageData(side, side);
  const painted = new Uint32Array(picture.data.buffer); // alpha, blue, green, red: 8 bits each
  const [white, black] = [0xffffffff, 0xff000000];
  const colours = Uint32Array.from({ length: area }, (_, i) =>
    black + (shown[2 * area + i] << 16) + (shown[area + i] << 8) + shown[i]);
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

function render({ model, el }) {
  begin(el);
  const pictures = model.get("pictures");
  const training = model.get("training");
  const images = pictures.map((picture) => decode(picture.bytes));

  /** The state; what a broken link may carry is replaced by the first that is possible. */
  function setting() {
    const one = (name, options) => options.find((option) => option === model.get(name)) ?? options[0];
    return {
      image: one("image", pictures.map((_, i) => i)),
      stage: one("stage", Object.keys(STAGES)),
      divisor: one("divisor", Object.keys(DIVISORS)),
      undo: model.get("undo") === true,
      mark: model.get("mark") === true,
    };
  }

  function change(name) {
    return (value) => {
      model.set(name, value);
      model.save_changes();
    };
  }

  /** A small picture beside its name. */
  function thumbnail({ name }, i) {
    const canvas = html("canvas", {
      width: SIDE, height: SIDE, "aria-hidden": "true", style: "border-radius: 4px; width: 40px",
    });
    paint(canvas, images[i]);
    return html("span", { style: "align-items: center; display: flex; gap: 0.4rem" }, canvas, name);
  }

  const first = setting();
  const controls = {
    image: choice({
      label: "image", value: first.image, oninput: change("image"),
      options: pictures.map((picture, i) => [i, thumbnail(picture, i)]),
    }),
    stage: choice({
      label: "values", value: first.stage, oninput: change("stage"),
      options: [["raw", "raw"], ["centred", "centred"], ["scaled", "centred and scaled"]],
    }),
    divisor: choice({
      label: "scaled by", value: first.divisor, oninput: change("divisor"),
      options: Object.entries(DIVISORS),
    }),
    undo: toggle({
      label: "un-normalise before showing", value: first.undo, oninput: change("undo"),
    }),
    mark: toggle({ label: "mark clipped pixels", value: first.mark, oninput: change("mark") }),
  };

  controls.image.querySelector("legend").style.lineHeight = "40px"; // as high as the thumbnails

  const canvas = html("canvas", {
    width: SIDE * CELL, height: SIDE * CELL, role: "img",
    style: "border-radius: 4px; display: block; max-width: 100%; width: 100%",
  });
  const clipId = [0, 1, 2].map(() => newId("kept"));

  const histograms = stage("histograms of red, green and blue; their numbers are in the table", (width) => {
    const s = setting();
    const { mean, std } = recipe(s, training);
    const picture = pictures[s.image];
    const [left, right, top, high, row] = [64, width - 6, 4, 56, 124];
    const value = (byte, c) => (byte / 255 - mean[c]) / std[c];
    // One axis for raw and centred, one for both stds: what moves or stretches is seen to do so.
    const divisor = (c) => (s.stage === "scaled" ? Math.min(training.std[c], training.mean_of_stds[c]) : 1);
    const low = Math.min(...training.mean.map((m, c) => -m / divisor(c)));
    const highest = Math.max(1, ...training.mean.map((m, c) => (1 - m) / divisor(c)));
    const room = (highest - low) * 0.04;
    const x = scale([low - room, highest + room], [left, right]);
    const shares = picture.histogram.map((counts) => counts.map((n) => n / SIDE ** 2));
    const most = Math.max(...shares.flat(), ...training.histogram.flat());
    const bottom = top + 3 * row - 2;

    const parts = x.ticks.flatMap((tick) => [
      svg("line", { class: "rh-grid", x1: x(tick), x2: x(tick), y1: top + 20, y2: bottom }),
      svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, fixed(tick, tick % 1 ? 1 : 0)),
    ]);
    parts.push(
      svg("line", { class: "rh-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      svg("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, STAGES[s.stage]),
    );
    CHANNELS.forEach(({ name, ink }, c) => {
      const from = top + c * row + 20;
      const y = scale([0, most], [from + high, from], { count: 2 });
      const tick = y.ticks.at(-1);
      const edge = (i) => x(value(BIN * i - 0.5, c));
      const kept = s.undo ? [value(0, c), value(255, c)] : [0, 1];
      const [start, end] = kept.map(x);
      const outline = steps(shares[c], edge, y);
      parts.push(
        svg("rect", { x: start, y: from, width: end - start, height: high, fill: "var(--wash)" }),
        svg("line", { class: "rh-grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
        svg("text", { x: left - 6, y: y(tick), dy: "0.35em", "text-anchor": "end", class: "rh-quiet" },
          `${100 * tick} %`),
        svg("clipPath", { id: clipId[c] },
          svg("rect", { x: start, y: from - 2, width: end - start, height: high + 2 })),
        svg("path", { d: outline, fill: ink, "fill-opacity": 0.75, "clip-path": `url(#${clipId[c]})` }),
        svg("path", { d: outline, fill: "none", stroke: ink, "stroke-width": 1.5 }),
        svg("path", {
          d: steps(training.histogram[c], edge, y), fill: "none", stroke: "var(--quiet)",
          "stroke-dasharray": "3 2", "stroke-width": 1.5,
        }),
        svg("line", { class: "rh-axis", x1: left, x2: right, y1: from + high, y2: from + high }),
        ...[start, end].map((at) => svg("line", {
          x1: at, x2: at, y1: from - 4, y2: from + high, stroke: "var(--ink)", "stroke-width": 1.5,
        })),
        svg("text", { x: 0, y: from - 6, style: "font-weight: 600" }, name),
        ...whisker(
          "image", value(255 * picture.mean[c], c), picture.std[c] / std[c],
          x, from + high + 14, ink, true,
        ),
        ...whisker(
          "training", value(255 * training.mean[c], c), training.std[c] / std[c],
          x, from + high + 30, "var(--quiet)", false,
        ),
      );
      if (c === 0) {
        const words = s.undo ? "imshow shows all of it" : "imshow shows 0 to 1";
        const middle = Math.min((start + end) / 2, right - 66);
        parts.push(svg("text", { x: middle, y: from - 10, "text-anchor": "middle" }, words));
      }
    });
    return [bottom + 46, [svg("g", { "aria-hidden": "true" }, ...parts)]];
  });

  const caption = html("p", { class: "rh-note" });
  const said = readout();
  const table = html("div", { class: "rh-table rh-dense" });

  function draw() {
    const s = setting();
    for (const [name, control] of Object.entries(controls)) control.set(s[name]);
    controls.divisor.disabled = s.stage !== "scaled";
    const now = recipe(s, training);
    const result = imshow(images[s.image], now, s.undo);
    paint(canvas, result.shown, s.mark ? result.lost : null);
    histograms.redraw();
    const { name } = pictures[s.image];
    const how = s.undo ? `${s.stage}, un-normalised` : s.stage;
    canvas.setAttribute("aria-label", `the ${name}, ${how}, as imshow shows it`);
    caption.textContent = s.mark ? stripes(result.lost)
      : s.undo ? "Un-normalised, then shown by imshow."
      : "As imshow shows it: below 0 is black, above 1 is full brightness.";
    said.textContent = `${clipping(result)} ${trainingSplit(now)}`;
    table.replaceChildren(numbers(s, now, result));
  }

  function clipping({ below, above, same }) {
    const [low, high] = [below, above].map((counts) => counts.reduce((a, b) => a + b));
    const all = 3 * SIDE * SIDE;
    if (!low && !high) {
      return `imshow clips 0 of ${commas(all)} values, and shows ${commas(same)} of them as stored.`;
    }
    return `imshow clips ${commas(low + high)} of ${commas(all)} values ` +
      `(${percent(low + high, all)}): ${commas(low)} below 0, ${commas(high)} above 1.`;
  }

  function trainingSplit({ mean, std }) {
    const means = training.mean.map((x, c) => fixed((x - mean[c]) / std[c]));
    const stds = training.std.map((x, c) => fixed(x / std[c]));
    return `The training split has means ${means.join(", ")} and stds ${stds.join(", ")}.`;
  }

  function stripes(lost) {
    const [some, three] = [[1, 2], [3]].map((counts) => lost.filter((n) => counts.includes(n)).length);
    return `Striped: one or two of a pixel’s three values are clipped (${commas(some)} pixels). ` +
      `Crossed: all three (${commas(three)}).`;
  }

  function numbers(s, { mean, std }, { below, above }) {
    const picture = pictures[s.image];
    const rows = CHANNELS.map((channel, c) => [
      (picture.mean[c] - mean[c]) / std[c], picture.std[c] / std[c],
      (training.mean[c] - mean[c]) / std[c], training.std[c] / std[c],
    ].map((x) => fixed(x)).concat(percent(below[c] + above[c], SIDE * SIDE)));
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

  const beside = "align-items: flex-start; display: flex; flex-wrap: wrap";
  el.append(
    html("div", { class: "rh-controls" }, controls.image),
    html("div", { class: "rh-controls" }, controls.stage, controls.divisor, controls.undo, controls.mark),
    html("div", { style: `${beside}; gap: 0.8rem 1.4rem` },
      html("div", { style: "flex: 1 1 220px; max-width: 400px" }, canvas, caption),
      html("div", { style: "flex: 1.4 1 280px; min-width: 0" }, histograms)),
    said,
    html("div", { style: `${beside}; gap: 0.2rem 1.6rem; margin-top: 0.6rem` },
      table,
      html("p", { class: "rh-note", style: "flex: 1 1 260px" },
        "Height: the share of pixels. Filled: what imshow shows; outline alone: what it clips. " +
        "Dashed: the training split. Marks under it: mean and one std to either side. " +
        "Images of the sample set, shrunk to 48×48; glyphs by OpenMoji, CC BY-SA 4.0.")),
    shareButton(model, STATE) ?? "",
  );
  STATE.forEach((name) => model.on(`change:${name}`, draw));
  draw();
}

export default { render };
