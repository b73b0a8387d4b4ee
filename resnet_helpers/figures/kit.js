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
  element.append(...children.filter(Boolean));
  return element;
}

/** How each figure begins: what it asks, what to do about it, and its parts from top to bottom. */
export const begin = (el, { title, task }, ...parts) => fill(el, {}, [
  html("p", { class: "rh-title" }, title), html("p", { class: "rh-task" }, task), ...parts]);

/** A name of the document's own: a page may hold several figures, and each has a kit of its own. */
function newName() {
  const { dataset } = document.documentElement;
  dataset.rhLastName = String(Number(dataset.rhLastName ?? 0) + 1);
  return `rh-${dataset.rhLastName}`;
}

const fits = (value, { values, each, least, most }) => (values ? values.includes(value)
  : Array.isArray(value) && value.length >= least && value.length <= most
    && value.every((one) => each.includes(one)));

const parse = (text) => { try { return JSON.parse(text); } catch { return undefined; } };

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

  /** Call `draw` with the state, now and after each change. */
  function show(draw) {
    listeners.push(draw);
    draw(read());
  }
  /** Let an element's children follow the state. */
  function live(element, parts) {
    show((s) => element.replaceChildren(...parts(s)));
    return element;
  }
  function control(make, name, label, write) {
    const element = make(label, allowed[name], (value) => change({ [name]: value }), write);
    show((s) => element.set(s[name], s.most?.[name]));
    return element;
  }
  return {
    read, show, live,
    /** Draw anew, after a change of something that isn't in the state. */
    again: tell,
    /** Set some names, as if by a control. */
    change,
    // Controls; `write` turns a value into words, radio buttons' values into elements as well.
    // A slider ends at the derived state's `most`, by name, if that has one for it.
    slider: (name, label, write = asText) => control(slider, name, label, write),
    choice: (name, label, write = asText) => control(choice, name, label, write),
    toggle: (name, label) => control(toggle, name, label, null),
    /** Buttons that set several names at once: pairs of words and values. */
    examples: (pairs) => html("div", { class: "rh-controls", role: "group", "aria-label": "examples" },
      ...pairs.map(([words, values]) => button(words, () => change(values)))),
    /** The same as one list, which says where none of them is what the figure shows. */
    presets(pairs) {
      const list = html("select", { onchange: () => change(pairs[list.value][1]) },
        html("option", { value: -1, hidden: true }, "your own"),
        ...pairs.map(([words], i) => html("option", { value: i }, words)));
      show((s) => { list.value = pairs.findIndex(([, values]) =>
        Object.entries(values).every(([name, value]) => s[name] === value)); });
      return html("label", { class: "rh-select" }, "start from", list);
    },
    /** Lines that say what the figure shows now; screen readers are told of changes. */
    readout: (lines) => live(html("p", { class: "rh-readout", role: "status" }),
      (s) => lines(s).map((line) => html("span", { class: "rh-line" }, line))),
    /** A table; `parts(state)` returns its heads and rows. */
    table: (parts) => live(html("div", { class: "rh-table" }), (s) => [table(...parts(s))]),
    /**
     * A picture that is drawn anew whenever the state or its width changes, so that its letters
     * keep their size on a phone. `draw(state, width, room)` returns [height, parts]; `room` is the
     * height that there is on a projector, and 0 in a page, where there is as much as one needs.
     */
    stage(label, draw) {
      const picture = svg("svg", { role: "group", "aria-label": label });
      const box = html("div", { class: "rh-stage" }, picture);
      let [width, room] = [0, 0];
      const redraw = () => {
        if (!width) return;
        const [height, parts] = draw(read(), width, room);
        picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
        picture.replaceChildren(...parts.filter(Boolean));
      };
      new ResizeObserver(([{ contentRect }]) => {
        const zoom = Number(getComputedStyle(box).getPropertyValue("--rh-zoom")) || 1;
        width = Math.round(contentRect.width / zoom);
        room = box.closest(".rh-projector") ? Math.floor(contentRect.height / zoom) : 0;
        redraw();
      }).observe(box);
      show(redraw);
      return box;
    },
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
      said.textContent = "Copied. ";
    } catch {
      said.textContent = "It stands in the address bar. ";
    }
  };
  return html("span", { class: "rh-share" }, said, button("Link to this state", copy));
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

/**
 * What computes apart from the page: a worker, or slices of time where the page may have none.
 *
 * `make` gives { answer }, a generator that stops often and returns its answer. A worker gets its
 * text, so it may use nothing from around it. `ask` takes a request and promises the answer; those
 * that were asked before are answered before.
 */
export function apart(make) {
  const { answer } = make();
  const open = []; // what the worker was asked
  /** @type {Promise<any>} */
  let last = Promise.resolve();
  let worker = null;
  async function slices(request) {
    const work = answer(request);
    for (;;) {
      const until = performance.now() + 5;
      do {
        const { done, value } = work.next();
        if (done) return value;
      } while (performance.now() < until);
      await new Promise((later) => setTimeout(later));
    }
  }
  function ask(request) {
    if (!worker) return (last = last.then(() => slices(request)));
    worker.postMessage(request);
    return new Promise((done) => open.push({ request, done }));
  }
  try {
    const text = `const { answer } = (${make})();
      onmessage = ({ data }) => {
        const work = answer(data);
        for (;;) {
          const { done, value } = work.next();
          if (done) return postMessage(value);
        }
      };`;
    worker = new Worker(URL.createObjectURL(new Blob([text])));
    worker.onmessage = ({ data }) => open.shift().done(data);
    worker.onerror = () => { // it was forbidden after all
      worker = null;
      open.splice(0).forEach(({ request, done }) => ask(request).then(done));
    };
  } catch { /* It is forbidden. */ }
  return { ask, stop: () => worker?.terminate() };
}

/** A labelled slider over a list of values, for mouse, touch and arrow keys. */
function slider(label, { values }, oninput, write) {
  const output = html("output");
  const input = html("input", {
    // Its own name, since the label's text has the output's in it.
    type: "range", "aria-label": label, oninput: () => oninput(values[input.value]),
  });
  const element = html("label", { class: "rh-slider" }, label, input, output);
  element.set = (now, most = values.length - 1) => {
    input.max = most;
    input.value = nearest(values, now);
    output.textContent = write(now);
    input.setAttribute("aria-valuetext", write(now));
  };
  return element;
}

/** Radio buttons in a fieldset; check boxes for a list, of which the last one stays. */
function choice(label, { values, each }, oninput, write) {
  const all = each ?? values;
  const name = newName();
  const words = all.map(write); // a picture's title is its words
  const inputs = all.map((value, i) => html("input", {
    type: each ? "checkbox" : "radio", name, value, "aria-label": words[i].title,
    oninput: () => oninput(each ? each.filter((_, i) => inputs[i].checked) : value),
  }));
  const element = html(
    "fieldset", { class: "rh-choice" }, html("legend", {}, label),
    html("div", { class: each ? "rh-pills" : "rh-segments" },
      ...inputs.map((input, i) => html("label", {}, input, words[i]))),
  );
  element.set = (now) => inputs.forEach((input, i) => {
    input.checked = [now].flat().includes(all[i]);
    input.disabled = Boolean(each) && input.checked && now.length === 1;
  });
  return element;
}

/** Tabs: which of them is open isn't in the state, so no link carries it. */
export function tabs(label, words, open) {
  const element = choice(label, { values: words, each: null }, (word) => open(words.indexOf(word)), asText);
  element.set(words[0]);
  open(0);
  return element;
}

/** A checkbox. */
function toggle(label, _allowed, oninput) {
  const input = html("input", { type: "checkbox", oninput: () => oninput(input.checked) });
  const element = html("label", { class: "rh-toggle" }, input, label);
  element.set = (now) => { input.checked = now; };
  return element;
}

/** A push button. */
export const button = (text, onclick) => html("button", { type: "button", onclick }, text);

/** A table of texts. Each row begins with its own head; the first of the heads may be empty. */
const table = (heads, rows) => html("table", {},
  html("thead", {}, html("tr", {}, ...heads.map((words) =>
    (words ? html("th", { scope: "col" }, words) : html("td"))))),
  html("tbody", {}, ...rows.map(([head, ...texts]) => html("tr", {},
    html("th", { scope: "row" }, head), ...texts.map((words) => html("td", {}, words))))));

const asText = (value) => String(value);
export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** Which of some values is nearest to a number: its index. */
export const nearest = (values, number) => values.reduce(
  (best, value, i) => (Math.abs(value - number) < Math.abs(values[best] - number) ? i : best), 0);

/** Whole numbers with commas, as Python's f"{x:,}" writes them. */
export const commas = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** So many digits and a letter, 3.70 B for billions; all digits of what is below ten thousand. */
export const brief = (number, digits = 3) => (number < 10000 ? commas(number) : new Intl.NumberFormat(
  "en", { notation: "compact", minimumSignificantDigits: digits, maximumSignificantDigits: digits },
).format(number).replace(/(?=[A-Z])/, "\u202f"));

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
export function axes(x, y, { xLabel = "", yLabel = "", xFormat = asText, yFormat = asText }) {
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
export const curve = (points, stroke, attributes = {}) => svg("polyline",
  { points: points.join(" "), fill: "none", stroke, "stroke-width": 2, ...attributes });

/**
 * A plot: axes, a line through the [x, y] pairs of each of `lines`, and dots at those of `around`.
 * The box is [left, top, width, height] of what lies between the axes. What isn't finite is left
 * out, and what is beyond the axis lies on its edge.
 * @param {number[]} box
 * @param {number[][]} ranges of both axes
 */
export function plot(box, ranges, colours, lines, labels, around = []) {
  const [left, top, width, height] = box;
  /** @type {any[]} */
  const [xs, ys] = ranges;
  const [x, y] = [scale(xs, [left, left + width], labels.xCount ?? 4),
    scale(ys, [top + height, top], 3)];
  const at = (pairs) => pairs.filter(([, value]) => Number.isFinite(value)).map(
    ([place, value]) => [x(place), y(clamp(value, ys[0], ys[1]))]);
  return [
    axes(x, y, labels),
    ...lines.map((line, i) => curve(at(line), colours[i])),
    ...around.flatMap((pairs, i) => at(pairs).map(([cx, cy]) =>
      svg("circle", { cx, cy, r: 3.5, fill: colours[i], opacity: 0.5 }))),
  ];
}

/** Where a pointer is on a stage's picture, in its own units, whatever scales the page. */
export function pointer({ clientX, clientY }, picture) {
  const { left, top, width, height } = picture.getBoundingClientRect();
  const { width: across, height: high } = picture.viewBox.baseVal;
  const unit = Math.min(width / across, height / high); // it stands in the middle of its box
  return [across / 2 + (clientX - left - width / 2) / unit,
    high / 2 + (clientY - top - height / 2) / unit];
}

/** What stays folded until somebody asks for it. */
export const fold = (words, ...parts) =>
  html("details", { class: "rh-fold" }, html("summary", {}, words), ...parts);
