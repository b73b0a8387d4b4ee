// Training replay: two recorded trainings of one network, epoch by epoch.

import {
  axes, button, clamp, commas, curve, fixed, html, readout, rule, scale, stage, stateOf, sum, svg,
  text, textLine,
} from "./kit.js";

const PAUSE = 700; // milliseconds for each epoch, while it plays
const COLOURS = ["var(--quiet)", "var(--third)"]; // both networks are residual: this is the recipe
const LEFT = 56; // room for the labels left of the panels
const HIGH = 22; // of a row of the confusion matrix

const inPercent = (share) => fixed(100 * share, 1);
const loss = (nats) => fixed(nats, 3);
const dashes = (part) => (part === "val" ? "6 4" : null);
const group = (y, ...parts) => svg("g", { transform: `translate(0 ${y})` }, ...parts);

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
function curves({ epochs }, now, measure, colour, x, y, { words, write, tick }) {
  const [bottom, top] = y.range;
  return [
    axes(x, y, { xLabel: "", yLabel: words, xFormat: () => "", yFormat: tick }),
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
      opacity: k + 1 === now ? 1 : 0.4,
    })),
    text(x.range[1], top - 14, epochs[now - 1].learning_rate, "end"),
  ];
}

/** All curves of one training over one axis of epochs; a click into them chooses an epoch. */
function panels(training, now, colour, width, highest, pick) {
  const last = training.epochs.length;
  const x = scale([0.5, last + 0.5], [LEFT, width - 4], last);
  const touch = svg("rect", {
    class: "rh-press", x: LEFT, y: 48, width: width - LEFT, height: 318, fill: "transparent",
    onclick: (event) => {
      const at = LEFT + event.clientX - touch.getBoundingClientRect().left;
      pick(clamp(Math.round(x.invert(at)), 1, last));
    },
  });
  return [
    ...mark("train", colour, LEFT, 9, "training"), ...mark("val", colour, LEFT + 98, 9, "validation"),
    ...curves(training, now, "loss", colour, x, scale([0, highest], [148, 58], 3),
      { words: "loss (nats)", write: loss, tick: String }),
    ...curves(training, now, "accuracy", colour, x, scale([0, 1], [274, 184], 2),
      { words: "accuracy (%)", write: inPercent, tick: (share) => String(100 * share) }),
    ...rates(training, now, colour, x, [366, 310]), touch,
  ];
}

/** A test image, the three highest probabilities, and whether the first is the truth. */
function picture(image, truth, top, classes, colour, width, place) {
  const verdict = top[0][0] === truth ? "✓ right" : "✗ wrong";
  const answers = top.map(([label, , words]) => `${classes[label]} ${words}`).join(", ");
  return svg("g", {
    role: "img", transform: `translate(${place})`,
    "aria-label": `${classes[truth]}: ${verdict.slice(2)}, says ${answers}`,
  },
  image, text(56, 14, classes[truth]),
  text(56, 34, verdict, "start", top[0][0] === truth ? null : "rh-strong"),
  ...top.flatMap(([label, share, words], i) => {
    const bar = { y: 54 + 21 * i, height: 18, rx: 2 };
    return [
      svg("rect", { ...bar, width, fill: "var(--wash)" }),
      svg("rect", { ...bar, width: share * width, fill: colour, opacity: 0.35 }),
      text(4, bar.y + 9, classes[label], "start", label === truth ? "rh-strong" : null),
      text(width - 4, bar.y + 9, words, "end"),
    ];
  }));
}

/**
 * The test images in rows, and the height of these rows.
 * @returns {[any[], number]}
 */
function pictures(images, { truth, classes }, { top }, colour, width) {
  const count = width < 340 ? 2 : 3;
  const wide = (width - 14 * (count - 1)) / count;
  const drawn = images.map((image, i) => picture(image, truth[i], top[i], classes, colour, wide,
    [(i % count) * (wide + 14), Math.floor(i / count) * 132]));
  const words = text(0, -18, "Nine test pictures, and what the network says");
  return [[words, ...drawn], Math.ceil(images.length / count) * 132];
}

/** The confusion counts of validation: a row for each true class, a column for each answer. */
function matrix(counts, classes, colour, width) {
  const [left, top] = [62, 112];
  const wide = Math.min(30, (width - left - 10) / classes.length);
  const right = sum(counts.map((row, k) => row[k]));
  const names = classes.flatMap((name, k) => {
    const x = left + (k + 0.6) * wide;
    return [
      text(left - 6, top + (k + 0.5) * HIGH, name, "end"),
      svg("text", { x, y: top - 6, transform: `rotate(-60 ${x} ${top - 6})` }, name),
    ];
  });
  const cells = counts.flatMap((row, truth) => row.flatMap((count, said) => {
    const [x, y] = [left + said * wide, top + truth * HIGH];
    return [
      svg("rect", {
        x: x + 0.5, y: y + 0.5, width: wide - 1, height: HIGH - 1,
        stroke: truth === said ? "var(--ink)" : "var(--line)",
        // The root lets rare mistakes be seen; half the colour at most, so that text stays legible.
        fill: colour, "fill-opacity": 0.5 * Math.sqrt(count / sum(row)),
      }),
      text(x + wide / 2, y + HIGH / 2, count || "", "middle"),
    ];
  }));
  const label = `Confusion matrix: ${right} of ${commas(sum(counts.flat()))} validation pictures right`;
  return svg("g", { role: "img", "aria-label": label },
    text(0, 10, "Validation pictures: a row for what each is,"),
    text(0, 28, "a column for what the network says"), ...names, ...cells);
}

/** All that is drawn of one training, and below it what it most often mistook. */
function column(data, training, colour, now, pick) {
  const highest = Math.max(...data.trainings.flatMap(({ epochs }) =>
    epochs.flatMap((epoch) => [epoch.train_loss, epoch.val_loss])));
  // Made once: a new image would flicker while it is decoded.
  const images = data.images.map((href) =>
    svg("image", { class: "rh-pixels", href, width: 48, height: 48 }));
  const drawn = stage(training.words, (width) => {
    const epoch = training.epochs[now() - 1];
    const [rows, high] = pictures(images, data, epoch, colour, width);
    return [450 + high + 8 + 114 + HIGH * data.classes.length, [
      ...panels(training, now(), colour, width, highest, pick),
      group(450, ...rows),
      group(450 + high + 8, matrix(epoch.confusion, data.classes, colour, width)),
    ]];
  });
  const mistake = html("p");
  const element = html("div", { class: "rh-column" },
    html("p", {},
      html("strong", {}, training.words), html("br"),
      html("span", { class: "rh-note" }, training.about)),
    drawn, mistake);
  const show = (epoch) => {
    mistake.textContent = mistakeOf(training.epochs[epoch - 1], data.classes);
    drawn.redraw();
  };
  return { element, show };
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
  const columns = trainings.map((training, i) => column(data, training, COLOURS[i], now, pick));
  const said = readout();

  el.append(
    html("div", { class: "rh-columns" }, ...columns.map(({ element }) => element)),
    // At hand wherever one looks: the figure is taller than a screen.
    html("div", { class: "rh-controls rh-at-hand" }, playing, slider),
    said, html("p", { class: "rh-note" }, data.provenance), state.share(),
  );
  state.show(({ epoch }) => {
    columns.forEach(({ show }) => show(epoch));
    said.replaceChildren(
      textLine(`Epoch ${epoch} of ${last}.`),
      ...trainings.map((training) => textLine(sentence(training, epoch, images.length))));
  });
  return stop;
}

export default { render };
