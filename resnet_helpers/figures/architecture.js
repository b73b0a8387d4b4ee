// Architecture explorer: the five networks of table 1, block by block, two of them compared.

import {
  axes, begin, commas, curve, fold, html, percent, rule, scale, stateOf, svg, text,
} from "./kit.js";

// Of each stage its name, and its blocks' colour and opacity.
const STAGES = [
  ["conv1", "quiet", 1], ["conv2_x", "residual", 0.75], ["conv3_x", "residual", 0.83],
  ["conv4_x", "residual", 0.91], ["conv5_x", "residual", 1], ["fc", "third", 1],
];
// What the chart shows: its words, the column of the data, a unit and its name.
const QUANTITIES = {
  parameters: ["parameters", "parameters_so_far", 1e6, "parameters so far, in millions"],
  macs: ["MACs", "macs_so_far", 1e9, "MACs so far, in billions"],
  field: ["receptive field", "field", 1, "receptive field, px; image dotted"],
};
/** Where a block stands, in words. */
function place({ stage: name, number, count }) {
  if (name === "conv1") return "conv1 and max pool";
  return name === "fc" ? "average pool and fc" : `${name}, block ${number} of ${count}`;
}

const shortcut = ({ stage: name, projection }) => (["conv1", "fc"].includes(name) ? "none"
  : projection ? "projection" : "identity");

/** All that is known of the shown block, as pairs of a name and a text. */
function details({ depth, shown }) {
  return [
    ["place", place(shown)],
    ["output", shown.shape.join("×")],
    ["parameters", commas(shown.parameters)],
    ["MACs", commas(shown.macs)],
    ["shortcut", shortcut(shown)],
    ["layers", String(shown.layers)],
    ["layers so far", `${shown.depth} of ${depth}`],
    ["parameters so far", commas(shown.parameters_so_far)],
    ["MACs so far", commas(shown.macs_so_far)],
    ["receptive field", `${shown.field}×${shown.field} px`],
  ];
}

/** A block: as wide as the root of its channels, as high as the root of its map's side. */
function cell({ shape: [channels, pixels = 1], projection }, index, selected, colour, opacity) {
  const [width, height] = [channels / 2048, pixels / 56].map((part) => `${100 * Math.sqrt(part)}%`);
  const looks = ["rh-cell", projection && "rh-projects", selected && "rh-selected"];
  const block = html("span");
  Object.assign(block.style, { width, height, opacity, background: `var(--${colour})` });
  return html("span", { class: looks.filter(Boolean).join(" "), "data-index": index }, block);
}

/** A network's heading and its stages from top to bottom, as in a column of table 1. */
function column({ side, depth, blocks, selected }) {
  const stages = STAGES.map(([name, ...look]) => blocks.flatMap((block, i) =>
    (block.stage === name ? [cell(block, i, i === selected, ...look)] : [])));
  const counts = stages.slice(1, -1).map((cells) => cells.length);
  return html("div", { class: "rh-network", "data-side": side },
    html("div", {}, html("strong", {}, `ResNet-${depth}`),
      ` ${depth < 50 ? "basic blocks" : "bottlenecks"} ${counts.join(", ")}`),
    ...STAGES.flatMap(([name], i) => [
      html("span", { class: "rh-note" }, name === "fc" ? "pool + fc" : name),
      html("span", { class: "rh-cells" }, ...stages[i]),
    ]));
}

/** The chosen quantity against depth: a line for each network, a mark at its shown block. */
function drawChart({ networks, quantity, size }, width, room) {
  const [, name, unit, label] = QUANTITIES[quantity];
  const values = networks.flatMap(({ blocks }) => blocks.map((block) => block[name] / unit));
  const x = scale([0, Math.max(...networks.map(({ depth }) => depth))], [44, width - 12]);
  const bottom = room ? room - 46 : 224;
  const y = scale([0, Math.max(...values)], [bottom, 58]);
  const parts = [axes(x, y, { xLabel: "depth in layers", yLabel: label })];
  if (quantity === "field") {
    const dotted = { stroke: "var(--quiet)", "stroke-width": 2, "stroke-dasharray": "1 4" };
    parts.push(rule(x.range[0], y(size), x.range[1], y(size), dotted));
  }
  networks.forEach(({ side, depth, blocks, shown }, i) => {
    const dash = { "stroke-dasharray": side === "right" ? "7 5" : null };
    const points = blocks.map((block) => [x(block.depth), y(block[name] / unit)]);
    const from = i * 136;
    parts.push(
      curve(points, "var(--residual)", dash),
      curve([[from, 12], [from + 38, 12]], "var(--residual)", dash),
      text(from + 46, 12, `ResNet-${depth}`),
      mark(side, from + 19, 12),
      mark(side, x(shown.depth), y(shown[name] / unit)),
    );
  });
  return [bottom + 46, parts];
}

/** A disc on the left network's line, on the right one's a square: small, so that both are seen. */
function mark(side, x, y) {
  const look = { fill: "var(--residual)", stroke: "var(--paper)", "stroke-width": 1.5 };
  if (side === "left") return svg("circle", { ...look, cx: x, cy: y, r: 8 });
  return svg("rect", { ...look, x: x - 5, y: y - 5, width: 10, height: 10 });
}

/** Rows of both shown blocks as a table, narrow enough for a phone: its heads and rows. */
const comparison = (from, to) => ({ networks }) => {
  const columns = networks.map((network) => details(network).slice(from, to));
  return [["", ...networks.map(({ depth }) => `ResNet-${depth}`)],
    columns[0].map(([name], i) => [name, ...columns.map((texts) => texts[i][1])])];
};

/** What has been spent when the shown block is done, as a sentence. */
function sentence({ depth, blocks, shown }, size) {
  const all = blocks.at(-1);
  return `ResNet-${depth} to ${place(shown)}: ` +
    `${percent(shown.parameters_so_far / all.parameters_so_far)} of parameters, ` +
    `${percent(shown.macs_so_far / all.macs_so_far)} of MACs; ` +
    `receptive field ${shown.field} px${shown.field > size ? ", wider than the image" : ""}.`;
}

/** What the controls choose: one network or two, and the block that each shows. */
function derived(state, networkOf) {
  const networks = ["left", "right"].filter((side) => state[side]).map((side) => {
    const blocks = networkOf(state[side], state.size);
    const selected = Math.min(state[`${side}_block`], blocks.length - 1);
    return { side, depth: state[side], blocks, selected, shown: blocks[selected] };
  });
  const most = Object.fromEntries(
    networks.map(({ side, blocks }) => [`${side}_block`, blocks.length - 1]));
  return { ...state, networks, most };
}

/** In another network the block is selected that stands where the old one's stood. */
function samePlace(values, { networks, size }, networkOf) {
  const [side] = ["left", "right"].filter((name) => values[name]);
  const old = networks.find((network) => network.side === side);
  if (!old) return {};
  const { stage: name, number } = old.blocks[old.selected];
  const index = networkOf(values[side], size).findLastIndex(
    (block) => block.stage === name && block.number <= number);
  return { [`${side}_block`]: index };
}

function render({ model, el }) {
  const { columns, ...rows } = model.get("data");
  const named = (row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]));
  const networkOf = (depth, size) => rows[depth][size].map(named);
  const state = stateOf(model, el, {
    derive: (values) => derived(values, networkOf),
    alongWith: (values, s) => samePlace(values, s, networkOf),
  });
  const sliders = ["left", "right"].map((side) => state.slider(`${side}_block`, `${side} block`,
    (index) => `${index + 1} of ${state.read().most[`${side}_block`] + 1}`));
  const blocks = state.live(html("div", { class: "rh-columns", "aria-hidden": "true" }),
    ({ networks }) => networks.map(column));
  blocks.addEventListener("click", ({ target }) => {
    const index = target.closest("[data-index]")?.dataset.index;
    if (!index) return;
    const { side } = target.closest("[data-side]").dataset;
    state.change({ [`${side}_block`]: Number(index) });
    sliders[side === "left" ? 0 : 1].querySelector("input").focus(); // the arrow keys go on from there
  });

  begin(el, {
    title: "Where are a network's parameters, and where are its MACs?",
    task: "Choose a block in each network. Wider: more channels. Higher: a larger map. A dot: the " +
      "shortcut projects.",
  }, blocks, html("div", { class: "rh-controls" }, ...sliders),
  state.stage("the chosen quantity against depth", drawChart),
  html("div", { class: "rh-controls" },
    state.choice("quantity", "draw", (name) => QUANTITIES[name][0]),
    state.choice("size", "image", (size) => `${size}×${size}`),
    state.choice("left", "left network"),
    state.choice("right", "right network", (depth) => depth || "none")),
  state.readout(({ networks, size }) => networks.map((network) => sentence(network, size))),
  state.table(comparison(0, 4)), fold("More of both blocks", state.table(comparison(4))),
  state.share());
  state.show(({ right }) => { sliders[1].hidden = !right; });
}

export default { render };
