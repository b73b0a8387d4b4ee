// Convolution cost calculator: what a k×k convolution costs directly, and through a bottleneck.

const SIZES = [7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224];
const CHANNELS = [3, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048];
const KERNELS = [1, 3, 5, 7, 11];
const FIELDS = {
  height: ["height H", SIZES],
  width: ["width W", SIZES],
  c_in: ["channels in", CHANNELS],
  c_out: ["channels out", CHANNELS],
  kernel: ["kernel k", KERNELS],
  stride: ["stride", [1, 2]],
  groups: ["groups", [1, 2, 4, 8, 16, 32]],
  bottleneck: ["bottleneck width", CHANNELS],
};
const STATE = [...Object.keys(FIELDS), "expand", "unit"];

const gcd = (...numbers) => numbers.reduce((a, b) => { while (b) [a, b] = [b, a % b]; return a; });

/** A convolution padded so that stride alone shrinks: its words, parameters, MACs and output. */
function convolution(kernel, c_in, c_out, height, width, stride, wanted) {
  const groups = gcd(wanted, c_in, c_out);
  const [h, w] = [height, width].map((size) => Math.floor((size - 1) / stride) + 1);
  const parameters = (c_in / groups) * c_out * kernel ** 2;
  const words = `${kernel}×${kernel}, ${c_in} → ${c_out}${groups > 1 ? `, ${groups} groups` : ""}`;
  return { words, kernel, c_in, groups, parameters, macs: parameters * h * w, h, w };
}

/** The layers of both routes from a setting. */
function routes(s) {
  const middle = s.expand ? s.bottleneck : s.c_out;
  const direct = [convolution(s.kernel, s.c_in, s.c_out, s.height, s.width, s.stride, s.groups)];
  const first = convolution(1, s.c_in, s.bottleneck, s.height, s.width, 1, 1);
  const second = convolution(s.kernel, s.bottleneck, middle, s.height, s.width, s.stride, s.groups);
  const third = convolution(1, middle, s.c_out, second.h, second.w, 1, 1);
  return { direct, through: s.expand ? [first, second, third] : [first, second] };
}

const sum = (layers, unit) => layers.reduce((total, layer) => total + layer[unit], 0);

/** A square whose area is the layers' sum, split into a strip for each layer. */
function square(layers, unit, side, x, bottom, words, colour) {
  const total = sum(layers, unit);
  const parts = [];
  let from = x;
  layers.forEach((layer, i) => {
    const wide = (side * layer[unit]) / total;
    parts.push(svg(
      "rect",
      { x: from, y: bottom - side, width: wide, height: side, fill: colour, opacity: [0.9, 0.65, 0.4][i] },
      svg("title", {}, `${layer.words}: ${commas(layer[unit])}`),
    ));
    from += wide;
  });
  return [
    ...parts,
    svg("text", { x, y: bottom + 20 }, words),
    svg("text", { x, y: bottom + 38, class: "rh-quiet" }, commas(total)),
  ];
}

/** Nine by nine pixels of the input, and the window that one number of the output reads. */
function reading(kernel, channels, step, x, y, cell) {
  const places = Math.max(1, 9 - kernel + 1);
  const column = step % places;
  const row = Math.floor(step / places) % places;
  const count = kernel ** 2 * channels;
  const parts = [
    svg("text", { x, y: y + 9 * cell + 18 }, `${kernel}×${kernel} reads ${commas(count)}:`),
    svg("text", { x, y: y + 9 * cell + 36, class: "rh-quiet" }, `${kernel ** 2} px × ${channels} channels`),
  ];
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < 9; j++) {
      const inside = i >= row && i < row + kernel && j >= column && j < column + kernel;
      parts.push(svg("rect", {
        x: x + j * cell, y: y + i * cell, width: cell - 1, height: cell - 1,
        fill: inside ? "var(--third)" : "var(--line)",
      }));
    }
  }
  return parts;
}

function render({ model, el }) {
  begin(el);
  const setting = () => Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
  let step = 0;
  let timer = null;

  function change(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  const controls = Object.fromEntries(Object.entries(FIELDS).map(([name, [label, values]]) => [
    name,
    slider({ label, values, value: model.get(name), oninput: (value) => change(name, value) }),
  ]));
  controls.expand = toggle({
    label: "and back by a second 1×1 convolution", value: model.get("expand"),
    oninput: (value) => change("expand", value),
  });
  controls.unit = choice({
    label: "draw", options: [["macs", "MACs"], ["parameters", "parameters"]],
    value: model.get("unit"), oninput: (value) => change("unit", value),
  });
  const presets = html("div", { class: "rh-controls", role: "group", "aria-label": "examples" },
    ...model.get("presets").map(([words, values]) => button(words, () => {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    })));

  const picture = stage("two squares, their areas to scale", (width) => {
    const s = setting();
    const { direct, through } = routes(s);
    const narrow = width < 620;
    const room = Math.min(narrow ? width / 2 - 12 : width / 4, 200);
    const [a, b] = [sum(direct, s.unit), sum(through, s.unit)];
    const longest = Math.sqrt(Math.max(a, b));
    const bottom = room + 8;
    const cell = narrow ? Math.min(14, (width / 2 - 20) / 9) : 14;
    const [x, y] = narrow ? [0, bottom + 86] : [width / 2 + 40, bottom - 9 * cell];
    return [narrow ? y + 9 * cell + 46 : bottom + 48, [
      ...square(direct, s.unit, room * Math.sqrt(a) / longest, 0, bottom, "directly", "var(--quiet)"),
      ...square(through, s.unit, room * Math.sqrt(b) / longest, room + 24, bottom, "through a bottleneck", "var(--third)"),
      svg("text", { x, y: y - 12 }, "what one output number reads"),
      ...reading(s.kernel, s.c_in / gcd(s.groups, s.c_in, s.c_out), step, x, y, cell),
      ...reading(1, s.c_in, step, narrow ? width / 2 + 10 : x + (width - x) / 2, y, cell),
    ]];
  });

  const said = readout();
  const table = html("div", { class: "rh-table" });

  function draw() {
    const s = setting();
    for (const [name, control] of Object.entries(controls)) control.set(s[name]);
    const { direct, through } = routes(s);
    const unit = s.unit === "macs" ? "MACs" : "parameters";
    const [a, b] = [sum(direct, s.unit), sum(through, s.unit)];
    said.textContent =
      `Directly ${commas(a)} ${unit}, through the bottleneck ${commas(b)}: ` +
      `${a >= b ? `${(a / b).toFixed(2)} times less` : `${(b / a).toFixed(2)} times more`}.`;
    table.replaceChildren(layerTable({ "directly": direct, "through a bottleneck": through }));
    picture.redraw();
  }

  function layerTable(all) {
    const rows = Object.entries(all).flatMap(([route, layers]) => layers.map((layer) => html(
      "tr", {}, html("td", {}, route), html("td", {}, layer.words),
      ...[`${layer.h}×${layer.w}`, commas(layer.parameters), commas(layer.macs)]
        .map((number) => html("td", { class: "rh-number" }, number)),
    )));
    const head = ["route", "convolution", "output", "parameters", "MACs"].map((word, i) =>
      html("th", { scope: "col", class: i > 1 ? "rh-number" : null }, word));
    return html("table", {},
      html("thead", {}, html("tr", {}, ...head)),
      html("tbody", {}, ...rows));
  }

  function play() {
    timer = setInterval(() => { step += 1; picture.redraw(); }, 500);
    playing.textContent = "Hold the window";
  }
  const playing = button("Move the window", () => {
    if (timer === null) return play();
    clearInterval(timer);
    timer = null;
    playing.textContent = "Move the window";
  });

  el.append(
    presets,
    html("div", { class: "rh-sliders" }, ...Object.keys(FIELDS).map((name) => controls[name])),
    html("div", { class: "rh-controls" }, controls.expand, controls.unit, playing),
    picture, said, table, shareButton(model, STATE) ?? "",
  );
  STATE.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => clearInterval(timer);
}

export default { render };
