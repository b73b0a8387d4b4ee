// Degradation explorer: recorded training curves by depth, and one that the reader draws.

import {
  axes, bandPath, begin, button, clamp, commas, fixed, html, linePath, nearest, newId, readout,
  reducedMotion, scale, stage, stateOf, sum, svg, textLine, toggle,
} from "./kit.js";

const DASHES = { 20: "2 4", 32: "9 3 2 3", 44: "7 4", 56: null };
const BLIND = 90; // % of wrong answers when one guesses among ten classes
const UNDRAWN = { revealed: false, prediction: [] };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const LIFTS = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** What follows from the state: the curves, and what of them the reader may see. */
function derived(state, recorded) {
  const s = { ...state, depths: [...new Set(state.depths)].sort((a, b) => a - b) };
  s.places = recorded.seen[s.measure];
  s.at = nearest(s.places, s.seen);
  const kinds = s.networks === "both" ? ["plain", "residual"] : [s.networks];
  s.curves = kinds.flatMap((kind) => s.depths.map((depth) => {
    const name = `${kind}-${depth}`;
    const { seeds, [s.measure]: columns } = recorded.curves[name];
    return { name, colour: `var(--${kind})`, dash: DASHES[depth], seeds, ...columns };
  }));
  s.asked = s.curves.at(-1); // the deepest; the residual one of two
  // A drawing has a value for each place, and only who has drawn to the end may look.
  const usable = s.predict && s.prediction.length === s.places.length;
  if (!usable) s.prediction = s.places.map(() => null);
  s.own = s.prediction.at(-1);
  s.revealed &&= s.own !== null;
  s.drawing = s.predict && !s.revealed;
  s.shown = s.drawing ? s.curves.slice(0, -1) : s.curves;
  return s;
}

/** Heights for labels, each as near to the wanted one as it can be without touching another. */
function spread(wanted, gap, top, bottom) {
  const blocks = [];
  const block = (members) => {
    const half = ((members.length - 1) * gap) / 2;
    const middle = sum(members.map((i) => wanted[i])) / members.length;
    return { members, half, middle: clamp(middle, top + half, bottom - half) };
  };
  for (const i of wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b])) {
    let now = block([i]);
    while (blocks.length && blocks.at(-1).middle + blocks.at(-1).half + gap > now.middle - now.half) {
      now = block([...blocks.pop().members, ...now.members]);
    }
    blocks.push(now);
  }
  const heights = [];
  for (const { members, half, middle } of blocks) {
    members.forEach((i, k) => { heights[i] = middle - half + k * gap; });
  }
  return heights;
}

/** A piece of line as the curve is drawn, for a legend. */
const sample = (stroke, dash) => svg(
  "svg", { class: "rh-sample", viewBox: "0 0 30 10", "aria-hidden": "true" },
  svg("line", { x1: 0, x2: 30, y1: 5, y2: 5, stroke, "stroke-width": 2.5, "stroke-dasharray": dash }),
);

/** A curve: a line, with its band where there are several seeds, and dots where it is coarse. */
function curveParts({ name, colour, dash, seeds, mean, low, high }, xs, y) {
  const points = mean.map((error, i) => [xs[i], y(error)]);
  const band = seeds > 1
    ? [svg("path", { d: bandPath(xs, low.map(y), high.map(y)), fill: colour, opacity: 0.2 })] : [];
  return [...band, stroke(name, colour, points, dash), ...(xs.length < 10 ? dots(points, colour, 3.5) : [])];
}

const stroke = (name, colour, points, dash = null) => svg("path", {
  d: linePath(points), fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash,
  "data-curve": name,
});
const dots = (points, fill, r) => points.map(([cx, cy]) => svg("circle", { cx, cy, r, fill }));

/** Names at the ends of the lines, in the margin to their right. */
function labels(ends, right, top, bottom) {
  const heights = spread(ends.map(({ y }) => y), 16, top, bottom);
  return ends.flatMap(({ words, colour, y }, i) => [
    svg("path", { d: linePath([[right + 2, y], [right + 12, heights[i]]]), fill: "none", stroke: colour }),
    svg("text", { x: right + 15, y: heights[i], dy: "0.35em" }, words),
  ]);
}

/** Where the reader's curve is at the cursor, or would begin. */
const height = (s) => s.prediction.slice(0, s.at + 1).findLast((value) => value !== null) ?? BLIND;

/** The scales of a drawing, and its edges in pixels. */
function layout(s, width, images) {
  const [left, right, top] = [36, width - 90, 30];
  const bottom = top + (width < 560 ? 290 : 340);
  const lowest = Math.min(...s.prediction.filter((value) => value !== null));
  const floor = s.logarithmic ? [10, 5, 2, 1].find((tick) => tick <= lowest) : 0;
  const x = scale([0, s.places.at(-1) / images], [left, right], { count: 4 });
  const y = scale([floor, 100], [bottom, top], { log: s.logarithmic });
  return { x, y, xs: s.places.map((seen) => x(seen / images)), width, left, right, top, bottom };
}

/** A line at the cursor's place, a dot on each curve, and a ring where the reader's would go on. */
function cursor(s, { xs, y, top, bottom }) {
  const cx = xs[s.at];
  const ring = svg("circle", {
    cx, cy: y(height(s)), r: 8, fill: "none", stroke: "var(--third)", "stroke-width": 2.5,
    "stroke-dasharray": s.prediction[s.at] === null ? "3 3" : null,
  });
  return [
    svg("line", { x1: cx, x2: cx, y1: bottom, y2: top, stroke: "var(--quiet)" }),
    ...s.shown.map(({ mean, colour }) => svg("circle", {
      cx, cy: y(mean[s.at]), r: 5, fill: colour, stroke: "var(--paper)", "stroke-width": 1.5,
    })),
    ...(s.drawing ? [ring] : []),
  ];
}

/** The plot. Of the true curve that is revealed a share stands there, `grown`. */
function drawPlot(s, view, grown, clip) {
  const { x, y, xs, left, right, top, bottom } = view;
  const drawn = s.prediction.map((value, i) => [i, value]).filter(([, value]) => value !== null)
    .map(([i, value]) => [xs[i], y(value)]);
  const ends = s.shown.map(({ name, colour, mean }) => ({ words: name, colour, y: y(mean.at(-1)) }));
  if (s.own !== null) ends.push({ words: "your curve", colour: "var(--third)", y: y(s.own) });
  ends.push({ words: "blind guess", colour: "var(--quiet)", y: y(BLIND) });
  const lines = (curves) => curves.flatMap((curve) => curveParts(curve, xs, y));
  const answer = s.revealed ? [s.asked] : [];
  return [bottom + 46, [
    axes(x, y, { xLabel: "passes over the training images", yLabel: `${s.measure} error (%)` }),
    svg("line", {
      x1: left, x2: right, y1: y(BLIND), y2: y(BLIND), stroke: "var(--quiet)",
      "stroke-dasharray": "1 3",
    }),
    svg("clipPath", { id: clip }, svg("rect", {
      x: left, y: 0, width: (right + 8 - left) * grown, height: bottom,
    })),
    ...lines(s.shown.filter((curve) => !answer.includes(curve))),
    svg("g", { "clip-path": `url(#${clip})` }, ...lines(answer)),
    ...(drawn.length ? [stroke("your curve", "var(--third)", drawn)] : []),
    ...dots(drawn, "var(--third)", 3), ...cursor(s, view), ...labels(ends, right, top, bottom),
  ]];
}

/** A stroke of the pen moves each point that it passes, and the one that it stands at. */
function drawnOver(prediction, { xs, y }, from, to) {
  const [x0, y0, x1, y1] = [...from, ...to];
  const value = (pixel) => clamp(Math.round(y.invert(pixel)), 1, 100);
  const here = nearest(xs, x1);
  return prediction.map((old, i) => {
    const x = xs[i];
    if (i === here && (x0 === x1 || Math.abs(x - x1) < 12)) return value(y1);
    const passed = x0 !== x1 && (x - x0) * (x - x1) <= 0;
    return passed ? value(y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)) : old;
  });
}

/** What the readout says: lines of words and of samples of the curves. */
function report(s, passes) {
  const seen = s.places[s.at];
  const error = s.measure === "test"
    ? "test error" : `training error over the last ${commas(s.places[0])}`;
  const rows = s.shown.map(({ name, colour, dash, seeds, mean, low, high }) => {
    const [middle, from, to] = [mean, low, high].map((column) => fixed(column[s.at], 1));
    const range = seeds > 1 ? `${from} to ${to}` : "one seed";
    return [sample(colour, dash), `${name} ${middle} % (${range})`];
  });
  if (s.predict) rows.push([sample("var(--third)", null), `your curve ${ownAt(s)}`]);
  return [
    ...(s.revealed ? [textLine(html("strong", {}, verdict(s)), " ")] : []),
    textLine(`After ${passes(seen)} (${commas(seen)} images), ${error}, `,
      "mean of the seeds (lowest to highest): "),
    ...rows.flatMap((row, i) =>
      [html("span", { class: "rh-cell" }, ...row, i < rows.length - 1 ? "," : "."), " "]),
  ];
}

const ownAt = (s) => (s.prediction[s.at] === null ? "not drawn here" : `${s.prediction[s.at]} %`);

function verdict({ own, asked }) {
  const end = asked.mean.at(-1);
  const off = Number((own - end).toFixed(1));
  const far = `${fixed(Math.abs(off), 1)} points too ${off > 0 ? "high" : "low"}`;
  return `${asked.name} ended at ${fixed(end, 1)} %, your curve at ${own} %: ${off ? far : "just right"}.`;
}

/** A checkbox for each depth. The last one stays: there is always a curve. */
function depthBoxes(state, all) {
  const boxes = all.map((depth) => toggle(String(depth), null, (on) => {
    const { depths } = state.read();
    state.change({ depths: all.filter((d) => (d === depth ? on : depths.includes(d))) });
  }));
  const element = html("fieldset", { class: "rh-choice" }, html("legend", {}, "layers"), ...boxes);
  const show = ({ depths }) => boxes.forEach((box, i) => {
    box.set(depths.includes(all[i]));
    box.firstElementChild.disabled = depths.length === 1 && depths[0] === all[i];
  });
  return [element, show];
}

function render({ model, el }) {
  begin(el);
  const recorded = model.get("data");
  const { images } = recorded;
  const passes = (seen) => `${seen / images} ${seen === images ? "pass" : "passes"}`;
  const clip = newId("clip");
  let grown = 1; // how much of the true curve stands there: it grows when it is revealed
  let frame = 0;
  let view = null; // the scales of the last drawing
  let pen = null; // where the pointer that draws was last, in pixels

  const derive = (values) => derived(values, recorded);
  const question = ({ predict, measure, asked }) => `${predict} ${measure} ${asked.name}`;
  const state = stateOf(model, {
    derive,
    // A drawing belongs to one question.
    alongWith: (values, s) => (question(derive({ ...s, ...values })) === question(s) ? {} : UNDRAWN),
  });

  const show = button("Show what happened", () => {
    state.change({ revealed: true });
    again.focus();
    if (reducedMotion()) return;
    const start = performance.now();
    const grow = (time) => {
      grown = clamp((time - start) / 1200, 0, 1);
      picture.redraw();
      if (grown < 1) frame = requestAnimationFrame(grow);
    };
    grow(start);
  });
  const again = button("Draw again", () => {
    state.change(UNDRAWN);
    picture.focus();
  });
  const task = html("p", { class: "rh-task" });
  const asking = html("div", {}, task, html("div", { class: "rh-controls" }, show, again));
  const [depths, showDepths] = depthBoxes(state, recorded.depths);
  const said = readout();

  const picture = stage("curves of the error", (width) => {
    const s = state.read();
    view = layout(s, width, images);
    return drawPlot(s, view, grown, clip);
  });
  const plot = picture.firstElementChild;
  picture.tabIndex = 0;
  picture.setAttribute("role", "slider");

  function moveTo(index) {
    const { places, seen } = state.read();
    const now = places[clamp(index, 0, places.length - 1)];
    if (now !== seen) state.change({ seen: now });
  }
  picture.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const s = state.read();
    if (event.key in STEPS) moveTo(s.at + STEPS[event.key]);
    else if (s.drawing && event.key in LIFTS) {
      const value = clamp(height(s) + LIFTS[event.key], 1, 100);
      state.change({ prediction: s.prediction.with(s.at, value) });
    } else return;
    event.preventDefault();
  });

  /** The place of a pointer on the plot, in the drawing's pixels. */
  function place(event) {
    const box = plot.getBoundingClientRect();
    const ratio = view.width / box.width;
    return [
      clamp((event.clientX - box.left) * ratio, view.left, view.right),
      clamp((event.clientY - box.top) * ratio, view.top, view.bottom),
    ];
  }
  function point(event) {
    const to = place(event);
    moveTo(nearest(view.xs, to[0]));
    if (!pen) return;
    state.change({ prediction: drawnOver(state.read().prediction, view, pen, to) });
    pen = to;
  }
  plot.addEventListener("pointerdown", (event) => {
    if (state.read().drawing && event.button === 0) {
      plot.setPointerCapture(event.pointerId);
      pen = place(event);
    }
    point(event);
  });
  plot.addEventListener("pointermove", point);
  plot.addEventListener("lostpointercapture", () => { pen = null; });

  function update(s) {
    if (!s.revealed) {
      cancelAnimationFrame(frame);
      grown = 1;
    }
    showDepths(s);
    asking.hidden = !s.predict;
    task.textContent = `How will the ${s.measure} error of ${s.asked.name} fall? Draw the curve ` +
      "that you expect: drag over the plot, to its right end. By keyboard, on the plot: ← and → " +
      "choose a place, ↑ and ↓ move your curve there.";
    show.disabled = !s.drawing || s.own === null;
    again.disabled = s.prediction.every((value) => value === null);
    // A finger draws, or moves the cursor; up and down it scrolls the page when nothing is drawn.
    plot.setAttribute("class", s.drawing ? "rh-plot rh-drawing" : "rh-plot");
    const attributes = {
      "aria-label": s.drawing ? "place on the curves, and your curve there" : "place on the curves",
      "aria-valuemin": s.places[0], "aria-valuemax": s.places.at(-1),
      "aria-valuenow": s.places[s.at],
      "aria-valuetext": passes(s.places[s.at]) + (s.predict ? `, your curve ${ownAt(s)}` : ""),
    };
    for (const [name, value] of Object.entries(attributes)) picture.setAttribute(name, value);
    const news = html("p", {}, ...report(s, passes));
    if (news.textContent !== said.textContent) said.replaceChildren(...news.childNodes);
    picture.redraw();
  }

  el.append(
    html("div", { class: "rh-controls" },
      state.choice("networks", "networks"), depths, state.choice("measure", "error"),
      state.toggle("logarithmic", "logarithmic axis"), state.toggle("predict", "predict first")),
    asking, picture, said, state.share(),
  );
  state.show(update);
  return () => cancelAnimationFrame(frame);
}

export default { render };
