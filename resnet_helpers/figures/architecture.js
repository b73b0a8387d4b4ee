// Architecture explorer: the five networks of table 1, block by block, two of them compared.

import {
  axes, begin, clamp, commas, html, linePath, percent, readout, scale, stage, stateOf, sum, svg, textLine,
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
const KEYS = { ArrowLeft: (i) => i - 1, ArrowRight: (i) => i + 1, Home: () => 0, End: () => Infinity };

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
function cell(block, index, x, y, side, { selected, hovered }) {
  const [channels, pixels = 1] = block.shape;
  const wide = (side - 4) * Math.sqrt(channels / 2048);
  const high = (side - 4) * Math.sqrt(pixels / 56);
  const colour = { conv1: "var(--quiet)", fc: "var(--third)" }[block.stage] ?? "var(--residual)";
  return svg("g", { class: "rh-press", "data-index": index, transform: `translate(${x} ${y})` },
    svg("rect", {
      x: 0.5, y: 0.5, width: side - 1, height: side - 1, rx: 4,
      fill: selected || hovered ? "var(--wash)" : "transparent",
      stroke: selected ? "var(--ink)" : hovered ? "var(--quiet)" : "none",
      "stroke-width": selected ? 2 : 1,
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
  const { depth, blocks, selected, hovered, shown } = network;
  const counts = STAGES.slice(1, -1).map((name) => inStage(blocks, name).length);
  const parts = [];
  let top = y + 28;
  STAGES.forEach((name, row) => {
    const label = name === "fc" ? "pool + fc" : name;
    parts.push(svg("text", { x, y: top + side / 2, dy: "0.35em", class: "rh-quiet" }, label));
    inStage(blocks, name).forEach((block, i) => {
      const index = blocks.indexOf(block);
      parts.push(cell(
        block, index, x + LABELS + (i % perLine) * side, top + Math.floor(i / perLine) * side,
        side, { selected: index === selected, hovered: index === hovered },
      ));
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
      "aria-valuemin": 1, "aria-valuemax": blocks.length, "aria-valuenow": blocks.indexOf(shown) + 1,
      "aria-valuetext": details(network).map(([name, text]) => `${name}: ${text}`).join("; "),
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
    parts.push(svg("line", {
      x1: x.range[0], x2: x.range[1], y1: y(size), y2: y(size),
      stroke: "var(--quiet)", "stroke-width": 2, "stroke-dasharray": "1 4",
    }));
  }
  networks.forEach(({ side, depth, blocks, shown }, i) => {
    const line = {
      fill: "none", stroke: "var(--residual)", "stroke-width": 2.5,
      "stroke-dasharray": side === "right" ? "7 5" : null,
    };
    const from = i * 136;
    parts.push(
      svg("path", { ...line, d: linePath(blocks.map((b) => [x(b.depth), y(b[name] / unit)])) }),
      svg("path", { ...line, d: linePath([[from, 12], [from + 38, 12]]) }),
      svg("text", { x: from + 46, y: 12, dy: "0.35em" }, `ResNet-${depth}`),
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
  const hyphens = (name) => name.replace("param", "param\u00ad").replace("recep", "recep\u00ad");
  const columns = networks.map(details);
  const heads = networks.map(({ depth }) =>
    html("th", { scope: "col", class: "rh-number" }, `ResNet-${depth}`));
  const rows = columns[0].map(([name], i) => html("tr", {},
    html("th", { scope: "row", class: "rh-light" }, hyphens(name)),
    ...columns.map((texts) => html("td", { class: "rh-number" }, texts[i][1]))));
  return html("table", {},
    html("thead", {}, html("tr", {}, html("td"), ...heads)), html("tbody", {}, ...rows));
}

/** What has been spent when the shown block is done, as a sentence. */
function sentence({ depth, blocks, shown }, size) {
  const all = blocks[blocks.length - 1];
  return `ResNet-${depth} to ${place(shown)}: ` +
    `${percent(shown.parameters_so_far / all.parameters_so_far)} of parameters, ` +
    `${percent(shown.macs_so_far / all.macs_so_far)} of MACs; ` +
    `receptive field ${shown.field} px${shown.field > size ? ", wider than the image" : ""}.`;
}

/** What the controls and the mouse choose: one network or two, and the block that each shows. */
function derived(state, networkOf, hover) {
  const networks = ["left", "right"].filter((side) => state[side]).map((side) => {
    const blocks = networkOf(state[side], state.size);
    const selected = Math.min(state[`${side}_block`], blocks.length - 1);
    const hovered = hover?.side === side ? hover.index : null;
    return { side, depth: state[side], blocks, selected, hovered, shown: blocks[hovered ?? selected] };
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

/** Where a pointer is, if on a block: its network's side and its index. */
function blockAt({ target }) {
  const index = target.closest("[data-index]")?.dataset.index;
  return index ? { side: target.closest("[data-key]").dataset.key, index: Number(index) } : null;
}

function render({ model, el }) {
  begin(el);
  const { columns, ...rows } = model.get("data");
  const named = (row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]));
  const known = {};
  const networkOf = (depth, size) => (known[`${depth} ${size}`] ??= rows[depth][size].map(named));
  let hover = null; // {side, index}: where the mouse is, if on a block
  const state = stateOf(model, {
    derive: (values) => derived(values, networkOf, hover),
    alongWith: (values, s) => samePlace(values, s, networkOf),
  });

  const picture = stage("the networks' blocks", (width) => drawBlocks(width, state.read()));
  const chart = stage(
    "the chosen quantity against depth", (width) => drawChart(width, state.read()));
  const said = readout();
  const table = html("div", { class: "rh-table" });

  function draw(s) {
    table.replaceChildren(comparison(s.networks));
    said.replaceChildren(...s.networks.map((network) => textLine(sentence(network, s.size))));
    picture.redraw();
    chart.redraw();
  }
  function point(found) {
    if (found?.side === hover?.side && found?.index === hover?.index) return;
    hover = found;
    draw(state.read());
  }
  function select(side, index) {
    hover = null;
    state.change({ [`${side}_block`]: index });
  }

  // The picture is drawn anew under the pointer, so its box listens, not its parts.
  picture.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") point(blockAt(event));
  });
  picture.addEventListener("pointerleave", () => point(null));
  picture.addEventListener("click", (event) => {
    const found = blockAt(event);
    if (found) select(found.side, found.index);
  });
  picture.addEventListener("keydown", (event) => {
    const network = state.read().networks.find(({ side }) => side === event.target.dataset.key);
    if (!network || !(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { side, selected, blocks } = network;
    select(side, clamp(KEYS[event.key](selected), 0, blocks.length - 1));
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
    chart, table, state.share(),
  );
  state.show(draw);
}

export default { render };
