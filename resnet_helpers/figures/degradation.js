// Degradation explorer: recorded training curves by depth, and one that the reader draws.

const DEPTHS = [20, 32, 44, 56];
const DASHES = { 20: "2 4", 32: "9 3 2 3", 44: "7 4", 56: null };
const BLIND = 90; // % of wrong answers when one guesses among ten classes
const STATE = [
  "networks", "depths", "measure", "logarithmic", "predict", "seen", "prediction", "revealed",
];
const UNDRAWN = { revealed: false, prediction: [] };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const LIFTS = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

/** The model's state, and what follows from it. What a broken link may carry is replaced. */
function read(model) {
  const recorded = model.get("recorded");
  const oneOf = (name, options) => (options.includes(model.get(name)) ? model.get(name) : options[0]);
  const isOn = (name) => model.get(name) === true;
  const [wanted, seen, given] = ["depths", "seen", "prediction"].map((name) => model.get(name));
  const s = {
    networks: oneOf("networks", ["plain", "residual", "both"]),
    measure: oneOf("measure", ["training", "test"]),
    logarithmic: isOn("logarithmic"),
    predict: isOn("predict"),
  };
  const known = DEPTHS.filter((depth) => Array.isArray(wanted) && wanted.includes(depth));
  s.depths = known.length ? known : [20, 56];
  s.places = recorded.seen[s.measure];
  s.at = Number.isFinite(seen) ? nearest(s.places, seen) : s.places.length - 1;
  const kinds = s.networks === "both" ? ["plain", "residual"] : [s.networks];
  s.curves = kinds.flatMap((kind) => s.depths.map((depth) => {
    const { seeds, [s.measure]: columns } = recorded.curves[`${kind}-${depth}`];
    return { name: `${kind}-${depth}`, colour: `var(--${kind})`, dash: DASHES[depth], seeds, ...columns };
  }));
  s.asked = s.curves.at(-1); // the deepest; the residual one of two
  const fits = (value) => value === null || (Number.isInteger(value) && value >= 1 && value <= 100);
  const usable = s.predict && Array.isArray(given) && given.length === s.places.length && given.every(fits);
  s.prediction = usable ? given : s.places.map(() => null);
  s.revealed = isOn("revealed") && s.prediction.at(-1) !== null;
  s.drawing = s.predict && !s.revealed;
  s.shown = s.drawing ? s.curves.slice(0, -1) : s.curves;
  return s;
}

/** Heights for labels, each as near to the wanted one as it can be without touching another. */
function spread(wanted, gap, top, bottom) {
  const blocks = [];
  const block = (members) => {
    const half = ((members.length - 1) * gap) / 2;
    const middle = members.reduce((total, i) => total + wanted[i], 0) / members.length;
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
const sample = (colour, dash) => svg(
  "svg", {
    viewBox: "0 0 30 10", "aria-hidden": "true",
    style: "display: inline-block; height: 10px; margin-right: 0.4em; width: 30px",
  },
  svg("line", { x1: 0, x2: 30, y1: 5, y2: 5, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }),
);

/** The line of a curve, with its band where there are several seeds, and dots where it is coarse. */
function curveParts({ name, colour, dash, seeds, mean, low, high }, xs, y) {
  const heights = mean.map(y);
  const parts = [svg("path", {
    d: linePath(xs.map((x, i) => [x, heights[i]])), fill: "none", stroke: colour,
    "stroke-width": 2.5, "stroke-dasharray": dash, "data-curve": name,
  })];
  if (seeds > 1) {
    parts.unshift(svg("path", { d: bandPath(xs, low.map(y), high.map(y)), fill: colour, opacity: 0.2 }));
  }
  if (xs.length < 10) {
    parts.push(...xs.map((x, i) => svg("circle", { cx: x, cy: heights[i], r: 3.5, fill: colour })));
  }
  return parts;
}

function enable(element, on) {
  element.disabled = !on;
  element.style.opacity = on ? 1 : 0.5;
}

/** Names at the ends of the lines, in the margin to their right. */
function labels(ends, right, top, bottom) {
  const heights = spread(ends.map(({ y }) => y), 16, top, bottom);
  return ends.flatMap(({ words, colour, y }, i) => [
    svg("path", { d: linePath([[right + 2, y], [right + 12, heights[i]]]), fill: "none", stroke: colour }),
    svg("text", { x: right + 15, y: heights[i], dy: "0.35em" }, words),
  ]);
}

function render({ model, el }) {
  begin(el);
  const images = model.get("recorded").images;
  const passes = (seen) => `${seen / images} ${seen === images ? "pass" : "passes"}`;
  const now = () => read(model);
  const clip = newId("clip");
  let grown = 1; // how much of the true curve stands there: it grows when it is revealed
  let frame = 0;
  let view = null; // the scales of the last drawing
  let changing = false;
  let pen = null; // where the pointer that draws was last, in pixels

  /** Sets several at once, and draws once. */
  function change(values) {
    const about = ({ predict, measure, asked }) => `${predict} ${measure} ${asked.name}`;
    const before = about(now());
    const set = (all) => Object.entries(all).forEach(([name, value]) => model.set(name, value));
    changing = true;
    set(values);
    if (about(now()) !== before) set(UNDRAWN); // a drawing belongs to one question
    changing = false;
    model.save_changes();
    if (!now().revealed) {
      cancelAnimationFrame(frame);
      grown = 1;
    }
    update();
  }

  const networks = choice({
    label: "networks", options: ["plain", "residual", "both"].map((word) => [word, word]),
    value: now().networks, oninput: (value) => change({ networks: value }),
  });
  const measure = choice({
    label: "error", options: [["training", "training"], ["test", "test"]],
    value: now().measure, oninput: (value) => change({ measure: value }),
  });
  const depths = DEPTHS.map((depth) => toggle({
    label: String(depth), value: now().depths.includes(depth),
    oninput: (on) => change({ depths: DEPTHS.filter((d) => (d === depth ? on : now().depths.includes(d))) }),
  }));
  const logarithmic = toggle({
    label: "logarithmic axis", value: now().logarithmic,
    oninput: (value) => change({ logarithmic: value }),
  });
  const predict = toggle({
    label: "predict first", value: now().predict, oninput: (value) => change({ predict: value }),
  });

  const show = button("Show what happened", () => {
    change({ revealed: true });
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
    change(UNDRAWN);
    picture.focus();
  });
  const question = html("p", { style: "margin: 0 0 0.5rem" });
  const task = html("div", {}, question, html("div", { class: "rh-controls" }, show, again));

  const picture = stage("curves of the error", (width) => {
    const s = now();
    const [left, right, top] = [36, width - 90, 30];
    const bottom = top + (width < 560 ? 290 : 340);
    const drawn = s.prediction.map((value, i) => [i, value]).filter(([, value]) => value !== null);
    const lowest = Math.min(...drawn.map(([, value]) => value));
    const floor = [10, 5, 2, 1].find((tick) => tick <= lowest);
    const x = scale([0, s.places.at(-1) / images], [left, right], { count: 4 });
    const y = scale([s.logarithmic ? floor : 0, 100], [bottom, top], { log: s.logarithmic });
    const xs = s.places.map((seen) => x(seen / images));
    const ends = s.shown.map(({ name, colour, mean }) => ({ words: name, colour, y: y(mean.at(-1)) }));
    const dot = (height, colour) => svg("circle", {
      cx: xs[s.at], cy: y(height), r: 5, fill: colour, stroke: "var(--paper)", "stroke-width": 1.5,
    });
    const cursor = [
      svg("line", { x1: xs[s.at], x2: xs[s.at], y1: bottom, y2: top, stroke: "var(--quiet)" }),
      ...s.shown.map(({ mean, colour }) => dot(mean[s.at], colour)),
    ];
    const own = [];
    if (drawn.length) {
      own.push(svg("path", {
        d: linePath(drawn.map(([i, value]) => [xs[i], y(value)])), fill: "none",
        stroke: "var(--third)", "stroke-width": 2.5, "data-curve": "your curve",
      }));
      own.push(...drawn.map(([i, value]) =>
        svg("circle", { cx: xs[i], cy: y(value), r: 3, fill: "var(--third)" })));
    }
    if (s.prediction.at(-1) !== null) {
      ends.push({ words: "your curve", colour: "var(--third)", y: y(s.prediction.at(-1)) });
    }
    if (s.drawing) {
      cursor.push(svg("circle", {
        cx: xs[s.at], cy: y(height(s)), r: 8, fill: "none", stroke: "var(--third)", "stroke-width": 2.5,
        "stroke-dasharray": s.prediction[s.at] === null ? "3 3" : null,
      }));
    }
    ends.push({ words: "blind guess", colour: "var(--quiet)", y: y(BLIND) });
    const lines = (curves) => curves.flatMap((curve) => curveParts(curve, xs, y));
    const answer = s.revealed ? [s.asked] : [];
    view = { x, y, xs, width };
    return [bottom + 46, [
      axes(x, y, { xLabel: "passes over the training images", yLabel: `${s.measure} error (%)` }),
      svg("line", {
        x1: left, x2: right, y1: y(BLIND), y2: y(BLIND), stroke: "var(--quiet)", "stroke-dasharray": "1 3",
      }),
      svg("clipPath", { id: clip }, svg("rect", {
        x: left, y: 0, width: (right + 8 - left) * grown, height: bottom,
      })),
      ...lines(s.shown.filter((curve) => !answer.includes(curve))),
      svg("g", { "clip-path": `url(#${clip})` }, ...lines(answer)),
      ...own, ...cursor, ...labels(ends, right, top, bottom),
    ]];
  });
  const plot = picture.firstElementChild;
  picture.tabIndex = 0;
  picture.setAttribute("role", "slider");
  plot.style.userSelect = "none";

  /** Where the reader's curve is at the cursor, or would begin. */
  const height = (s) => s.prediction.slice(0, s.at + 1).findLast((value) => value !== null) ?? BLIND;

  function moveTo(index) {
    const { places } = now();
    const seen = places[clamp(index, 0, places.length - 1)];
    if (seen !== model.get("seen")) change({ seen });
  }

  picture.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const s = now();
    if (event.key in STEPS) moveTo(s.at + STEPS[event.key]);
    else if (s.drawing && event.key in LIFTS) {
      const value = clamp(height(s) + LIFTS[event.key], 1, 100);
      change({ prediction: s.prediction.with(s.at, value) });
    } else return;
    event.preventDefault();
  });

  /** The place of a pointer on the plot, in the drawing's pixels. */
  function place(event) {
    const box = plot.getBoundingClientRect();
    const [[left, right], [bottom, top]] = [view.x.range, view.y.range];
    const ratio = view.width / box.width;
    return [
      clamp((event.clientX - box.left) * ratio, left, right),
      clamp((event.clientY - box.top) * ratio, top, bottom),
    ];
  }

  /** Moves each point that the pen passes on its way, and the one that it stands at. */
  function draw([x0, y0], [x1, y1]) {
    const value = (pixel) => clamp(Math.round(view.y.invert(pixel)), 1, 100);
    const here = nearest(view.xs, x1);
    const prediction = now().prediction.map((old, i) => {
      const x = view.xs[i];
      if (i === here && (x0 === x1 || Math.abs(x - x1) < 12)) return value(y1);
      const passed = x0 !== x1 && (x - x0) * (x - x1) <= 0;
      return passed ? value(y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)) : old;
    });
    change({ prediction });
  }

  function point(event) {
    const to = place(event);
    moveTo(nearest(view.xs, to[0]));
    if (pen) draw(pen, to);
    if (pen) pen = to;
  }
  plot.addEventListener("pointerdown", (event) => {
    if (now().drawing && event.button === 0) {
      plot.setPointerCapture(event.pointerId);
      pen = place(event);
    }
    point(event);
  });
  plot.addEventListener("pointermove", point);
  plot.addEventListener("lostpointercapture", () => { pen = null; });

  const said = readout();

  function say(s) {
    const error = s.measure === "test" ? "test error" : `training error over the last ${commas(s.places[0])}`;
    const seen = s.places[s.at];
    const rows = s.shown.map(({ name, colour, dash, seeds, mean, low, high }) => {
      const [middle, from, to] = [mean, low, high].map((column) => column[s.at].toFixed(1));
      const range = seeds > 1 ? `${from} to ${to}` : "one seed";
      return [sample(colour, dash), `${name} ${middle} % (${range})`];
    });
    if (s.predict) {
      const value = s.prediction[s.at];
      const own = value === null ? "your curve not drawn here" : `your curve ${value} %`;
      rows.push([sample("var(--third)"), own]);
    }
    const line = (...parts) => html("span", { style: "display: block" }, ...parts, " ");
    const cell = "display: inline-block; min-width: min(19rem, 100%)";
    const lines = [
      line(`After ${passes(seen)} (${commas(seen)} images), ${error}, mean of the seeds (lowest to highest):`),
      ...rows.flatMap((row, i) =>
        [html("span", { style: cell }, ...row, i < rows.length - 1 ? "," : "."), " "]),
    ];
    if (s.revealed) {
      const [own, mean] = [s.prediction.at(-1), s.asked.mean.at(-1)];
      const off = Number((own - mean).toFixed(1));
      const far = `${Math.abs(off).toFixed(1)} points too ${off > 0 ? "high" : "low"}`;
      lines.unshift(line(html("strong", {},
        `${s.asked.name} ended at ${mean.toFixed(1)} %, your curve at ${own} %: ${off ? far : "just right"}.`)));
    }
    const news = html("p", {}, ...lines);
    if (news.textContent !== said.textContent) said.replaceChildren(...news.childNodes);
  }

  function update() {
    const s = now();
    networks.set(s.networks);
    measure.set(s.measure);
    logarithmic.set(s.logarithmic);
    predict.set(s.predict);
    DEPTHS.forEach((depth, i) => {
      depths[i].set(s.depths.includes(depth));
      // The last one stays: there is always a curve.
      depths[i].querySelector("input").disabled = s.depths.length === 1 && s.depths[0] === depth;
    });
    task.hidden = !s.predict;
    question.textContent = `How will the ${s.measure} error of ${s.asked.name} fall? Draw the curve ` +
      "that you expect: drag over the plot, to its right end. By keyboard, on the plot: ← and → " +
      "choose a place, ↑ and ↓ move your curve there.";
    enable(show, s.drawing && s.prediction.at(-1) !== null);
    enable(again, s.prediction.some((value) => value !== null));
    plot.style.cursor = s.drawing ? "crosshair" : "default";
    // A finger draws, or moves the cursor; up and down it scrolls the page when nothing is drawn.
    plot.style.touchAction = s.drawing ? "none" : "pan-y";
    const own = s.prediction[s.at] === null ? "not drawn here" : `${s.prediction[s.at]} %`;
    const attributes = {
      "aria-label": s.drawing ? "place on the curves, and your curve there" : "place on the curves",
      "aria-valuemin": s.places[0], "aria-valuemax": s.places.at(-1), "aria-valuenow": s.places[s.at],
      "aria-valuetext": passes(s.places[s.at]) + (s.predict ? `, your curve ${own}` : ""),
    };
    for (const [name, value] of Object.entries(attributes)) picture.setAttribute(name, value);
    say(s);
    picture.redraw();
  }

  el.append(
    html("div", { class: "rh-controls" }, networks,
      html("fieldset", { class: "rh-choice" }, html("legend", {}, "layers"), ...depths),
      measure, logarithmic, predict),
    task, picture, said, shareButton(model, STATE) ?? "",
  );
  STATE.forEach((name) => model.on(`change:${name}`, () => { if (!changing) update(); }));
  update();
  return () => cancelAnimationFrame(frame);
}

export default { render };
