// The playground: two networks that differ in one +, trained in the page, side by side.

import {
  apart, axes, button, clamp, curve, fill, fixed, html, percent, scale, stateOf, sum, svg, text,
} from "./kit.js";
import { mathematics } from "./playground_math.js";

const { dataset, STEPS, CELLS, EDGE } = mathematics();
const KINDS = ["plain", "residual"];
const STRIDE = 8; // steps between two pictures
const SEEDS = [0, 1, 2]; // of a sweep
const SWEEPS = {
  depth: { words: "layers", values: [4, 8, 16, 24, 40, 64] },
  rate: { words: "learning rate", values: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3] },
};
const power = (k) => `10${[...String(k)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;
const mean = (numbers) => sum(numbers) / numbers.length;

/** The plane as a network sees it: the likelier class 1, the stronger the colour. */
function paint(canvas, plane) {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, CELLS, CELLS);
  pen.fillStyle = getComputedStyle(canvas).color;
  plane.forEach((likely, i) => {
    pen.globalAlpha = 0.65 * (likely || 0);
    pen.fillRect(i % CELLS, Math.floor(i / CELLS), 1, 1);
  });
}

/** The points that are to be told apart: filled ones and rings. */
function dots({ points, seed }) {
  const { points: places, labels } = dataset(points, seed);
  return labels.map((label, i) => svg("circle", { class: label ? "rh-filled" : "rh-ring", r: 0.026,
    cx: places[i].toFixed(3), cy: (-places[labels.length + i]).toFixed(3) }));
}

/** A plot with a line of [x, y] pairs for each network. */
function plot([left, top, width, height], yLabel, ranges, lines, formats = {}) {
  const x = scale(ranges[0], [left + 40, left + width - 14], 4);
  const y = scale(ranges[1], [top + height, top], 3);
  const within = ([at, value]) => [x(at), y(clamp(value, ...ranges[1]))];
  return [axes(x, y, { xLabel: "", yLabel, ...formats }), ...lines.map((line, i) =>
    curve(line.filter((pair) => Number.isFinite(pair[1])).map(within), `var(--${KINDS[i]})`))];
}

/** Three plots of what happens inside: beside one another where there is room. */
function drawInside({ depth }, shots, width) {
  const [across, row] = width < 560 ? [1, 116] : [3, 150];
  const place = (i) => [(i % across) * (width / across), 28 + (across > 1 ? 0 : i * row),
    width / across, row - 52];
  const lines = (name, write) => shots.map((shot) => shot[name].map((y, i) => [i + 1, write(y)]));
  const range = (all) => {
    const seen = all.flat().map((pair) => pair[1]).filter(Number.isFinite);
    return [Math.floor(Math.min(-1, ...seen)), Math.ceil(Math.max(1, ...seen))];
  };
  const [slopes, added] = [lines("gradients", Math.log10), lines("added", Math.log10)];
  return [across > 1 ? row : 3 * row, [
    ...plot(place(0), "loss, by step", [[0, STEPS], [0, 1.5]], lines("losses", Number)),
    ...plot(place(1), "gradient’s length, by layer", [[0, depth], range(slopes)], slopes,
      { yFormat: power }),
    ...plot(place(2), "|F(x)| / |x|, by block", [[0, Math.max(1, depth / 2 - 1)], range(added)], added,
      { yFormat: power }),
  ]];
}

/** The errors at which a sweep's networks ended: a dot for each seed, a line through the means. */
function drawSweep({ name, found }, width) {
  const { words, values } = SWEEPS[name];
  const lines = found.map((ends) => ends.map((errors, i) => [i, 100 * mean(errors)]));
  const box = [0, 30, width - 70, 170];
  const [x, y] = [(i) => 40 + (i * (width - 124)) / (values.length - 1), (error) => 200 - 170 * error / 0.6];
  return [250, [
    ...plot(box, "training error in the end (%)", [[0, values.length - 1], [0, 60]], lines,
      { xLabel: words, xFormat: (i) => values[i] ?? "" }),
    ...found.flatMap((ends, k) => [
      ...ends.flatMap((errors, i) => errors.map((error) => svg("circle", {
        cx: x(i), cy: y(error), r: 3.5, fill: `var(--${KINDS[k]})`, opacity: 0.5 }))),
      ends.length && text(width - 76, y(mean(ends.at(-1))) - (k ? 0 : 4), KINDS[k]),
    ]),
  ]];
}

/** How it ended, and how far off the guess was. */
function verdict(guess, [plain, residual], seconds) {
  const off = 100 * plain.error - guess;
  const far = Math.abs(off) < 0.5 ? "just right"
    : `${fixed(Math.abs(off), 1)} points too ${off > 0 ? "low" : "high"}`;
  return `After ${STEPS} steps${seconds ? ` and ${fixed(seconds, 1)} seconds` : ""}, the plain network ` +
    `has ${percent(plain.error)} of the points wrong, the residual one ${percent(residual.error)}.` +
    (guess === null ? "" : ` You said ${guess}\u00a0%: ${far}.`);
}

function render({ model, el }) {
  const { task, limits, experiments } = model.get("data");
  const state = stateOf(model, el);
  const settingsOf = ({ guess, ...settings }) => settings;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let engines = null; // one for each network
  let [turn, busy, asked, shots, swept] = [0, "", "", [], null];
  const step = () => shots[0]?.step ?? 0;

  /** Begin something, or end it: what was going on before ends with it. */
  function begin(what, words) {
    [turn, busy] = [turn + 1, what];
    said.textContent = words;
    state.again();
    return turn;
  }
  /** Train both networks on; `seen` gets their answers after every few steps. */
  async function train(mine, settings, from, to, stride, look, seen) {
    engines ??= KINDS.map(() => apart(mathematics));
    for (let now = from; now < to && mine === turn;) {
      now = Math.min(now + stride, to);
      const both = await Promise.all(engines.map(({ ask }, i) =>
        ask({ settings: { ...settings, residual: i === 1 }, to: now, look })));
      if (mine === turn) seen(both);
    }
    return mine === turn;
  }
  async function go(to) {
    if (step() === STEPS) shots = [];
    const [s, from, started] = [state.read(), step(), performance.now()];
    const mine = begin("train", `Training two networks of ${s.depth} layers.`);
    const ended = await train(mine, settingsOf(s), from, to, calm ? to : STRIDE, true, (both) => {
      shots = both;
      state.again();
    });
    if (!ended) return;
    const seconds = from ? 0 : (performance.now() - started) / 1000;
    begin("", to < STEPS ? `Step ${to} of ${STEPS}.` : verdict(s.guess, shots, seconds));
  }
  async function sweep(name) {
    const { words, values } = SWEEPS[name];
    const settings = settingsOf(state.read());
    swept = { name, found: [[], []] };
    const mine = begin(name, `Training with each ${words}: three seeds of both networks.`);
    for (const value of values) {
      for (const seed of SEEDS) {
        const one = { ...settings, [name]: value, seed };
        const ended = await train(mine, one, 0, STEPS, 50, false, (both) => both.forEach((shot, k) => {
          if (shot.step === STEPS) (swept.found[k][values.indexOf(value)] ??= []).push(shot.error);
        }));
        if (!ended) return;
        state.again();
      }
    }
    const ends = swept.found.map((all) => all.map((errors) => fixed(100 * mean(errors), 1)).join(", "));
    begin("", `Mean errors in %, by ${words} (${values.join(", ")}): plain ${ends[0]}; residual ${ends[1]}.`);
  }

  const learners = KINDS.map((kind, i) => {
    const canvas = html("canvas", { width: CELLS, height: CELLS, "aria-hidden": "true",
      // Its colour is the theme's: once that has changed, it is painted anew.
      ontransitionend: () => paint(canvas, shots[i]?.plane ?? []) });
    const error = html("output", { "data-readout": `${kind}-error` });
    const view = [-EDGE, -EDGE, 2 * EDGE, 2 * EDGE].join(" ");
    const points = svg("svg", { viewBox: view, "aria-hidden": "true" });
    state.show(() => {
      paint(canvas, shots[i]?.plane ?? []);
      error.textContent = shots[i] ? percent(shots[i].error) : "–";
    });
    return { points, element: html("div", { class: "rh-learner", style: `--colour: var(--${kind})` },
      html("p", {}, html("strong", {}, kind), html("span", {}, i ? "F(x) + x" : "F(x)"), error),
      html("div", { class: "rh-plane" }, canvas, points)) };
  });
  const said = html("p", { class: "rh-readout", role: "status" });
  const guess = html("input", { type: "number", min: 0, max: 100, oninput: () => state.change(
    { guess: guess.value ? clamp(Math.round(guess.valueAsNumber), 0, 100) : null }) });
  const both = button("", () => (busy === "train" ? begin("", `Paused at step ${step()}.`) : go(STEPS)));
  fill(both, { class: "rh-primary", "data-action": "train" });
  const one = button("One step", () => go(step() + 1));
  const anew = button("Start again", () => { shots = []; begin("", fresh(state.read())); });
  const sweeps = Object.keys(SWEEPS).map((name) =>
    button("", () => (busy === name ? begin("", "The sweep was stopped.") : sweep(name))));
  const ends = state.stage("errors of the sweep", (s, width) => (swept ? drawSweep(swept, width) : [0, []]));
  const fresh = ({ depth, width }) =>
    `Two networks of ${depth} layers, ${width} numbers wide, not trained yet.`;
  const experiment = ({ question, predict, settings, answer }) => html("details", { class: "rh-fold" },
    html("summary", {}, question), html("p", {}, predict),
    html("div", { class: "rh-controls" }, ...settings.map(([words, values]) =>
      button(words, () => state.change(values)))),
    html("details", { class: "rh-fold" }, html("summary", {}, "What came out"), html("p", {}, answer)));

  el.append(
    state.live(html("p", { class: "rh-title" }), (s) => [`${s.depth} layers, twice. Which network learns?`]),
    html("p", { class: "rh-task" }, task),
    html("div", { class: "rh-controls" },
      html("label", { class: "rh-guess" }, "It ends at ", guess, " % wrong"), both, one, anew),
    html("div", { class: "rh-playground" }, ...learners.map(({ element }) => element),
      state.stage("what happens inside", (s, width) => drawInside(s, shots, width))),
    said,
    html("div", { class: "rh-controls rh-apart" }, state.slider("depth", "layers"), ...sweeps),
    ends,
    html("details", { class: "rh-fold" }, html("summary", {}, "More to change"),
      html("div", { class: "rh-sliders" }, state.slider("rate", "learning rate"),
        state.slider("width", "width"), state.slider("seed", "seed")),
      html("div", { class: "rh-controls" }, state.choice("points", "points"),
        state.toggle("norm", "batch norm"), state.toggle("zero", "γ = 0 at the start"))),
    ...experiments.map(experiment), html("p", { class: "rh-note" }, limits), state.share(),
  );
  state.show((s) => {
    const now = JSON.stringify(settingsOf(s));
    if (asked !== now) { // what has been trained answers another question
      [asked, shots] = [now, []];
      learners.forEach(({ points }) => points.replaceChildren(...dots(s)));
      begin("", fresh(s));
      return;
    }
    const begun = step() > 0;
    both.textContent = busy === "train" ? "Pause" : begun && step() < STEPS ? "Go on" : "Train both";
    one.disabled = busy !== "" || step() === STEPS;
    anew.disabled = !begun;
    guess.disabled = begun;
    if (document.activeElement !== guess) guess.value = s.guess ?? "";
    Object.keys(SWEEPS).forEach((name, i) => {
      sweeps[i].textContent = busy === name ? "Stop" : `Sweep ${name}`;
    });
    ends.hidden = !swept;
  });
  return () => engines?.forEach(({ stop }) => stop());
}

export default { render };
