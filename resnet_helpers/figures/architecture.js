// Architecture explorer: the five networks of table 1, block by block, two of them compared.

import {
  axes, clamp, commas, curve, html, onKeys, percent, readout, rule, scale, stage, stateOf, STEPS,
  sum, svg, table, text, textLine,
} from "./kit.js";

const STAGES = ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"];
// What the chart shows: its words, the column of the data, a unit and its name.
const QUANTITIES = {
  parameters: ["parameters", "parameters_so_far", 1e6, "parameters so far, in millions"],
  macs: ["MACs", "macs_so_far", 1e9, "MACs so far, in billions"],
  field: ["receptive field", "field", 1, "receptive field, px; image dotted"],
};
const SHADES = { conv2_x: 0.5, conv3_x: 0.65, conv4_x: 0.8, conv5_x: 1 };
// A cell's width in pixels, at least and at most; it is square. Room for the labels; the gap.
const [SMALLEST, LARGEST, LABELS, GAP] = [26, 36, 68, 32];

const inStage = (blocks, name) => blocks.filter((block) => block.stage === name);

/** Where a block stands, in words. */
function place({ stage: name, number, count }) {
  if (name === "conv1") return "conv1 and max pool";
  return name === "fc" ? "average pool and fc" : `${name}, block ${number} of ${count}`;
}

function shortcut({ stage: name, projection }) {
  if (name === "conv1" || name === "fc") return "none";
  return projection ? "projection" : "identity";
}

/** All that is known of the shown block, as pairs of a name and a text. */
function details({ depth, shown }) {
  return [
    ["place", place(shown)],
    ["output", shown.shape.join("×")],
    ["shortcut", shortcut(shown)],
    ["layers", String(shown.layers)],
    ["parameters", commas(shown.parameters)],
    ["MACs", commas(shown.macs)],
    ["layers so far", `${shown.depth} of ${depth}`],
    ["parameters so far", commas(shown.parameters_so_far)],
    ["MACs so far", commas(shown.macs_so_far)],
    ["receptive field", `${shown.field}×${shown.field} px`],
  ];
}

/** A block: as wide as the root of its channels, as high as the root of its map's side. */
function cell(block, index, corner, side, selected) {
  const [channels, pixels = 1] = block.shape;
  const wide = (side - 4) * Math.sqrt(channels / 2048);
  const high = (side - 4) * Math.sqrt(pixels / 56);
  const colour = { conv1: "var(--quiet)", fc: "var(--third)" }[block.stage] ?? "var(--residual)";
  return svg("g", { class: "rh-press", "data-index": index, transform: `translate(${corner})` },
    svg("rect", {
      x: 0.5, y: 0.5, width: side - 1, height: side - 1, rx: 4, "stroke-width": 2,
      fill: selected ? "var(--wash)" : "transparent", stroke: selected ? "var(--ink)" : "none",
    }),
    svg("rect", {
      x: (side - wide) / 2, y: (side - high) / 2, width: wide, height: high,
      fill: colour, opacity: SHADES[block.stage] ?? 1,
    }),
    // What is high is narrow and what is wide is flat, so a corner is free.
    block.projection ? svg("circle", {
      cx: Math.max(4.5, (side - wide) / 2 - 4), cy: Math.max(4.5, (side - high) / 2 - 4), r: 2.5,
      fill: "var(--ink)",
    }) : null,
  );
}

/** A network's heading and its stages from top to bottom, as in a column of table 1. */
function column(network, x, y, { side, perLine, lines }) {
  const { depth, blocks, selected } = network;
  const counts = STAGES.slice(1, -1).map((name) => inStage(blocks, name).length);
  const parts = [];
  let top = y + 28;
  STAGES.forEach((name, row) => {
    const label = name === "fc" ? "pool + fc" : name;
    parts.push(text(x, top + side / 2, label, "start", "rh-quiet"));
    inStage(blocks, name).forEach((block, i) => {
      const index = blocks.indexOf(block);
      const corner = [x + LABELS + (i % perLine) * side, top + Math.floor(i / perLine) * side];
      parts.push(cell(block, index, corner, side, index === selected));
    });
    top += lines[row] * side + 6;
  });
  return svg("g", {},
    svg("text", { x, y: y + 16, "aria-hidden": "true" },
      svg("tspan", { "font-weight": "bold" }, `ResNet-${depth}`),
      svg("tspan", { dx: 8 }, `${depth < 50 ? "basic blocks" : "bottlenecks"} ${counts.join(", ")}`)),
    svg("g", {
      role: "slider", tabindex: 0, "data-key": network.side,
      "aria-label": `ResNet-${depth}, ${network.side}: block`,
      "aria-valuemin": 1, "aria-valuemax": blocks.length, "aria-valuenow": selected + 1,
      "aria-valuetext": details(network).map((pair) => pair.join(": ")).join("; "),
    }, ...parts),
  );
}

/** The networks side by side where there is room, otherwise one above the other. */
function drawBlocks(width, { networks }) {
  const abreast = width >= 560 ? networks.length : 1;
  const wide = (width - (abreast - 1) * GAP) / abreast;
  const count = ({ blocks }, name) => inStage(blocks, name).length;
  const longest = Math.max(...networks.flatMap((n) => STAGES.map((name) => count(n, name))));
  const side = clamp(Math.floor((wide - LABELS) / longest), SMALLEST, LARGEST);
  const perLine = Math.floor((wide - LABELS) / side);
  const parts = [];
  let y = 0;
  for (let i = 0; i < networks.length; i += abreast) {
    const group = networks.slice(i, i + abreast);
    // Neighbours share their lines, so that a stage stands beside the same stage.
    const lines = STAGES.map((name) =>
      Math.max(...group.map((network) => Math.ceil(count(network, name) / perLine))));
    group.forEach((network, j) =>
      parts.push(column(network, j * (wide + GAP), y, { side, perLine, lines })));
    y += 36 + sum(lines) * side + STAGES.length * 6;
  }
  return [y - 12, parts];
}

/** The chosen quantity against depth: a line for each network, a mark at its shown block. */
function drawChart(width, { networks, quantity, size }) {
  const [, name, unit, label] = QUANTITIES[quantity];
  const values = networks.flatMap(({ blocks }) => blocks.map((block) => block[name] / unit));
  const x = scale([0, Math.max(...networks.map(({ depth }) => depth))], [44, width - 12]);
  const y = scale([0, Math.max(...values)], [250, 58]);
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
  return [296, parts];
}

/** A disc on the left network's line, on the right one's a square: small, so that both are seen. */
function mark(side, x, y) {
  const look = { fill: "var(--residual)", stroke: "var(--paper)", "stroke-width": 1.5 };
  if (side === "left") return svg("circle", { ...look, cx: x, cy: y, r: 8 });
  return svg("rect", { ...look, x: x - 5, y: y - 5, width: 10, height: 10 });
}

/** Both shown blocks as a table, narrow enough for a phone. */
function comparison(networks) {
  const columns = networks.map(details);
  return table(["", ...networks.map(({ depth }) => `ResNet-${depth}`)],
    columns[0].map(([name], i) => [name, ...columns.map((texts) => texts[i][1])]));
}

/** What has been spent when the shown block is done, as a sentence. */
function sentence({ depth, blocks, shown }, size) {
  const all = blocks[blocks.length - 1];
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
  return { ...state, networks };
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
  const select = (side, index) => state.change({ [`${side}_block`]: index });

  const picture = stage("the networks' blocks", (width) => drawBlocks(width, state.read()));
  const chart = stage(
    "the chosen quantity against depth", (width) => drawChart(width, state.read()));
  const said = readout();
  const numbers = html("div", { class: "rh-table" });

  // The picture is drawn anew after each change, so its box listens, not its parts.
  picture.addEventListener("click", ({ target }) => {
    const index = target.closest("[data-index]")?.dataset.index;
    if (index) select(target.closest("[data-key]").dataset.key, Number(index));
  });
  onKeys(picture, (key, { dataset }) => {
    const network = state.read().networks.find(({ side }) => side === dataset.key);
    if (!network || !(key in STEPS)) return false;
    select(network.side, clamp(network.selected + STEPS[key], 0, network.blocks.length - 1));
    return true;
  });

  el.append(
    html("div", { class: "rh-controls" },
      state.choice("left", "left network"),
      state.choice("right", "right network", (depth) => depth || "none"),
      state.choice("size", "image", (size) => `${size}×${size}`)),
    picture,
    html("p", { class: "rh-note" },
      "Wider: more channels. Higher: a larger map. A dot: the shortcut projects."),
    said,
    html("div", { class: "rh-controls rh-apart" },
      state.choice("quantity", "draw", (name) => QUANTITIES[name][0])),
    chart, numbers, state.share(),
  );
  state.show(({ networks, size }) => {
    numbers.replaceChildren(comparison(networks));
    said.replaceChildren(...networks.map((network) => textLine(sentence(network, size))));
    picture.redraw();
    chart.redraw();
  });
}

export default { render };
