// Training replay: two recorded trainings of one network, epoch by epoch.

import {
  axes, begin, button, clamp, commas, curve, fill, fixed, fold, html, pointer, rule, scale, stateOf, sum, svg,
  tabs, text,
} from "./kit.js";

const PAUSE = 700; // milliseconds for each epoch, while it plays
const COLOURS = ["var(--quiet)", "var(--third)"]; // both networks are residual: this is the recipe
const LEFT = 56; // room for the labels left of the panels

const inPercent = (share) => fixed(100 * share, 1);
const loss = (nats) => fixed(nats, 3);
const dashes = (part) => (part === "val" ? "6 4" : null);

/** A point of a line: full in training, hollow in validation. */
const point = (part, colour, cx, cy) => svg("circle", {
  cx, cy, r: 4, fill: part === "val" ? "var(--paper)" : colour, stroke: colour, "stroke-width": 2,
});

/** A piece of the line of training or of validation, and words beside it. */
const mark = (part, colour, x, y, words) => [
  rule(x, y, x + 24, y, { stroke: colour, "stroke-width": 2, "stroke-dasharray": dashes(part) }),
  point(part, colour, x + 12, y), text(x + 30, y, words),
];

/** One panel of curves, a point on each at the epoch. */
function curves({ epochs }, now, measure, colour, x, y, { words, write, tick, xFormat = () => "" }) {
  const [bottom, top] = y.range;
  return [
    axes(x, y, { yLabel: words, xFormat, yFormat: tick }),
    rule(x(now), bottom, x(now), top, { stroke: "var(--ink)" }),
    ...["train", "val"].flatMap((part, i) => {
      const values = epochs.map((epoch) => epoch[`${part}_${measure}`]);
      const points = values.map((value, k) => [x(k + 1), y(value)]);
      return [
        curve(points, colour, { "stroke-dasharray": dashes(part) }),
        point(part, colour, ...points[now - 1]),
        ...mark(part, colour, x.range[1] - 146 + 78 * i, top - 14, write(values[now - 1])),
      ];
    }),
  ];
}

/** The learning rate at the start of each epoch: bars, since between them it isn't recorded. */
function rates({ epochs }, now, colour, x, [bottom, top]) {
  const numbers = epochs.map((epoch) => Number(epoch.learning_rate));
  const y = scale([0, Math.max(...numbers)], [bottom, top], 2);
  const width = (x(2) - x(1)) * 0.7;
  return [
    axes(x, y, { xLabel: "epoch", yLabel: "learning rate at the start" }),
    ...numbers.map((rate, k) => svg("rect", {
      x: x(k + 1) - width / 2, width, y: y(rate), height: bottom - y(rate), fill: colour,
      stroke: colour, "fill-opacity": k + 1 === now ? 1 : 0.4,
    })),
    text(x.range[1], top - 14, epochs[now - 1].learning_rate, "end"),
  ];
}

/** All curves of one training over one axis of epochs; a click into them chooses an epoch. */
function panels(training, now, colour, width, highest, pick, room) {
  const last = training.epochs.length;
  const x = scale([0.5, last + 0.5], [LEFT, width - 4], last);
  const touch = svg("rect", {
    class: "rh-press", x: LEFT, y: 48, width: width - LEFT, height: 318, fill: "transparent",
    onclick: (event) => pick(
      clamp(Math.round(x.invert(pointer(event, touch.ownerSVGElement)[0])), 1, last)),
  });
  return [
    ...mark("train", colour, LEFT, 9, "training"), ...mark("val", colour, LEFT + 98, 9, "validation"),
    ...curves(training, now, "loss", colour, x, scale([0, highest], [148, 58], 3),
      { words: "loss (nats)", write: loss, tick: String }),
    ...curves(training, now, "accuracy", colour, x, scale([0, 1], [274, 184], 2),
      { words: "accuracy (%)", write: inPercent, tick: (share) => String(100 * share),
        xFormat: room ? String : undefined }), // in a page the rates have them
    ...(room ? [] : rates(training, now, colour, x, [366, 310])), touch,
  ];
}

/** A test image, the three highest probabilities, and whether the first is the truth. */
function picture(image, truth, top, classes) {
  const bars = top.map(([label, share, words]) => {
    const bar = html("span", { class: "rh-bar" },
      html(label === truth ? "strong" : "span", {}, classes[label]), html("span", {}, words));
    bar.style.setProperty("--share", `${100 * share}%`);
    return bar;
  });
  const right = top[0][0] === truth;
  return html("div", { class: "rh-watched" }, image,
    html("span", {}, classes[truth], html("br"),
      right ? "✓ right" : html("strong", {}, "✗ wrong")), ...bars);
}

/** The confusion counts of validation: a row for each true class, a column for each answer. */
function matrix(counts, classes) {
  const right = sum(counts.map((row, k) => row[k]));
  const cell = (count, truth, said) => {
    const element = html("td", { class: truth === said && "rh-diagonal" }, count || "");
    // The root lets rare mistakes be seen; half the colour at most, so that text stays legible.
    element.style.setProperty("--share", `${50 * Math.sqrt(count / sum(counts[truth]))}%`);
    return element;
  };
  return html("table", { class: "rh-confusion" },
    html("caption", {}, "Confusion matrix, a row for what each is, a column for what the network " +
      `says: ${right} of ${commas(sum(counts.flat()))} validation pictures right.`),
    html("tr", {}, html("td"), ...classes.map((name) => html("th", { scope: "col" }, name))),
    ...counts.map((row, truth) => html("tr", {}, html("th", { scope: "row" }, classes[truth]),
      ...row.map((count, said) => cell(count, truth, said)))));
}

/** What is shown of one training: what one follows, and twice what one may look up. */
function parts(state, { trainings, images, truth, classes }, i, pick) {
  const [training, colour] = [trainings[i], COLOURS[i]];
  const highest = Math.max(...trainings.flatMap(({ epochs }) =>
    epochs.flatMap((epoch) => [epoch.train_loss, epoch.val_loss])));
  // Made once: a new image would flicker while it is decoded.
  const seen = images.map((src, k) => html("img",
    { class: "rh-pixels", src, alt: `test picture ${k + 1}` }));
  const now = ({ epoch }) => training.epochs[epoch - 1];
  const pictures = (from, to) => state.live(html("div", { class: "rh-pictures" }), (s) =>
    now(s).top.map((top, k) => [top, k]).slice(from, to).map(
      ([top, k]) => picture(seen[k], truth[k], top, classes)));
  const part = (...inside) => html("div",
    { class: "rh-column", "data-recipe": i, style: `--colour: ${colour}` },
    html("strong", {}, training.words), ...inside);
  return [
    part(html("p", { class: "rh-note" }, training.about),
      state.stage(training.words,
        ({ epoch }, width, room) => [
          room ? 300 : 412, panels(training, epoch, colour, width, highest, pick, room)]),
      pictures(0, 3)),
    part(pictures(3)),
    part(state.live(html("div"), (s) => [matrix(now(s).confusion, classes)]),
      state.live(html("p"), (s) => [mistakeOf(now(s), classes)])),
  ];
}

function mistakeOf({ mistake: [truth, said, count] }, classes) {
  return count ? `Most frequent mistake: ${classes[truth]} taken for ${classes[said]}, ${count} times.`
    : "No mistake.";
}

function sentence({ words, epochs }, epoch, all) {
  const e = epochs[epoch - 1];
  return `By ${words}: loss ${loss(e.train_loss)} in training, ${loss(e.val_loss)} in validation; ` +
    `accuracy ${inPercent(e.train_accuracy)} % and ${inPercent(e.val_accuracy)} %; ` +
    `learning rate ${e.learning_rate} at the start; ${e.right} of ${all} test pictures right.`;
}

function render({ model, el }) {
  const data = model.get("data");
  const { trainings, images } = data;
  const last = trainings[0].epochs.length;
  const state = stateOf(model, el);
  const now = () => state.read().epoch;
  const choose = (epoch) => state.change({ epoch });
  let timer = null;

  function stop() {
    clearInterval(timer);
    timer = null;
    playing.textContent = "Play";
  }
  function pick(epoch) {
    stop();
    choose(epoch);
  }
  const playing = button("Play", () => {
    if (timer !== null) return stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return choose(last);
    if (now() === last) choose(1);
    playing.textContent = "Stop";
    timer = setInterval(() => {
      choose(Math.min(last, now() + 1));
      if (now() === last) stop();
    }, PAUSE);
  });
  const slider = state.slider("epoch", "epoch", (epoch) => `${epoch}\u00a0of\u00a0${last}`);
  slider.addEventListener("input", stop);

  const both = trainings.map((_, i) => parts(state, data, i, pick));
  const [shown, more, matrices] = both[0].map((_, k) =>
    html("div", { class: "rh-columns" }, ...both.map((each) => each[k])));
  begin(el, {
    title: "One network, two recipes, twelve epochs.",
    task: "Play, or pull the epoch. Where do the validation losses jump, and which pictures stay wrong?",
  }, shown, fold("Six more pictures", more), fold("Confusion matrix", matrices),
  // At hand wherever one looks: the figure is taller than a screen.
  html("div", { class: "rh-controls rh-at-hand" }, fill(playing, { class: "rh-primary" }), slider,
    tabs("recipe", ["the notes’", "the book’s"], (i) => { el.dataset.recipe = i; })),
  state.readout(({ epoch }) => [
    `Epoch ${epoch} of ${last}.`,
    ...trainings.map((training) => sentence(training, epoch, images.length)),
  ]),
  html("p", { class: "rh-note" }, data.provenance), state.share());
  return stop;
}

export default { render };
