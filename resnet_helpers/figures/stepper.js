// Block stepper: a tensor goes through a residual block layer by layer, and its gradient back.
// It has the layers, parameters and MACs of blocks.py a second time, since a slider must answer at
// once. A test compares them with the real block's.

import {
  begin, brief, button, clamp, commas, curve, fill, html, rule, stateOf, sum, svg, text,
} from "./kit.js";

const EXAMPLES = [
  ["ResNet-18, conv2_1", "basic", 64, 64, 1],
  ["ResNet-18, conv3_1", "basic", 64, 128, 2],
  ["ResNet-50, conv2_1", "bottleneck", 64, 64, 1],
  ["ResNet-50, conv3_1", "bottleneck", 256, 128, 2],
].map(([words, kind, in_channels, out_channels, stride]) =>
  [words, { kind, in_channels, out_channels, stride, size: 56 }]);

/** The steps end with addition, ReLU and y; a shorter block ends at its own last one. */
function derived(state) {
  const last = (state.kind === "basic" ? 5 : 8) + 3;
  return { ...state, last, step: Math.min(state.step, last), most: { step: last } };
}

const shapeText = (shape) => shape.join("×");
const total = (items, unit) => sum(items.map((item) => item[unit]));

function convolution(kernel, shape, wide, stride = 1) {
  const [channels, height] = shape;
  const side = Math.ceil(height / stride);
  const parameters = channels * wide * kernel ** 2;
  return {
    kind: "conv", kernel, stride, channels, parameters, macs: parameters * side ** 2,
    shape: [wide, side, side],
    words: `${kernel}×${kernel} convolution${stride > 1 ? `, stride ${stride}` : ""}`,
  };
}

/** A step that costs nothing. */
const free = (words, shape, tell = "") => ({ words, shape, tell, parameters: 0, macs: 0 });
const batchNorm = (shape) => ({ ...free("batch norm", shape), kind: "norm", parameters: 2 * shape[0] });
const relu = (shape) => ({ ...free("ReLU", shape), kind: "ReLU" });

/** The layers of a block, as blocks.py has them. */
function blockOf(s) {
  const narrow = s.out_channels;
  const input = [s.in_channels, s.size, s.size];
  const convolutions = s.kind === "basic"
    ? [[3, narrow, s.stride], [3, narrow]]
    : [[1, narrow], [3, narrow, s.stride], [1, 4 * narrow]]; // the stride is in the 3×3
  const layers = [];
  let shape = input;
  convolutions.forEach(([kernel, wide, stride], i) => {
    const layer = convolution(kernel, shape, wide, stride);
    shape = layer.shape;
    layers.push(layer, batchNorm(shape));
    if (i < convolutions.length - 1) layers.push(relu(shape)); // the last one comes after the sum
  });
  const projection = shapeText(shape) !== shapeText(input);
  const around = projection ? [convolution(1, input, shape[0], s.stride), batchNorm(shape)] : [];
  const shortcut = {
    words: projection ? `projection: ${around.map((layer) => layer.words).join(", ")}` : "identity",
    shape, parameters: total(around, "parameters"), macs: total(around, "macs"),
  };
  return { input, layers, projection, shortcut, output: shape, beside: layers.length >> 1 };
}

/** What each step forward does, adds and hands on. */
function forwardSteps(b) {
  const x = b.projection ? "P(x)" : "x";
  const tells = {
    conv: ({ kernel, channels }) => "Each number is a weighted sum over " + (kernel > 1
      ? `${kernel}×${kernel} pixels of all ${channels} channels.`
      : `the ${channels} channels of one pixel.`),
    norm: () => "In training each channel gets mean 0 and variance 1 over the batch, " +
      "then its own scale γ and shift β.",
    ReLU: () => "Negative numbers become 0.",
  };
  return [
    free("input x", b.input, "x waits at the fork: one way through F, one around it."),
    ...b.layers.map((layer) => ({ ...layer, tell: tells[layer.kind](layer) })),
    {
      ...b.shortcut,
      tell: b.projection
        ? `x has the shape ${shapeText(b.input)} and F(x) has ${shapeText(b.output)}: ` +
          "to be added, x must be projected. Call it P(x)."
        : "x has the shape of F(x), so it passes unchanged.",
    },
    free("addition", b.output, `F(x) + ${x}, number by number.`),
    free("ReLU", b.output, `y = ReLU(F(x) + ${x}): the block's output.`),
  ];
}

/** What each step back does. Both paths go on at once, so the projection shares a step with F. */
function backwardSteps(b) {
  const x = b.projection ? "P(x)" : "x";
  const tells = {
    conv: "Times its Jacobian: each input gathers the gradients of the outputs that read it, times " +
      "the same weights. As many MACs again give the weights' gradient.",
    norm: "Times its Jacobian: in each channel γ/σ · (gradient − its mean − x̂ · mean of gradient · x̂), " +
      "with x̂ the normalised input.",
    ReLU: "Times 1 where the ReLU's input was positive, times 0 elsewhere.",
  };
  const meanwhile = (i) => {
    if (!b.projection) return "On the shortcut: g · 1, unchanged.";
    if (i > b.beside) return "On the shortcut: g, before the projection.";
    if (i < b.beside) return "On the shortcut: g · P′(x), no longer g.";
    return "On the shortcut: g, times the projection's Jacobian P′(x). It does not stay the same.";
  };
  const through = b.layers.map((layer, i) => {
    const both = b.projection && i === b.beside;
    return {
      words: both ? `${layer.words}, and the projection` : layer.words,
      shape: i ? b.layers[i - 1].shape : b.input,
      parameters: layer.parameters + (both ? b.shortcut.parameters : 0),
      macs: 2 * (layer.macs + (both ? b.shortcut.macs : 0)),
      tell: `${tells[layer.kind]} ${meanwhile(i)}`,
    };
  });
  return [
    free("gradient in y", b.output,
      "The gradient of the loss in the block's output, ∂L/∂y, arrives. It has y's shape."),
    free("ReLU", b.output,
      `Times 1 where F(x) + ${x} was positive, times 0 elsewhere. The result is g.`),
    free("addition", b.output,
      "The derivative of a sum in each summand is 1: F and the shortcut both receive g."),
    ...through.reverse(),
    free("gradient in x", b.input, b.projection
      ? "Both add up: g · F′(x) + g · P′(x). There is no 1: what comes through depends on the " +
        "projection's weights, too."
      : "Both add up: g · F′(x) + g · 1 = g · (1 + F′(x)). The 1 is there whatever F's weights are."),
  ];
}

/** A tensor as a box: the more pixels the higher, the more channels the longer. */
function tensorBox(x, y, shape, stroke, dash = null) {
  const [channels, side] = shape;
  const high = 1.75 * Math.sqrt(side);
  const long = 4 * Math.log2(channels) - 10;
  const slant = high / 3;
  const [l, t] = [x - (long + slant) / 2, y - (high - slant) / 2];
  const d = `M${l} ${t}h${long}v${high}h${-long}zl${slant} ${-slant}h${long}v${high}l${-slant} ${slant}` +
    `M${l + long} ${t}l${slant} ${-slant}`;
  return svg("path", { d, fill: "var(--paper)", stroke, "stroke-width": 1.5, "stroke-dasharray": dash });
}

/** A triangle whose tip is at (x, y); `turn` in degrees, 0 points right. */
const tip = (x, y, turn, fill) => svg(
  "path", { d: "M0 0l-8 -4.5v9z", transform: `translate(${x} ${y}) rotate(${turn})`, fill });

/** A tensor's shape and what it is, in one line where there is less height than width. */
const labels = (p, shape, formula) => (p.room && formula ? [`${shapeText(shape)},  ${formula}`]
  : [shapeText(shape), formula].filter(Boolean));

/** Lines of text around a middle. */
const words = (x, y, lines, anchor, look) => lines.filter(Boolean).map((line, i, all) =>
  text(x, y + (i - (all.length - 1) / 2) * 16, line, anchor, look));

/**
 * Where everything stands: the layers in rows, the shortcut on their left. A convolution shares its
 * row with the batch norm and the ReLU behind it. On a projector the rows share its room.
 */
function plan(b, width, room) {
  const lane = clamp(106 + (width - 440) * 0.3, 94, 150);
  const left = lane + 16;
  const wide = width < 440 ? { norm: 30, ReLU: 44 } : { norm: 84, ReLU: 56 };
  wide.conv = Math.min(width - left - 6 - wide.norm - wide.ReLU, room ? 260 : 190);
  const row = room ? 40 : b.layers.some(({ stride }) => stride > 1) ? 74 : 58;
  const rows = b.layers.filter(({ kind }) => kind === "conv").length;
  const gap = (most) => (room
    ? Math.min(most, Math.floor((room - 90 - rows * row) / (rows + 4))) : most);
  const start = room ? 24 : 38; // for the x
  const fork = start + gap(40);
  let y = fork + gap(40);
  const place = (x, kind, high) => (
    { x, wide: wide[kind], centre: x + wide[kind] / 2, top: y, middle: y + high / 2, bottom: y + high });
  const starts = { conv: left, norm: left + wide.conv, ReLU: left + wide.conv + wide.norm };
  const layers = b.layers.map(({ kind }, i) => {
    if (i && kind === "conv") y += row + gap(36);
    return place(starts[kind], kind, row);
  });
  y += row + gap(36);
  const plus = place(left, "conv", 24);
  y += 24 + gap(36);
  const last = place(left, "conv", 26);
  y += 26 + gap(42);
  // Edge e leads to node e, and the last one out of the block. Within a row there is none.
  const nodes = [...layers, plus, last];
  const ends = [...nodes.map((node) => node.top), y - 4];
  const edges = ends.map((end, i) => [Math.min(i ? nodes[i - 1].bottom : fork, end), end]);
  return {
    lane, left, start, fork, layers, plus, last, edges, end: y + 8, centre: plus.centre,
    middle: (layers[0].top + plus.top) / 2, beside: lane / 2, narrow: width < 440, room,
  };
}

function layerBox(box, lines, { now, passed }) {
  return [
    svg("rect", { x: box.x, y: box.top, width: box.wide, height: box.bottom - box.top, rx: 5,
      fill: "var(--paper)", stroke: now ? "var(--ink)" : "var(--quiet)", "stroke-width": now ? 3 : 1 }),
    ...words(box.centre, box.middle, lines, "middle", passed ? null : "rh-quiet"),
  ];
}

const node = (cx, cy, r, now) => [
  svg("circle", { cx, cy, r, fill: "var(--paper)",
    stroke: now ? "var(--ink)" : "var(--residual)", "stroke-width": now ? 4 : 2 }),
  curve([[cx - 5, cy], [cx + 5, cy]], "var(--ink)"),
  curve([[cx, cy - 5], [cx, cy + 5]], "var(--ink)"),
];

/** A piece of the main path, thick once it has been passed, with the tensor that is on it. */
function edge(p, ends, { passed, back, ink, shape, formula, now, dash = null, pointed = true }) {
  const [top, bottom] = ends;
  if (top === bottom) return [];
  const colour = passed ? ink : "var(--quiet)";
  const look = { "stroke-width": passed ? 4 : 1.5, "stroke-dasharray": passed && dash };
  const middle = (top + bottom) / 2;
  return [
    rule(p.centre, top, p.centre, bottom, { stroke: colour, ...look }),
    pointed && tip(p.centre, back ? top : bottom, back ? -90 : 90, colour),
    ...(passed && shape ? [
      tensorBox(p.centre, middle, shape, colour, dash),
      ...words(p.centre + 22, middle, labels(p, shape, formula), "start", now && "rh-strong"),
    ] : []),
  ];
}

/** The shortcut: identity or projection. `reach` is how far up a gradient has come. */
function shortcutPath(p, b, { passed, back, reach, now, projected }) {
  const x = p.beside;
  const fork = [p.centre - (back ? 12 : 0), p.fork];
  const corners = [[p.centre - 13, p.plus.middle], [x, p.plus.middle]];
  const line = (points, width) => curve([...corners, ...points], "var(--residual)",
    { "stroke-width": width, "stroke-linejoin": "round" });
  const tensor = (y, shape, formula) => {
    if (!passed || (back && reach > y)) return [];
    const lines = labels(p, shape, formula);
    return [tensorBox(x, y, shape, "var(--residual)"),
      ...onPaper(x, y + 11 + 8 * lines.length, lines, now)];
  };
  return [
    line([[x, p.fork], fork], 1.5),
    passed && line(back && reach > p.fork ? [[x, reach]] : [[x, p.fork], fork], 5),
    tip(p.centre - (back ? 10 : 12), back ? p.fork : p.plus.middle, 0, "var(--residual)"),
    ...(b.projection ? projectionParts(p, b, { back, now, projected, tensor }) : [
      ...onPaper(x, p.middle - 24, ["identity"], now), ...tensor(p.middle, b.input, back && "g · 1"),
    ]),
  ];
}

/** Words on a line, which they interrupt. */
const onPaper = (x, y, lines, bold) => [
  svg("rect", { x: x - 8, y: y - 8 * lines.length, width: 16, height: 16 * lines.length,
    fill: "var(--paper)" }),
  ...words(x, y, lines, "middle", bold && "rh-strong"),
];

/** The projection's box, and the tensors on both sides of it. */
function projectionParts(p, b, { back, now, projected, tensor }) {
  const conv = ["1×1 conv", b.input[1] > b.output[1] && "stride 2"].filter(Boolean);
  const lines = ["projection:", ...(p.room ? [conv.join(", ")] : conv), "batch norm",
    `${brief(b.shortcut.parameters)} par.`, `${brief((back ? 2 : 1) * b.shortcut.macs)} MACs`];
  const half = 8 * lines.length + 5;
  return [
    ...tensor(p.middle + half + (p.room ? 11 : 20), b.output, back && "g"),
    ...tensor(p.middle - half - (p.room ? 32 : 60), b.input, back && projected && "g · P′"),
    svg("rect", { x: 3, y: p.middle - half, width: p.lane - 6, height: 2 * half, rx: 5,
      fill: "var(--paper)", stroke: "var(--residual)",
      "stroke-width": now || projected === "now" ? 4 : 1.5 }),
    ...words(p.beside, p.middle, lines, "middle"),
  ];
}

/** The whole picture of one step. */
function picture(s, width, room) {
  const b = blockOf(s);
  const p = plan(b, width, room);
  const k = b.layers.length;
  const back = s.direction === "backward";
  const times = back ? 2 : 1;
  // The step at which an edge is passed, and the one at which a layer or the end is at work.
  const passes = (e) => (back ? k + 2 - e : e > k ? e + 1 : e);
  const works = (i) => (back ? k + 2 - i : i + 1);
  const at = (step) => ({ now: s.step === step, passed: s.step >= step, back });
  const end = back ? k + 3 : 0; // when x, or the gradient in it, is there
  const shapes = [back && b.input, ...b.layers.map((layer) => layer.shape), b.output, b.output];
  const formulas = { 0: "g · F′", [k]: "g", [k + 1]: "g", [k + 2]: "∂L/∂y" };
  const digits = p.narrow ? brief : commas;
  const lines = ({ kind, words: said, parameters, macs }) => {
    const name = said.replace("convolution", "conv");
    const costs = [parameters && `${digits(parameters)} par.`, macs && `${digits(times * macs)} MACs`];
    if (room) return [name, costs.filter(Boolean).join(", ")];
    return p.narrow && kind === "norm" ? ["BN"] : [...name.split(", "), ...costs];
  };
  return [p.end + (room ? 8 : 12), [
    svg("rect", { x: p.lane + 2, y: p.layers[0].top - 4, width: width - p.lane - 2, rx: 5,
      height: p.layers[k - 1].bottom - p.layers[0].top + 8, fill: "var(--wash)" }),
    text(p.lane + 7, p.layers[0].bottom + 18, "F", "start", "rh-strong"),
    text(p.centre, p.start - 14, "x", "middle", "rh-strong"),
    ...edge(p, [p.start - 4, p.fork], {
      ...at(end), ink: "var(--ink)", shape: b.input, pointed: back,
      formula: back && `g·(${b.projection ? "P′" : "1"} + F′)`,
    }),
    ...p.edges.flatMap((place, e) => edge(p, place, {
      ...at(passes(e)), ink: back && e <= k ? "var(--third)" : "var(--ink)",
      dash: back && e <= k && "3 2", shape: shapes[e], formula: back && formulas[e],
    })),
    ...shortcutPath(p, b, {
      ...at(back ? 2 : k + 1), now: s.step === k + 1 && !back,
      reach: s.step >= k + 2 ? p.fork : p.edges[k + 2 - s.step]?.[0],
      projected: at(works(b.beside)).now ? "now" : at(works(b.beside)).passed,
    }),
    ...b.layers.flatMap((layer, i) => layerBox(p.layers[i], lines(layer), at(works(i)))),
    ...node(p.centre, p.plus.middle, 12, s.step === (back ? 2 : k + 2)),
    ...(back ? node(p.centre, p.fork, 10, s.step === end)
      : [svg("circle", { cx: p.centre, cy: p.fork, r: 4, fill: "var(--ink)" })]),
    ...layerBox(p.last, ["ReLU"], at(back ? 1 : k + 3)),
    text(p.centre, p.end, "y", "middle", "rh-strong"),
  ]];
}

/** What the step is, what it does, and what has been spent so far: the readout's lines. */
function tale(s) {
  const b = blockOf(s);
  const steps = s.direction === "forward" ? forwardSteps(b) : backwardSteps(b);
  const { words: what, shape, parameters, macs, tell } = steps[s.step];
  const [parametersSoFar, macsSoFar] = ["parameters", "macs"].map((unit) =>
    `${commas(total(steps.slice(0, s.step + 1), unit))} of ${commas(total(steps, unit))}`);
  return [
    html("strong", {}, `Step ${s.step} of ${s.last}: ${what} (${shapeText(shape)})`),
    tell.replaceAll("′(", "′\u2060("), // F′(x) stays in one piece
    `Here ${commas(parameters)} parameters, ${commas(macs)} MACs; so far ${parametersSoFar} parameters, ` +
    `${macsSoFar} MACs${s.direction === "forward" ? "" : " back"}.`,
  ];
}

const code = ({ kind, in_channels, out_channels, stride }) =>
  `${kind === "basic" ? "BasicBlock" : "BottleNeck"}(${in_channels}, ${out_channels}, stride=${stride})`;

function render({ model, el }) {
  const state = stateOf(model, el, {
    derive: derived,
    alongWith: (values) => ("direction" in values ? { step: 0 } : {}),
  });
  const move = (by) => {
    const { step, last } = state.read();
    if (clamp(step + by, 0, last) !== step) state.change({ step: step + by });
  };
  const [back, next] = [button("Back", () => move(-1)), button("Next", () => move(1))];
  begin(el, {
    title: state.live(html("span"), ({ direction }) => [direction === "forward"
      ? "How does x get through the block?" : "How does the gradient get back through the block?"]),
    task: "Say what the next layer does to the shape, and what it costs. Then press Next.",
  }, html("div", { class: "rh-beside" },
    state.stage("the residual block, layer by layer", picture),
    html("div", { class: "rh-at-hand" },
      html("div", { class: "rh-controls" }, fill(next, { class: "rh-primary" }), back,
        state.slider("step", "step", (now) => `${now} of ${state.read().last}`)),
      state.readout(tale)),
    html("div", { class: "rh-controls" },
      state.choice("direction", "pass"), state.presets(EXAMPLES),
      state.choice("kind", "block"), state.choice("stride", "stride"),
      state.slider("in_channels", "in_channels"),
      state.slider("out_channels", "out_channels",
        (channels) => (state.read().kind === "basic" ? channels : `${channels} ×4`)),
      state.slider("size", "input pixels", (side) => `${side}×${side}`),
      state.live(html("code"), (s) => [code(s)]))),
  state.share());
  state.show(({ step, last }) => {
    // Not `disabled`: that would take the focus from who steps by keyboard.
    back.setAttribute("aria-disabled", step === 0);
    next.setAttribute("aria-disabled", step === last);
  });
}

export default { render };
