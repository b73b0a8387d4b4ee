// What all figures share: elements, scales, axes, controls and a link to their state.
// A figure's module is this text followed by its own, so every name here is in its reach.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children (elements or text). */
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** An HTML element with attributes and children (elements or text). */
function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// Counted in the document: a page may hold several figures, and each has a kit of its own.
const newId = (word) => `rh-${word}-${(document.rhLastId = (document.rhLastId ?? 0) + 1)}`;

/** Make an element a figure. What has the focus tells JupyterLab to leave its keys alone. */
function begin(el) {
  el.classList.add("rh-figure");
  el.addEventListener("focusin", ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; });
}

/**
 * A picture that is drawn anew whenever its width changes, so that its letters keep their size on
 * a phone. `draw(width)` returns [height, parts]. What has a `data-key` keeps the focus.
 */
function stage(label, draw) {
  const picture = svg("svg", { role: "group", "aria-label": label });
  const box = html("div", { class: "rh-stage" }, picture);
  let width = 0;
  box.redraw = () => {
    if (!width) return;
    const [height, parts] = draw(width);
    const key = picture.contains(document.activeElement) && document.activeElement.dataset.key;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren(...parts);
    if (key) picture.querySelector(`[data-key="${key}"]`)?.focus();
  };
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now && now !== width) { width = now; box.redraw(); }
  }).observe(box);
  return box;
}

/** From numbers to pixels. `scale.ticks` are round numbers, `scale.invert` goes back. */
function scale([low, high], [from, to], { log = false, count = 5 } = {}) {
  const f = log ? Math.log10 : (x) => x;
  const back = log ? (x) => 10 ** x : (x) => x;
  const slope = (to - from) / (f(high) - f(low));
  const at = (x) => from + slope * (f(x) - f(low));
  at.invert = (pixel) => back(f(low) + (pixel - from) / slope);
  at.ticks = log ? logTicks(low, high) : roundTicks(low, high, count);
  at.range = [from, to];
  return at;
}

function roundTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
    for (const m of [1, 2, 5]) {
      const tick = Number((m * 10 ** p).toPrecision(12));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** Both axes of a panel, with grid, labels and units. `format` turns a tick into text. */
function axes(x, y, { xLabel, yLabel, xFormat = String, yFormat = String }) {
  const [left, right] = x.range;
  const [bottom, top] = y.range;
  const group = svg("g", { class: "rh-axes", "aria-hidden": "true" });
  for (const tick of y.ticks) {
    group.append(
      svg("line", { class: "rh-grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: left - 8, y: y(tick), dy: "0.35em", "text-anchor": "end" }, yFormat(tick)),
    );
  }
  for (const tick of x.ticks) {
    group.append(
      svg("line", { class: "rh-grid", x1: x(tick), x2: x(tick), y1: bottom, y2: top }),
      svg("text", { x: x(tick), y: bottom + 18, "text-anchor": "middle" }, xFormat(tick)),
    );
  }
  group.append(
    svg("line", { class: "rh-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    svg("line", { class: "rh-axis", x1: left, x2: left, y1: bottom, y2: top }),
    svg("text", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle" }, xLabel),
    svg("text", { x: left, y: top - 10, "text-anchor": "start" }, yLabel),
  );
  return group;
}

/** The path of a line through [x, y] pairs, in pixels. */
const linePath = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

/** The path of a band between two lines over the same x. */
function bandPath(xs, lows, highs) {
  const there = xs.map((x, i) => [x, highs[i]]);
  const back = xs.map((x, i) => [x, lows[i]]).reverse();
  return `${linePath([...there, ...back])}Z`;
}

/** A labelled slider over a list of values, for mouse, touch and arrow keys. */
function slider({ label, values, value, format = String, oninput }) {
  const output = html("output", {}, format(value));
  const input = html("input", {
    type: "range", min: 0, max: values.length - 1, step: 1, value: nearest(values, value),
    "aria-valuetext": format(value), id: newId("slider"),
    oninput: () => { show(values[input.value]); oninput(values[input.value]); },
  });
  function show(now) {
    output.textContent = format(now);
    input.setAttribute("aria-valuetext", format(now));
  }
  const element = html(
    "div", { class: "rh-slider" }, html("label", { for: input.id }, label), input, output,
  );
  /** Move the slider from outside. */
  element.set = (now) => { input.value = nearest(values, now); show(now); };
  return element;
}

const nearest = (values, value) =>
  values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);

/** A group of radio buttons. `options` are [value, text] pairs. */
function choice({ label, options, value, oninput }) {
  const name = newId("choice");
  const inputs = options.map(([option]) =>
    html("input", {
      type: "radio", name, value: option, checked: option === value, id: newId("option"),
      oninput: () => oninput(option),
    }));
  const element = html(
    "fieldset", { class: "rh-choice" }, html("legend", {}, label),
    ...options.map(([, text], i) => html("label", { for: inputs[i].id }, inputs[i], text)),
  );
  element.set = (now) => inputs.forEach((input, i) => { input.checked = options[i][0] === now; });
  return element;
}

/** A checkbox. */
function toggle({ label, value, oninput }) {
  const input = html("input", {
    type: "checkbox", checked: value, oninput: () => oninput(input.checked),
  });
  const element = html("label", { class: "rh-toggle" }, input, label);
  element.set = (now) => { input.checked = now; };
  return element;
}

/** A push button. */
const button = (text, onclick) => html("button", { type: "button", onclick }, text);

/** A line of text that says what the figure shows now; screen readers are told of changes. */
const readout = () => html("p", { class: "rh-readout", role: "status", "aria-live": "polite" });

const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Whole numbers with commas, as Python's f"{x:,}" writes them. */
const commas = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * A button that copies a link to the page with this figure's state; in a page only, since a
 * notebook has no address to send. `names` are the model's names that make up the state.
 */
function shareButton(model, names) {
  if (!model.anchor) return null;
  const said = html("span", { role: "status" });
  const copy = async () => {
    const state = names.map((name) => `${name}=${encodeURIComponent(JSON.stringify(model.get(name)))}`);
    history.replaceState(null, "", `#${model.anchor}?${state.join("&")}`);
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = " Copied.";
    } catch {
      said.textContent = " It stands in the address bar.";
    }
  };
  return html("span", { class: "rh-share" }, button("Link to this state", copy), said);
}
