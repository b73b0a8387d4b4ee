// Convolution cost calculator: what a k×k convolution costs directly, and through a bottleneck.
// It counts MACs as cost.py does, a second time, since a slider must answer at once. A test
// compares the two.

import { begin, brief, commas, fixed, html, stateOf, sum, svg, text } from "./kit.js";

const LABELS = {
  height: "height H", width: "width W", c_in: "channels in", c_out: "channels out",
  kernel: "kernel k", stride: "stride", groups: "groups", bottleneck: "bottleneck width",
};
const UNITS = { macs: "MACs", parameters: "parameters" };
const HEADS = ["convolution", "output", "parameters", "MACs"];
const DEPTHS = [0.9, 0.65, 0.4]; // of a route's colour, a layer after the other
const EXAMPLES = [
  ["the lecture's example", 28, 128, 64, 5, 32, false],
  ["GoogLeNet, inception 3a", 28, 192, 32, 5, 16, false],
  ["ResNet-50, conv4_x", 14, 1024, 1024, 3, 256, true],
].map(([words, size, c_in, c_out, kernel, bottleneck, expand]) => [words,
  { height: size, width: size, c_in, c_out, kernel, bottleneck, expand, stride: 1, groups: 1 }]);

const gcd = (...numbers) => numbers.reduce((a, b) => { while (b) [a, b] = [b, a % b]; return a; });

/** A convolution padded so that stride alone shrinks: its words, parameters, MACs and output. */
function convolution(kernel, c_in, c_out, height, width, stride, wanted) {
  const groups = gcd(wanted, c_in, c_out);
  const [h, w] = [height, width].map((size) => Math.floor((size - 1) / stride) + 1);
  const parameters = (c_in / groups) * c_out * kernel ** 2;
  const words = `${kernel}×${kernel}, ${c_in} → ${c_out}${groups > 1 ? `, ${groups} groups` : ""}`;
  return { words, parameters, macs: parameters * h * w, h, w };
}

/** The layers of both routes, and what each route costs in the chosen unit. */
function routes(s) {
  const middle = s.expand ? s.bottleneck : s.c_out;
  const direct = [convolution(s.kernel, s.c_in, s.c_out, s.height, s.width, s.stride, s.groups)];
  const first = convolution(1, s.c_in, s.bottleneck, s.height, s.width, 1, 1);
  const second = convolution(s.kernel, s.bottleneck, middle, s.height, s.width, s.stride, s.groups);
  const third = convolution(1, middle, s.c_out, second.h, second.w, 1, 1);
  const through = s.expand ? [first, second, third] : [first, second];
  return [
    { words: "directly", colour: "var(--quiet)", layers: direct },
    { words: "through a bottleneck", colour: "var(--third)", layers: through },
  ].map((route) => ({ ...route, total: sum(route.layers.map((layer) => layer[s.unit])) }));
}

/** A square whose area is a route's total, split into a strip for each layer. */
function square({ words, colour, layers, total }, unit, side, x, bottom) {
  let end = x;
  const strips = layers.map((layer, i) => {
    const width = (side * layer[unit]) / total;
    end += width;
    return svg("rect", {
      x: end - width, y: bottom - side, width, height: side, fill: colour, stroke: colour,
      "fill-opacity": DEPTHS[i],
    }, svg("title", {}, `${layer.words}: ${commas(layer[unit])}`));
  });
  return [
    ...strips, text(x, bottom + 16, words),
    text(x, bottom + 34, `${brief(total, 4)} ${UNITS[unit]}`, "start", "rh-quiet"),
  ];
}

function draw(s, width, height) {
  const both = routes(s);
  const room = Math.min(width / 2 - 12, height ? height - 56 : 230);
  const most = Math.max(...both.map(({ total }) => total));
  return [room + 56, both.flatMap((route, i) =>
    square(route, s.unit, room * Math.sqrt(route.total / most), i * (room + 24), room + 8))];
}

/** A short number whose title has all digits. */
const short = (number) => html("span", { title: commas(number) }, brief(number, 4));

const rows = (both) => both.flatMap(({ words, colour, layers }) => layers.map((layer, i) => [
  html("span", {}, html("span", { class: "rh-swatch", role: "img", "aria-label": words,
    style: `--colour: ${colour}; --share: ${100 * DEPTHS[i]}%` }), layer.words),
  `${layer.h}×${layer.w}`, short(layer.parameters), short(layer.macs)]));

function sentence(both, unit) {
  const [a, b] = both.map(({ total }) => total);
  const ratio = a >= b ? `${fixed(a / b, 2)} times less` : `${fixed(b / a, 2)} times more`;
  return `Directly ${commas(a)} ${unit}, through the bottleneck ${commas(b)}: ${ratio}.`;
}

function render({ model, el }) {
  const state = stateOf(model, el);
  const squares = state.stage("two squares, their areas to scale", draw);
  squares.classList.add("rh-above");
  begin(el, {
    title: "What does a way through fewer channels save?",
    task: "Each square's area is what its route costs. Narrow the bottleneck until it costs a tenth.",
  }, html("div", { class: "rh-beside" }, squares,
    html("div", { class: "rh-controls" },
      state.presets(EXAMPLES), state.choice("unit", "draw", (unit) => UNITS[unit]),
      state.toggle("expand", "and back by a second 1×1"),
      ...Object.entries(LABELS).map(([name, label]) => state.slider(name, label))),
    state.readout((s) => [sentence(routes(s), UNITS[s.unit])]),
    state.table((s) => [HEADS, rows(routes(s))])),
  state.share());
}

export default { render };
