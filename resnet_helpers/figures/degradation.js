// Degradation explorer: recorded training curves by depth, and one that the reader draws.

import {
  axes, begin, button, clamp, curve, fill, fixed, html, nearest, pointer, rule, scale, stateOf, svg,
  text,
} from "./kit.js";

const DASHES = { 20: "2 4", 56: null };
const BLIND = 90; // % of wrong answers when one guesses among ten classes
const UNDRAWN = { revealed: false, prediction: [], passes: 1 };
// What the keys do on the plot: places along it, and points of % that the reader's curve moves.
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const LIFTS = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** What follows from the state: the curves, and what of them the reader may see. */
function derived(state, recorded) {
  const s = { ...state, depths: [...new Set(state.depths)].sort((a, b) => a - b) };
  s.at = s.passes - 1;
  s.after = `${s.passes} ${s.passes === 1 ? "pass" : "passes"}`;
  const kinds = s.networks === "both" ? ["plain", "residual"] : [s.networks];
  s.curves = kinds.flatMap((kind) => s.depths.map((depth) => {
    const name = `${kind}-${depth}`;
    const { seeds, [s.measure]: columns } = recorded.curves[name];
    return { name, colour: `var(--${kind})`, dash: DASHES[depth], seeds, ...columns };
  }));
  s.asked = s.curves.at(-1); // the deepest; the residual one of two
  // A drawing has a value for each pass, and only who has drawn to the end may look.
  const usable = s.predict && s.prediction.length === recorded.passes;
  if (!usable) s.prediction = Array(recorded.passes).fill(null);
  s.own = s.prediction.at(-1);
  s.blank = s.prediction.every((value) => value === null);
  s.revealed &&= s.own !== null;
  s.drawing = s.predict && !s.revealed;
  s.shown = s.drawing ? s.curves.slice(0, -1) : s.curves;
  return s;
}

/** Labels from top to bottom: each in reach of its line, apart from the next, above the bottom. */
function spread(ends, gap, bottom) {
  const down = ends.toSorted((a, b) => a.y - b.y);
  down.forEach((end, i) => { end.height = Math.max(end.y, i ? down[i - 1].height + gap : 0); });
  down.reverse().forEach((end, i, up) => {
    end.height = Math.min(end.height, i ? up[i - 1].height - gap : bottom);
  });
  return down;
}

/** A curve: a line, with its band where there are several seeds. */
function curveParts({ name, colour, dash, seeds, mean, low, high }, xs, y) {
  const points = mean.map((error, i) => [xs[i], y(error)]);
  const there = high.map((error, i) => [xs[i], y(error)]);
  const back = low.map((error, i) => [xs[i], y(error)]).reverse();
  return [
    seeds > 1 && svg("polygon", { points: [...there, ...back].join(" "), fill: colour, opacity: 0.2 }),
    curve(points, colour, { "stroke-dasharray": dash, "data-curve": name }),
  ];
}

const dots = (points, colour) => points.map(([cx, cy]) => svg("circle", { cx, cy, r: 2.5, fill: colour }));

/** Names at the ends of the lines, in the margin to their right. */
const labels = (ends, right, bottom) => spread(ends, 16, bottom).flatMap(
  ({ words, colour, y, height }) => [
    curve([[right + 2, y], [right + 12, height]], colour, { "stroke-width": 1 }),
    text(right + 15, height, words),
  ]);

/** Where the reader's curve is at the cursor, or would begin. */
const height = (s) => s.prediction.slice(0, s.at + 1).findLast((value) => value !== null) ?? BLIND;

/** The scales of a drawing, and its edges in pixels. */
function layout(s, width, room) {
  const [left, right, top] = [36, width - 90, 30];
  const bottom = room ? room - 46 : top + (width < 560 ? 290 : 340);
  const passes = s.prediction.map((_, i) => i + 1);
  const x = scale([0, passes.length], [left, right], 6);
  const y = scale([0, 100], [bottom, top]);
  return { x, y, xs: passes.map(x), left, right, top, bottom };
}

/** A line at the cursor's place, a dot on each curve, and a ring where the reader's would go on. */
function cursor(s, { xs, y, top, bottom }) {
  const cx = xs[s.at];
  return [
    rule(cx, bottom, cx, top, { stroke: "var(--quiet)" }),
    ...s.shown.map(({ mean, colour }) => svg("circle", {
      cx, cy: y(mean[s.at]), r: 5, fill: colour, stroke: "var(--paper)", "stroke-width": 1.5,
    })),
    s.drawing && svg("circle", {
      cx, cy: y(height(s)), r: 8, fill: "none", stroke: "var(--you)", "stroke-width": 2.5,
      "stroke-dasharray": s.prediction[s.at] === null ? "3 3" : null,
    }),
    s.drawing && s.blank && text(cx + 16, y(height(s)) - 14, "start here", "start", "rh-you"),
  ];
}

function drawPlot(s, view) {
  const { x, y, xs, left, right, bottom } = view;
  const drawn = s.prediction.flatMap((value, i) => (value === null ? [] : [[xs[i], y(value)]]));
  const ends = s.shown.map(({ name, colour, mean }) => ({ words: name, colour, y: y(mean.at(-1)) }));
  if (s.own !== null) ends.push({ words: "your curve", colour: "var(--you)", y: y(s.own) });
  ends.push({ words: "blind guess", colour: "var(--quiet)", y: y(BLIND) });
  return [bottom + 46, [
    axes(x, y, { xLabel: "passes over the training images", yLabel: `${s.measure} error (%)` }),
    rule(left, y(BLIND), right, y(BLIND), { stroke: "var(--quiet)", "stroke-dasharray": "1 3" }),
    ...s.shown.flatMap((one) => curveParts(one, xs, y)),
    drawn.length && curve(drawn, "var(--you)", { "data-curve": "your curve" }),
    ...dots(drawn, "var(--you)"), ...cursor(s, view), ...labels(ends, right, bottom),
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

/** What the readout says, in lines. */
function report(s) {
  const error = s.measure === "test" ? "test error" : "training error during the last";
  const each = s.shown.map(({ name, seeds, mean, low, high }) => {
    const [middle, from, to] = [mean, low, high].map((column) => fixed(column[s.at], 1));
    return `${name} ${middle} % (${seeds > 1 ? `${from} to ${to}` : "one seed"})`;
  });
  if (s.predict) each.push(`your curve ${ownAt(s)}`);
  return [
    ...(s.revealed ? [html("strong", {}, verdict(s))] : []),
    `After ${s.after}, ${error}, mean of the seeds (lowest to highest):`,
    `${each.join(", ")}.`,
  ];
}

const ownAt = (s) => (s.prediction[s.at] === null ? "not drawn here" : `${s.prediction[s.at]} %`);

function verdict({ own, asked }) {
  const end = asked.mean.at(-1);
  const off = Number((own - end).toFixed(1));
  const far = `${fixed(Math.abs(off), 1)} points too ${off > 0 ? "high" : "low"}`;
  return `${asked.name} ended at ${fixed(end, 1)} %, your curve at ${own} %: ${off ? far : "just right"}.`;
}

function heading({ drawing, revealed, measure, asked }) {
  if (drawing) return `Draw the ${measure} error of ${asked.name}.`;
  return revealed ? "What you expected, and what happened." : "What does depth do to the error?";
}

const task = ({ drawing }) => (drawing
  ? "Drag over the plot, to its right end. By keyboard, on the plot: ← and → choose a place, ↑ and ↓ " +
    "move your curve there."
  : "Point at the plot, or use ← and → on it, to read the errors there.");

function render({ model, el }) {
  const recorded = model.get("data");
  let view = null; // the scales of the last drawing
  let pen = null; // where the pointer that draws was last, in pixels

  const derive = (values) => derived(values, recorded);
  const question = ({ predict, measure, asked }) => `${predict} ${measure} ${asked.name}`;
  const state = stateOf(model, el, {
    derive,
    // A drawing belongs to one question.
    alongWith: (values, s) => (question(derive({ ...s, ...values })) === question(s) ? {} : UNDRAWN),
  });

  const show = button("Show what happened", () => {
    state.change({ revealed: true, passes: recorded.passes });
    again.focus();
  });
  const again = button("Draw again", () => {
    state.change(UNDRAWN);
    picture.focus();
  });
  const picture = state.stage("curves of the error", (s, width, room) => {
    view = layout(s, width, room);
    return drawPlot(s, view);
  });
  const plot = picture.firstElementChild;
  fill(picture, { tabindex: 0, role: "slider" });

  function moveTo(index) {
    const passes = clamp(index, 0, recorded.passes - 1) + 1;
    if (passes !== state.read().passes) state.change({ passes });
  }
  picture.addEventListener("keydown", (event) => {
    const { key } = event;
    const s = state.read();
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (key in STEPS) moveTo(s.at + STEPS[key]);
    else if (s.drawing && key in LIFTS) {
      const value = clamp(height(s) + LIFTS[key], 1, 100);
      state.change({ prediction: s.prediction.with(s.at, value) });
    } else return;
    event.preventDefault(); // the page doesn't scroll
  });

  /** The place of a pointer on the plot, in the drawing's pixels. */
  function place(event) {
    const [x, y] = pointer(event, plot);
    return [clamp(x, view.left, view.right), clamp(y, view.top, view.bottom)];
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

  begin(el, {
    title: state.live(html("span"), (s) => [heading(s)]),
    task: state.live(html("span"), (s) => [task(s)]),
  }, picture,
  html("div", { class: "rh-controls" },
    fill(show, { class: "rh-primary", style: "--colour: var(--you)" }), again,
    state.choice("networks", "networks"), state.choice("depths", "layers"),
    state.choice("measure", "error"), state.toggle("predict", "predict first")),
  state.readout(report), state.share());
  state.show((s) => {
    show.hidden = again.hidden = !s.predict;
    show.disabled = !s.drawing || s.own === null;
    again.disabled = s.blank;
    plot.setAttribute("class", s.drawing ? "rh-plot rh-drawing" : "rh-plot");
    fill(picture, {
      "aria-label": s.drawing ? "place on the curves, and your curve there" : "place on the curves",
      "aria-valuemin": 1, "aria-valuemax": recorded.passes, "aria-valuenow": s.passes,
      "aria-valuetext": s.after + (s.predict ? `, your curve ${ownAt(s)}` : ""),
    });
  });
}

export default { render };
