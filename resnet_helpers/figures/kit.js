// What all figures share: their state and its link, controls, elements, scales and axes.
//
// A figure is a module beside this one. It imports from here, in lines that begin with `import {`,
// and ends with `export default { render };`. anywidget calls `render({ model, el })` in a notebook,
// `mount` in a page; what it returns is called when the figure goes. Python and JavaScript share no
// more than this: `model.get("data")`, what Python computed; `model.get("allowed")`, which values
// each name of the state may have; and the state itself, by `stateOf(model, el)`.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children (elements or text). */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** An HTML element with attributes and children (elements or text). */
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * Give an element attributes, listeners (`onclick`) and children.
 * @returns {any} the element: each caller knows of what kind
 */
export function fill(element, attributes, children = []) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** An id of the document's own: a page may hold several figures, and each has a kit of its own. */
export function newId(word) {
  const { dataset } = document.documentElement;
  dataset.rhLastId = String(Number(dataset.rhLastId ?? 0) + 1);
  return `rh-${word}-${dataset.rhLastId}`;
}

const fits = (value, { values, each, least, most }) => (values ? values.includes(value)
  : Array.isArray(value) && value.length >= least && value.length <= most
    && value.every((one) => each.includes(one)));

function parse(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}

/**
 * Make an element a figure, with a state: what its controls change and a link to the page carries.
 *
 * `derive(state)` may add what follows from the state, or bring a value within what another allows.
 * `alongWith(values, state)` says what else a change by the reader changes.
 * A link's value that the state can't have, or that it lacks, is as it was when the page came.
 */
export function stateOf(model, el, { derive = (s) => s, alongWith = (values, state) => ({}) } = {}) {
  el.classList.add("rh-figure");
  // Tells JupyterLab to leave the keys of what has the focus alone.
  el.addEventListener("focusin", ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; });
  const allowed = model.get("allowed");
  const names = Object.keys(allowed);
  const listeners = [];
  let setting = false;
  const stored = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const read = () => derive(stored());
  const start = stored();

  function tell() {
    if (setting) return; // once, when all values are there
    const now = read();
    listeners.forEach((listener) => listener(now));
  }
  function set(values) {
    setting = true;
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setting = false;
    model.save_changes();
    tell();
  }
  const change = (values) => set({ ...values, ...alongWith(values, read()) });

  /** Take over a link's state, and scroll to the figure when all of the page's have their height. */
  function follow() {
    const [anchor, query] = location.hash.slice(1).split("?");
    if (anchor !== model.anchor || query === undefined) return;
    const given = [...new URLSearchParams(query)].map(([name, text]) => [name, parse(text)]);
    set({ ...start, ...Object.fromEntries(
      given.filter(([name, value]) => names.includes(name) && fits(value, allowed[name]))) });
    const scroll = () => document.getElementById(anchor).scrollIntoView();
    if (document.readyState === "complete") scroll();
    else addEventListener("load", () => requestAnimationFrame(() => setTimeout(scroll)));
  }
  names.forEach((name) => model.on(`change:${name}`, tell));
  if (model.anchor) { // in a page, not in a notebook
    follow();
    addEventListener("hashchange", follow);
  }

  function control(make, name, label, write) {
    const element = make(label, allowed[name].values, (value) => change({ [name]: value }), write);
    const show = (state) => element.set(state[name]);
    listeners.push(show);
    show(read());
    return element;
  }
  return {
    read,
    /** Set some names, as if by a control. */
    change,
    /** Call `draw` with the state, now and after each change. */
    show(draw) {
      listeners.push(draw);
      draw(read());
    },
    // Controls; `write` turns a value into words, radio buttons' values into elements as well.
    slider: (name, label, write = asText) => control(slider, name, label, write),
    choice: (name, label, write = asText) => control(choice, name, label, write),
    toggle: (name, label) => control(toggle, name, label, null),
    /** Buttons that set several names at once: pairs of words and values. */
    examples: (pairs) => html("div", { class: "rh-controls", role: "group", "aria-label": "examples" },
      ...pairs.map(([words, values]) => button(words, () => change(values)))),
    /** In a page, a button that copies a link to it with this state; a notebook has no address. */
    share: () => (model.anchor ? shareButton(model.anchor, stored) : ""),
  };
}

function shareButton(anchor, stored) {
  const said = html("span", { role: "status" });
  const copy = async () => {
    const pairs = Object.entries(stored()).map(
      ([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`);
    history.replaceState(null, "", `#${anchor}?${pairs.join("&")}`);
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = " Copied.";
    } catch {
      said.textContent = " It stands in the address bar.";
    }
  };
  return html("span", { class: "rh-share" }, button("Link to this state", copy), said);
}

/** Draw all figures of a name in a page, where no kernel answers. A page's script ends with it. */
export function mount(name, render) {
  document.querySelectorAll(`[data-figure="${name}"]`).forEach((/** @type {any} */ el, i) => {
    const state = JSON.parse(el.dataset.state);
    const heard = {};
    if (i) el.id += `-${i + 1}`;
    const model = {
      anchor: el.id,
      get: (key) => state[key],
      set: (key, value) => { state[key] = value; heard[`change:${key}`]?.forEach((f) => f()); },
      save_changes() {},
      on: (event, f) => (heard[event] ??= []).push(f),
    };
    const still = el.firstElementChild;
    render({ model, el });
    still.remove();
  });
}

/** A labelled slider over a list of values, for mouse, touch and arrow keys. */
function slider(label, values, oninput, write) {
  const output = html("output");
  const input = html("input", {
    type: "range", min: 0, max: values.length - 1, step: 1, id: newId("slider"),
    oninput: () => { show(values[input.value]); oninput(values[input.value]); },
  });
  function show(now) {
    output.textContent = write(now);
    input.setAttribute("aria-valuetext", write(now));
  }
  const element = html(
    "div", { class: "rh-slider" }, html("label", { for: input.id }, label), input, output,
  );
  element.set = (now) => { input.value = nearest(values, now); show(now); };
  return element;
}

/** Radio buttons in a fieldset. */
function choice(label, values, oninput, write) {
  const name = newId("choice");
  const inputs = values.map((value) => html("input", {
    type: "radio", name, value, id: newId("option"), oninput: () => oninput(value),
  }));
  const element = html(
    "fieldset", { class: "rh-choice" }, html("legend", {}, label),
    ...inputs.map((input, i) => html("label", { for: input.id }, input, write(values[i]))),
  );
  element.set = (now) => inputs.forEach((input, i) => { input.checked = values[i] === now; });
  return element;
}

/** A checkbox. */
export function toggle(label, _values, oninput) {
  const input = html("input", { type: "checkbox", oninput: () => oninput(input.checked) });
  const element = html("label", { class: "rh-toggle" }, input, label);
  element.set = (now) => { input.checked = now; };
  return element;
}

/** A push button. */
export const button = (text, onclick) => html("button", { type: "button", onclick }, text);

/** A line of text that says what the figure shows now; screen readers are told of changes. */
export const readout = () => html("p", { class: "rh-readout", role: "status", "aria-live": "polite" });

/** A line of its own in a readout. */
export const textLine = (...parts) => html("span", { class: "rh-line" }, ...parts);

/** A table of texts. Each row begins with its own head; the first of the heads may be empty. */
export const table = (heads, rows) => html("table", {},
  html("thead", {}, html("tr", {}, ...heads.map((words) =>
    (words ? html("th", { scope: "col" }, words) : html("td"))))),
  html("tbody", {}, ...rows.map(([head, ...texts]) => html("tr", {},
    html("th", { scope: "row" }, head), ...texts.map((words) => html("td", {}, words))))));

/** How far a slider's keys move, in steps. */
export const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** Call `take(key, target)` for keys without modifiers. The page doesn't scroll by those it took. */
export function onKeys(element, take) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (take(event.key, event.target)) event.preventDefault();
  });
}

/**
 * A picture that is drawn anew whenever its width changes, so that its letters keep their size on
 * a phone. `draw(width)` returns [height, parts]. What has a `data-key` keeps the focus.
 */
export function stage(label, draw) {
  const picture = svg("svg", { role: "group", "aria-label": label });
  const box = html("div", { class: "rh-stage" }, picture);
  let width = 0;
  box.redraw = () => {
    if (!width) return;
    const [height, parts] = draw(width);
    const { activeElement } = document;
    const key = picture.contains(activeElement) && activeElement.getAttribute("data-key");
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

const asText = (value) => String(value);
export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** Which of some values is nearest to a number: its index. */
export const nearest = (values, number) => values.reduce(
  (best, value, i) => (Math.abs(value - number) < Math.abs(values[best] - number) ? i : best), 0);

/** Whole numbers with commas, as Python's f"{x:,}" writes them. */
export const commas = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** So many digits after the point, with a proper minus, and never minus zero. */
export function fixed(x, digits) {
  const text = Math.abs(x).toFixed(digits);
  return x < 0 && Number(text) ? `−${text}` : text;
}

/** A share in %, to a tenth, before a space that doesn't break. */
export const percent = (share) => `${fixed(100 * share, 1)}\u00a0%`;

/** From numbers to pixels. `scale.ticks` are round numbers, `scale.invert` goes back. */
export function scale([low, high], [from, to], count = 5) {
  const slope = (to - from) / (high - low);
  return Object.assign((x) => from + slope * (x - low), {
    invert: (pixel) => low + (pixel - from) / slope,
    ticks: roundTicks(low, high, count),
    range: [from, to],
  });
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

/** Both axes of a panel, with grid, labels and units. `xFormat`, `yFormat` turn a tick into text. */
export function axes(x, y, { xLabel, yLabel, xFormat = asText, yFormat = asText }) {
  const [left, right] = x.range;
  const [bottom, top] = y.range;
  return svg("g", { class: "rh-axes", "aria-hidden": "true" },
    ...y.ticks.flatMap((tick) => [
      rule(left, y(tick), right, y(tick), { class: "rh-grid" }),
      text(left - 8, y(tick), yFormat(tick), "end"),
    ]),
    ...x.ticks.flatMap((tick) => [
      rule(x(tick), bottom, x(tick), top, { class: "rh-grid" }),
      text(x(tick), bottom + 14, xFormat(tick), "middle"),
    ]),
    rule(left, bottom, right, bottom, { class: "rh-axis" }),
    rule(left, bottom, left, top, { class: "rh-axis" }),
    text((left + right) / 2, bottom + 34, xLabel, "middle"),
    text(left, top - 14, yLabel),
  );
}

/** Words whose middle is at height y. A look is a class: rh-quiet or rh-strong. */
export const text = (x, y, words, anchor = "start", look = null) =>
  svg("text", { x, y, dy: "0.35em", "text-anchor": anchor, class: look }, words);

/** A straight line. */
export const rule = (x1, y1, x2, y2, attributes) => svg("line", { x1, y1, x2, y2, ...attributes });

/** A line through [x, y] pairs. */
export const curve = (points, stroke, attributes = {}) =>
  svg("path", { d: linePath(points), fill: "none", stroke, "stroke-width": 2, ...attributes });

/** The path through [x, y] pairs. */
export const linePath = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

/** The path of a band between two lines over the same x. */
export function bandPath(xs, lows, highs) {
  const there = xs.map((x, i) => [x, highs[i]]);
  const back = xs.map((x, i) => [x, lows[i]]).reverse();
  return `${linePath([...there, ...back])}Z`;
}
