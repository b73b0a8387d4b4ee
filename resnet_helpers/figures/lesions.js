// The lesion lab: two trained networks that answer in the page, with a switch for each block.

import { apart, begin, button, html, percent, stateOf, svg, text } from "./kit.js";
import { mathematics } from "./lesions_math.js";

const { bytes, largest, logits, network, pictureOf } = mathematics();
const KINDS = ["plain", "residual"];
const ZOOM = 12; // pixels of the screen for each of a picture's
const ROW = 34; // the height of a class among the bars

/** Softmax. */
function probabilities(numbers) {
  const most = Math.max(...numbers);
  const powers = numbers.map((number) => Math.exp(number - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** Paint a picture's bytes, each pixel as a square. */
function paint(canvas, picture, side) {
  const pen = canvas.getContext("2d");
  const [zoom, area] = [canvas.width / side, side * side];
  for (let i = 0; i < area; i++) {
    pen.fillStyle = `rgb(${picture[i]} ${picture[i + area]} ${picture[i + 2 * area]})`;
    pen.fillRect((i % side) * zoom, Math.floor(i / side) * zoom, zoom, zoom);
  }
}

/** What is on a canvas in a picture's few pixels: the mean of each square. */
function shrunk(canvas, side) {
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.width);
  const sums = new Float32Array(3 * side * side);
  for (let i = 0; i < width * width; i++) {
    const place = Math.floor(i / width / ZOOM) * side + Math.floor((i % width) / ZOOM);
    for (let c = 0; c < 3; c++) sums[c * side * side + place] += data[4 * i + c];
  }
  return Uint8Array.from(sums, (total) => Math.round(total / ZOOM ** 2));
}

/** Two bars for each class: how likely it is to either network. On a slide, rows share its room. */
function drawBars(classes, both, label, width, room) {
  const left = 74;
  const across = width - left - 62;
  const row = room ? Math.min(ROW, room / classes.length) : ROW;
  const bar = row * 0.4;
  return [classes.length * row, classes.flatMap((name, k) => [
    text(left - 8, (k + 0.45) * row, name, "end", k === label ? "rh-strong" : null),
    ...both.flatMap((likely, i) => [
      svg("rect", { x: left, y: k * row + i * bar, width: across * likely[k] + 1, height: bar - 1,
        fill: `var(--${KINDS[i]})` }),
      text(left + across * likely[k] + 7, k * row + (i + 0.5) * bar, percent(likely[k]), "start",
        "rh-quiet"),
    ]),
  ])];
}

function render({ model, el }) {
  const data = model.get("data");
  const { classes, labels, blocks, side, about } = data;
  const pictures = bytes(data.pictures);
  const nets = Object.fromEntries(KINDS.map((kind) => [kind, network(data.networks[kind], data)]));
  const known = Object.fromEntries(KINDS.map((kind) => [kind, { ...data.networks[kind].errors }]));
  const engines = {}; // one for each network, made when first asked
  let [own, version, shown] = [null, 0, -1]; // the reader's picture, and which is in sight
  const asked = {};

  const state = stateOf(model, el, { derive: (s) => {
    if (s.picture !== shown) [own, shown] = [null, s.picture];
    const picture = own ?? pictureOf(pictures, s.picture, side);
    const both = KINDS.map((kind) => {
      const key = `${own ? `own ${version}` : s.picture} ${s[`${kind}_off`]}`;
      if (asked[kind]?.key !== key) {
        const likely = probabilities(logits(nets[kind], s[`${kind}_off`], picture, data));
        asked[kind] = { key, likely };
      }
      return asked[kind].likely;
    });
    return { ...s, picture_bytes: picture, both, label: own ? -1 : labels[s.picture] };
  } });

  /** Measure a network's error as it now is, unless it is known; one question at a time. */
  async function measure(kind, off) {
    if (off in known[kind] || engines[kind]?.busy) return;
    engines[kind] ??= { ...apart(mathematics) };
    engines[kind].busy = true;
    known[kind][off] = await engines[kind].ask({ data, kind, off });
    engines[kind].busy = false;
    state.again();
  }

  function take(canvas) {
    [own, version] = [shrunk(canvas, side), version + 1];
    state.again();
  }
  /** The middle square of a picture's file. */
  async function open(file) {
    said.textContent = "";
    try {
      const image = await createImageBitmap(file);
      const edge = Math.min(image.width, image.height);
      const pen = sheet.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.fillStyle = "white"; // where it is transparent
      pen.fillRect(0, 0, sheet.width, sheet.width);
      pen.drawImage(image, (image.width - edge) / 2, (image.height - edge) / 2, edge, edge,
        0, 0, sheet.width, sheet.width);
      take(sheet);
    } catch {
      said.textContent = "This file can’t be read as a picture.";
    }
  }
  function draw({ offsetX, offsetY, buttons, pointerId, type }) {
    if (!drawing || !buttons) return;
    const scale = sheet.width / sheet.clientWidth;
    const pen = sheet.getContext("2d");
    const [x, y] = [offsetX * scale, offsetY * scale];
    if (type === "pointerdown") {
      sheet.setPointerCapture(pointerId);
      pen.beginPath();
      pen.moveTo(x, y);
    }
    pen.lineTo(x, y);
    Object.assign(pen, { strokeStyle: colour.value, lineWidth: 1.5 * ZOOM, lineCap: "round",
      lineJoin: "round" });
    pen.stroke();
    take(sheet);
  }
  let drawing = false;
  function blank() {
    const pen = sheet.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, sheet.width, sheet.width);
    drawing = true;
    sheet.classList.add("rh-drawing");
    take(sheet);
  }
  const sheet = html("canvas", { class: "rh-picture", width: side * ZOOM, height: side * ZOOM,
    role: "img", onpointerdown: draw, onpointermove: draw,
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => { event.preventDefault(); open(event.dataTransfer.files[0]); } });
  const file = html("input", { type: "file", accept: "image/*", onchange: async () => {
    await open(file.files[0]);
    file.value = ""; // so that the same one can be chosen again
  } });
  const colour = html("input", { type: "color", value: "#a0522d" });
  const said = html("p", { class: "rh-note", role: "status" });

  /** A network's switches, its blocks from the first to the last. */
  function switches(kind) {
    const name = `${kind}_off`;
    const inputs = blocks.map((words, k) => html("input", { type: "checkbox",
      "aria-label": `${kind}, ${words}`,
      onchange: () => state.change({ [name]: state.read()[name] ^ (2 ** k) }) }));
    state.show((s) => inputs.forEach((input, k) => { input.checked = !(s[name] & (2 ** k)); }));
    const legend = html("legend", { style: `border-bottom: 3px solid var(--${kind})` }, kind);
    return html("fieldset", { class: "rh-choice" }, legend, html("div", { class: "rh-pills" },
      ...inputs.map((input, k) => html("label", {}, input, blocks[k]))));
  }
  function sentence(s, kind, i) {
    const best = largest(s.both[i]);
    const right = s.label < 0 ? "" : `, ${best === s.label ? "right" : "wrong"}`;
    const error = known[kind][s[`${kind}_off`]];
    const over = error === undefined ? "…" : `${percent(error)} wrong`;
    return `${kind}: ${classes[best]} (${percent(s.both[i][best])})${right}. ` +
      `Over ${labels.length} pictures: ${over}.`;
  }

  begin(el, {
    title: "How many blocks can each network lose?",
    task: "Switch blocks off, and see what it says and how often it is wrong. Or draw something.",
  }, state.live(html("p", { class: "rh-note" }), (s) => [s.label < 0 ? "Your picture: what is it?"
    : `Picture ${s.picture + 1}, of the class ${classes[s.label]}`]),
  html("div", { class: "rh-columns" },
    html("div", { class: "rh-column", style: "max-width: 15rem" }, sheet,
      html("div", { class: "rh-controls" }, button("Draw on a blank sheet", blank),
        html("label", { class: "rh-toggle" }, "pen ", colour),
        html("label", { class: "rh-toggle" }, "or a picture of yours", file)), said),
    html("div", { class: "rh-column" },
      state.stage("how likely each class is, to the plain and to the residual network",
        (s, width, room) => drawBars(classes, s.both, s.label, width, room))),
    state.readout((s) => KINDS.map((kind, i) => sentence(s, kind, i)))),
  html("div", { class: "rh-controls" }, ...KINDS.map(switches),
    state.presets([["all blocks on", { plain_off: 0, residual_off: 0 }],
      ["a late block off", { plain_off: 32, residual_off: 32 }],
      ["an early block off", { plain_off: 1, residual_off: 1 }],
      ["all six off", { plain_off: 63, residual_off: 63 }]]),
    state.slider("picture", "picture", (i) => `${i + 1} of ${labels.length}`)),
  html("p", { class: "rh-note" }, about), state.share());
  state.show((s) => {
    if (!own) {
      drawing = false;
      sheet.classList.remove("rh-drawing");
      paint(sheet, s.picture_bytes, side);
    } else if (!drawing) paint(sheet, s.picture_bytes, side);
    sheet.setAttribute("aria-label", own ? "your picture" : `a ${classes[s.label]}, 16×16 pixels`);
    for (const kind of KINDS) measure(kind, s[`${kind}_off`]);
  });
  return () => Object.values(engines).forEach(({ stop }) => stop());
}

export default { render };
