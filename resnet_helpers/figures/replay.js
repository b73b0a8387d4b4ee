// Training replay: two recorded trainings of one network, epoch by epoch.

import {
  axes, begin, button, clamp, commas, fixed, html, linePath, readout, reducedMotion, scale, stage,
  stateOf, sum, svg, textLine,
} from "./kit.js";

const PAUSE = 700; // milliseconds for each epoch, while it plays
const COLOURS = ["var(--quiet)", "var(--third)"]; // both networks are residual: this is the recipe
const LEFT = 56; // room for the labels left of the panels

const inPercent = (share) => fixed(100 * share, 1);
const loss = (nats) => fixed(nats, 3);

/** The mark of training (solid, a full point) or of validation (dashed, a hollow one). */
function mark(part, colour, x, y) {
  const dashed = part === "val";
  return svg("g", {},
    svg("line", {
      x1: x, x2: x + 24, y1: y, y2: y, stroke: colour, "stroke-width": 2,
      "stroke-dasharray": dashed && "6 4",
    }),
    svg("circle", {
      cx: x + 12, cy: y, r: 4, fill: dashed ? "var(--paper)" : colour, stroke: colour, "stroke-width": 2,
    }));
}

/** One panel of curves: solid for training, dashed for validation, a point on each at the epoch. */
function curves(training, measure, colour, x, y, { words, write, tick = (share) => String(share) }) {
  const [right, top] = [x.range[1], y.range[1]];
  const cursor = svg("line", { stroke: "var(--ink)", y1: y.range[0], y2: top });
  const group = svg("g", {},
    axes(x, y, { xLabel: "", yLabel: words, xFormat: () => "", yFormat: tick }), cursor);
  const points = ["train", "val"].map((part, i) => {
    const values = training.epochs.map((epoch) => epoch[`${part}_${measure}`]);
    const at = (epoch) => [x(epoch), y(values[epoch - 1])];
    const line = linePath(values.map((_, k) => at(k + 1)));
    const place = right - 146 + 78 * i;
    const said = svg("text", { x: place + 30, y: top - 10 });
    const point = svg("circle", {
      r: 4, fill: i ? "var(--paper)" : colour, stroke: colour, "stroke-width": 2,
    });
    group.append(
      svg("path", {
        d: line, fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": i ? "6 4" : null,
      }),
      mark(part, colour, place, top - 14), said);
    return { at, values, said, point };
  });
  group.append(...points.map(({ point }) => point));
  function show(epoch) {
    ["x1", "x2"].forEach((name) => cursor.setAttribute(name, x(epoch)));
    for (const { at, values, said, point } of points) {
      const [px, py] = at(epoch);
      point.setAttribute("cx", px);
      point.setAttribute("cy", py);
      said.textContent = write(values[epoch - 1]);
    }
  }
  return [group, show];
}

/** The learning rate at the start of each epoch: bars, since between them it isn't recorded. */
function rates(training, colour, x, bottom, top) {
  const numbers = training.epochs.map((epoch) => Number(epoch.learning_rate));
  const y = scale([0, Math.max(...numbers)], [bottom, top], { count: 2 });
  const half = (x(2) - x(1)) * 0.35;
  const bars = numbers.map((rate, k) => svg("rect", {
    x: x(k + 1) - half, width: 2 * half, y: y(rate), height: bottom - y(rate), fill: colour,
  }));
  const said = svg("text", { x: x.range[1], y: top - 10, "text-anchor": "end" });
  const axis = axes(x, y, { xLabel: "epoch", yLabel: "learning rate at the start" });
  const group = svg("g", {}, axis, ...bars, said);
  function show(epoch) {
    bars.forEach((bar, k) => bar.setAttribute("opacity", k + 1 === epoch ? 1 : 0.4));
    said.textContent = training.epochs[epoch - 1].learning_rate;
  }
  return [group, show];
}

/** A test image, the three highest probabilities, and whether the first is the truth. */
function picture(image, truth, classes, colour, width) {
  const verdict = svg("text", { x: 56, y: 38 });
  const group = svg("g", { role: "img" },
    svg("image", { class: "rh-pixels", href: image, width: 48, height: 48 }),
    svg("text", { x: 56, y: 18 }, classes[truth]), verdict);
  const bars = [0, 1, 2].map((place) => {
    const top = 54 + 21 * place;
    const bar = svg("rect", { y: top, height: 18, fill: colour, opacity: 0.35, rx: 2 });
    const name = svg("text", { x: 4, y: top + 13.5 });
    const number = svg("text", { x: width - 4, y: top + 13.5, "text-anchor": "end" });
    group.append(
      svg("rect", { y: top, height: 18, width, fill: "var(--wash)", rx: 2 }), bar, name, number);
    return { bar, name, number };
  });
  function show(top) {
    const right = top[0][0] === truth;
    verdict.textContent = right ? "✓ right" : "✗ wrong";
    verdict.setAttribute("class", right ? "" : "rh-strong");
    top.forEach(([label, share, words], place) => {
      const { bar, name, number } = bars[place];
      bar.setAttribute("width", share * width);
      name.textContent = classes[label];
      name.setAttribute("class", label === truth ? "rh-strong" : "");
      number.textContent = words;
    });
    const answers = top.map(([label, , words]) => `${classes[label]} ${words}`).join(", ");
    group.setAttribute("aria-label", `${classes[truth]}: ${right ? "right" : "wrong"}, says ${answers}`);
  }
  return [group, show];
}

/** The confusion counts of validation: a row for each true class, a column for each answer. */
function matrix(classes, colour, width) {
  const [left, top, high] = [62, 112, 22];
  const wide = Math.min(30, (width - left - 10) / classes.length);
  const group = svg("g", { role: "img" },
    svg("text", { x: 0, y: 14 }, "Validation pictures: a row for what each is,"),
    svg("text", { x: 0, y: 32 }, "a column for what the network says"));
  classes.forEach((name, k) => {
    const x = left + (k + 0.6) * wide;
    group.append(
      svg("text", { x: left - 6, y: top + (k + 0.5) * high, dy: "0.35em", "text-anchor": "end" }, name),
      svg("text", { x, y: top - 6, transform: `rotate(-60 ${x} ${top - 6})` }, name));
  });
  const cells = classes.map((_, truth) => classes.map((_, said) => {
    const [x, y] = [left + said * wide, top + truth * high];
    const box = { x: x + 0.5, y: y + 0.5, width: wide - 1, height: high - 1 };
    const stroke = truth === said ? "var(--ink)" : "var(--line)";
    const cell = svg("rect", { ...box, fill: colour });
    const text = svg("text", {
      x: x + wide / 2, y: y + high / 2, dy: "0.35em", "text-anchor": "middle",
    });
    group.append(svg("rect", { ...box, fill: "none", stroke }), cell, text);
    return { cell, text };
  }));
  function show(counts) {
    counts.forEach((row, truth) => row.forEach((count, said) => {
      const { cell, text } = cells[truth][said];
      // The root lets rare mistakes be seen; half the colour at most, so that text stays legible.
      cell.setAttribute("fill-opacity", 0.5 * Math.sqrt(count / sum(row)));
      text.textContent = count || "";
    }));
    const right = sum(counts.map((row, k) => row[k]));
    const all = commas(sum(counts.flat()));
    group.setAttribute("aria-label", `Confusion matrix: ${right} of ${all} validation pictures right`);
  }
  return [group, show, top + high * classes.length];
}

/** All curves of one training over one axis of epochs; a click into them chooses an epoch. */
function panels(training, colour, width, last, highest, pick) {
  const x = scale([0.5, last + 0.5], [LEFT, width - 4], { count: last });
  const touch = svg("rect", {
    class: "rh-press", x: LEFT, y: 48, width: width - LEFT, height: 318, fill: "transparent",
    onclick: (event) => {
      const at = LEFT + event.clientX - touch.getBoundingClientRect().left;
      pick(clamp(Math.round(x.invert(at)), 1, last));
    },
  });
  const drawn = [
    curves(training, "loss", colour, x, scale([0, highest], [148, 58], { count: 3 }),
      { words: "loss (nats)", write: loss }),
    curves(training, "accuracy", colour, x, scale([0, 1], [274, 184], { count: 2 }),
      { words: "accuracy (%)", write: inPercent, tick: (share) => String(100 * share) }),
    rates(training, colour, x, 366, 310),
  ];
  const group = svg("g", {},
    mark("train", colour, LEFT, 9), svg("text", { x: LEFT + 30, y: 14 }, "training"),
    mark("val", colour, LEFT + 98, 9), svg("text", { x: LEFT + 128, y: 14 }, "validation"),
    ...drawn.map(([panel]) => panel), touch);
  return [group, (epoch) => drawn.forEach(([, show]) => show(epoch))];
}

/** The test images in rows below the curves, and the height of these rows. */
function pictures({ images, truth, classes }, training, colour, width) {
  const count = width < 340 ? 2 : 3;
  const wide = (width - 14 * (count - 1)) / count;
  const drawn = images.map((image, i) => picture(image, truth[i], classes, colour, wide));
  drawn.forEach(([group], i) => {
    const place = [(i % count) * (wide + 14), Math.floor(i / count) * 132];
    group.setAttribute("transform", `translate(${place})`);
  });
  const words = svg("text", { x: 0, y: -14 }, "Nine test pictures, and what the network says");
  const show = (epoch) => drawn.forEach(([, f], i) => f(training.epochs[epoch - 1].top[i]));
  const high = Math.ceil(images.length / count) * 132;
  return [svg("g", {}, words, ...drawn.map(([group]) => group)), show, high];
}

function mistakeOf({ mistake: [truth, said, count] }, classes) {
  return count ? `Most frequent mistake: ${classes[truth]} taken for ${classes[said]}, ${count} times.`
    : "No mistake.";
}

/** All that is drawn of one training; `show` changes what depends on the epoch, no more. */
function column(data, training, colour, now, pick) {
  const last = training.epochs.length;
  const highest = Math.max(...data.trainings.flatMap(({ epochs }) =>
    epochs.flatMap((epoch) => [epoch.train_loss, epoch.val_loss])));
  let show = (epoch) => {};
  const drawn = stage(training.words, (width) => {
    const [curvesGroup, showCurves] = panels(training, colour, width, last, highest, pick);
    const [imagesGroup, showImages, imagesHigh] = pictures(data, training, colour, width);
    const [matrixGroup, showMatrix, matrixHigh] = matrix(data.classes, colour, width);
    const top = 450;
    const below = top + imagesHigh + 8;
    imagesGroup.setAttribute("transform", `translate(0 ${top})`);
    matrixGroup.setAttribute("transform", `translate(0 ${below})`);
    show = (epoch) => {
      showCurves(epoch);
      showImages(epoch);
      showMatrix(training.epochs[epoch - 1].confusion);
    };
    show(now());
    return [below + matrixHigh + 2, [curvesGroup, imagesGroup, matrixGroup]];
  });
  const mistake = html("p", {});
  const element = html("div", { class: "rh-column" },
    html("p", {},
      html("strong", {}, training.words), html("br"),
      html("span", { class: "rh-note" }, training.about)),
    drawn, mistake);
  return { element, show: (epoch) => {
    mistake.textContent = mistakeOf(training.epochs[epoch - 1], data.classes);
    show(epoch);
  } };
}

function sentence({ words, epochs }, epoch, all) {
  const e = epochs[epoch - 1];
  return `By ${words}: loss ${loss(e.train_loss)} in training, ${loss(e.val_loss)} in validation; ` +
    `accuracy ${inPercent(e.train_accuracy)} % and ${inPercent(e.val_accuracy)} %; ` +
    `learning rate ${e.learning_rate} at the start; ${e.right} of ${all} test pictures right.`;
}

function render({ model, el }) {
  begin(el);
  const data = model.get("data");
  const { trainings, images } = data;
  const last = trainings[0].epochs.length;
  const state = stateOf(model);
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
    if (reducedMotion()) return choose(last);
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
