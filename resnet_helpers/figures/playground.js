// The playground: two networks that differ in one +, trained in the page, side by side.

import {
  apart, begin, button, clamp, fill, fixed, fold, html, percent, plot, stateOf, sum, svg,
} from "./kit.js";
import { mathematics } from "./playground_math.js";

const { dataset, STEPS, CELLS, EDGE } = mathematics();
const KINDS = ["plain", "residual"];
const COLOURS = KINDS.map((kind) => `var(--${kind})`);
const STRIDE = 8; // steps between two pictures
const SWEEPS = {
  depth: { words: "layers", values: [4, 8, 16, 24, 40, 64] },
  rate: { words: "learning rate", values: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3] },
};
const power = (k) => `10${[...`${k}`].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;

/** The plane as a network sees it: the likelier class 1, the stronger the colour. */
function paint(canvas, plane = []) {
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, CELLS, CELLS);
  pen.fillStyle = getComputedStyle(canvas).color;
  plane.forEach((likely, i) => {
    pen.globalAlpha = 0.65 * (likely || 0);
    pen.fillRect(i % CELLS, Math.floor(i / CELLS), 1, 1);
  });
}

/** The points that are to be told apart: rings and filled ones. */
function dots({ points, seed }) {
  const { points: places, labels } = dataset(points, seed);
  return labels.map((label, i) => svg("circle", { class: label ? "rh-filled" : "rh-ring", r: 0.026,
    cx: places[i].toFixed(3), cy: (-places[labels.length + i]).toFixed(3) }));
}

/** Three plots of what happens inside: beside one another where there is room. */
function drawInside({ depth }, shots, width, room) {
  const [across, row] = width < 560 ? [1, room ? room / 3 : width < 300 ? 140 : 116] : [3, 150];
  const box = (i) => (across > 1 ? [(i * width) / 3 + 44, 28, width / 3 - 60, row - 52]
    : [44, 28 + i * row, width - 60, row - 52]);
  const lines = (name, write) => shots.map((shot) => shot[name].map((y, i) => [i + 1, write(y)]));
  const logs = (i, yLabel, most, name) => {
    const both = lines(name, Math.log10);
    const seen = both.flat().map((pair) => pair[1]).filter(Number.isFinite);
    const range = [Math.floor(Math.min(-1, ...seen)), Math.ceil(Math.max(1, ...seen))];
    return plot(box(i), [[0, most], range], COLOURS, both, { yLabel, yFormat: power });
  };
  return [across > 1 ? row : 3 * row, [
    ...plot(box(0), [[0, STEPS], [0, 1.5]], COLOURS, lines("losses", Number),
      { yLabel: "loss by step" }),
    ...logs(1, "gradient’s length by layer", depth, "gradients"),
    ...logs(2, "|F(x)| / |x| by block", Math.max(1, depth / 2 - 1), "added"),
  ]];
}

/** The errors at which a sweep's networks ended: a dot for each seed, a line through the means. */
function drawSweep({ name, lines, each }, width) {
  const { words, values } = SWEEPS[name];
  const labels = { xLabel: words, xFormat: (i) => values[i], xCount: 6, yLabel: "final error, %" };
  return [246, plot([40, 30, width - 54, 170], [[0, 5], [0, 60]], COLOURS, lines, labels, each)];
}

/** How it ended, and how far off the guess was. */
function verdict(guess, shots, seconds) {
  const [plain, residual] = shots.map(({ error }) => percent(error));
  const off = 100 * shots[0].error - guess;
  const far = `${fixed(Math.abs(off), 1)} points too ${off > 0 ? "low" : "high"}`;
  return `${STEPS} steps${seconds}: the plain network has ${plain} of the points wrong, the ` +
    `residual one ${residual}.${guess === null ? "" : ` You said ${guess}\u00a0%: ${far}.`}`;
}

function render({ model, el }) {
  const { task, limits, experiments } = model.get("data");
  const state = stateOf(model, el);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let engines = null; // one for each network
  let [turn, busy, asked, shots, swept] = [0, "", "", [], null];
  const step = () => shots[0]?.step ?? 0;
  const fresh = ({ depth }) => `Two networks of ${depth} layers, not trained yet.`;

  /** Begin something, or nothing: what was going on before ends with it. */
  function turnTo(what, words) {
    [turn, busy] = [turn + 1, what];
    said.textContent = words;
    state.again();
  }
  /** Train both networks on, and show them every few steps. Null if something else has begun. */
  async function train(s, from, to, stride, look, show) {
    engines ??= KINDS.map(() => apart(mathematics));
    const mine = turn;
    for (let now = Math.min(from + stride, to); ; now = Math.min(now + stride, to)) {
      const both = await Promise.all(engines.map(({ ask }, i) =>
        ask({ settings: { ...s, guess: null, residual: i === 1 }, to: now, look })));
      if (mine !== turn) return null;
      show(both);
      if (now === to) return both;
    }
  }
  async function go(to) {
    if (step() === STEPS) shots = [];
    const [s, from, started] = [state.read(), step(), performance.now()];
    turnTo("train", `Training two networks of ${s.depth} layers.`);
    const show = (both) => { shots = both; state.again(); };
    if (!await train(s, from, to, calm ? to : STRIDE, true, show)) return;
    const time = from ? "" : ` in ${fixed((performance.now() - started) / 1000, 1)} seconds`;
    turnTo("", to < STEPS ? paused() : verdict(s.guess, shots, time));
  }
  async function sweep(name) {
    const { words, values } = SWEEPS[name];
    const [s, lines, each] = [state.read(), [[], []], [[], []]];
    swept = { name, lines, each };
    if (el.closest(".rh-projector")) shots = []; // it takes the place of what happens inside
    turnTo(name, `Training with each number of the axis (${words}): both networks, three seeds.`);
    for (const [i, value] of values.entries()) {
      for (const seed of [0, 1, 2]) {
        const both = await train({ ...s, [name]: value, seed }, 0, STEPS, 50, false, () => {});
        if (!both) return;
        both.forEach(({ error }, k) => {
          each[k].push([i, 100 * error]);
          const same = each[k].filter(([at]) => at === i).map(([, percents]) => percents);
          lines[k][i] = [i, sum(same) / same.length];
        });
        state.again();
      }
    }
    const means = lines.map((line) => line.map(([, error]) => fixed(error, 1)).join(", "));
    turnTo("", `${words} ${values.join(", ")}: plain ${means[0]}; residual ${means[1]} % wrong.`);
  }

  const learners = KINDS.map((kind, i) => {
    const canvas = html("canvas", { width: CELLS, height: CELLS, "aria-hidden": "true",
      // Its colour is the theme's: once that has changed, it is painted anew.
      ontransitionend: () => paint(canvas, shots[i]?.plane) });
    const error = html("output", { "data-readout": `${kind}-error` });
    const viewBox = [-EDGE, -EDGE, 2 * EDGE, 2 * EDGE];
    const points = svg("svg", { viewBox, "aria-hidden": "true" });
    const element = html("div", { class: "rh-learner", style: `--colour: var(--${kind})` },
      html("p", {}, html("strong", {}, kind), html("span", {}, i ? "F(x) + x" : "F(x)"), error),
      html("div", { class: "rh-plane" }, canvas, points));
    return { canvas, error, points, element };
  });
  const said = html("p", { class: "rh-readout", role: "status" });
  const guess = html("input", { type: "number", min: 0, max: 100, oninput: () => state.change(
    { guess: guess.value ? clamp(Math.round(guess.valueAsNumber), 0, 100) : null }) });
  const paused = () => `Step ${step()} of ${STEPS}.`;
  const both = button("", () => (busy === "train" ? turnTo("", paused()) : go(STEPS)));
  const one = button("One step", () => go(step() + 1));
  const anew = button("Start again", () => { shots = []; turnTo("", fresh(state.read())); });
  const sweeps = Object.keys(SWEEPS).map((name) => [name,
    button("", () => (busy === name ? turnTo("", "The sweep was stopped.") : sweep(name)))]);
  const ends = state.stage("errors of the sweep", (_, wide) => (swept ? drawSweep(swept, wide) : [0, []]));

  begin(el, {
    title: state.live(html("span"), ({ depth }) => [`${depth} layers, twice. Which network learns?`]),
    task,
  }, html("div", { class: "rh-playground" }, ...learners.map(({ element }) => element), said,
    html("div", { class: "rh-controls" },
      html("label", { class: "rh-guess" }, "It ends at ", guess, " % wrong"),
      fill(both, { class: "rh-primary", "data-action": "train" }), one, anew,
      state.slider("depth", "layers"), ...sweeps.map(([, each]) => each)),
    state.stage("what happens inside", (s, width, room) => (room && swept && !shots.length
      ? drawSweep(swept, width) : drawInside(s, shots, width, room)))),
  ends, fold("More to change",
    html("div", { class: "rh-controls" }, ...["rate", "width", "seed"].map((name) =>
      state.slider(name, SWEEPS[name]?.words ?? name))),
    html("div", { class: "rh-controls" }, state.choice("points", "points"),
      state.toggle("norm", "batch norm"), state.toggle("zero", "γ = 0 at the start"))),
  ...experiments.map(({ question, predict, settings, answer }) => fold(question,
    html("p", {}, predict), state.examples(settings),
    fold("What came out", html("p", {}, answer)))),
  html("p", { class: "rh-note" }, limits), state.share());
  state.show((s) => {
    const now = JSON.stringify({ ...s, guess: null });
    if (asked !== now) { // what has been trained answers another question
      [asked, shots] = [now, []];
      learners.forEach(({ points }) => points.replaceChildren(...dots(s)));
      return turnTo("", fresh(s));
    }
    learners.forEach(({ canvas, error }, i) => {
      paint(canvas, shots[i]?.plane);
      error.textContent = shots[i] ? percent(shots[i].error) : "–";
    });
    both.textContent = busy === "train" ? "Pause" : step() % STEPS ? "Go on" : "Train both";
    one.disabled = busy !== "" || step() === STEPS;
    guess.disabled = step() > 0;
    anew.disabled = step() === 0;
    if (document.activeElement !== guess) guess.value = s.guess ?? "";
    for (const [name, each] of sweeps) each.textContent = busy === name ? "Stop" : `Sweep ${name}`;
    ends.hidden = !swept;
  });
  return () => engines?.forEach(({ stop }) => stop());
}

export default { render };
