// Training replay: two recorded trainings of one network, epoch by epoch.

const STATE = ["epoch"];
const PAUSE = 700; // milliseconds for each epoch, while it plays
const COLOURS = ["var(--quiet)", "var(--third)"]; // both networks are residual: this is the recipe
const LEFT = 56; // room for the labels left of the panels

const perCent = (share) => (100 * share).toFixed(1);
const loss = (number) => number.toFixed(3);

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
function curves(training, measure, colour, x, y, { words, write, tick = String }) {
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
  const group = svg("g", {}, axes(x, y, { xLabel: "epoch", yLabel: "learning rate at the start" }), ...bars, said);
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
    svg("image", { href: image, width: 48, height: 48, style: "image-rendering: pixelated" }),
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
    verdict.setAttribute("font-weight", right ? 400 : 700);
    top.forEach(([label, share, words], place) => {
      const { bar, name, number } = bars[place];
      bar.setAttribute("width", share * width);
      name.textContent = classes[label];
      name.style.fontWeight = label === truth ? 700 : 400;
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
  const cells = classes.map((_, true_) => classes.map((_, said) => {
    const [x, y] = [left + said * wide, top + true_ * high];
    const cell = svg("rect", {
      x: x + 0.5, y: y + 0.5, width: wide - 1, height: high - 1, fill: colour,
    });
    const text = svg("text", {
      x: x + wide / 2, y: y + high / 2, dy: "0.35em", "text-anchor": "middle",
    });
    group.append(svg("rect", {
      x: x + 0.5, y: y + 0.5, width: wide - 1, height: high - 1, fill: "none",
      stroke: true_ === said ? "var(--ink)" : "var(--line)",
    }), cell, text);
    return { cell, text };
  }));
  function show(counts) {
    counts.forEach((row, true_) => {
      const all = row.reduce((a, b) => a + b);
      row.forEach((count, said) => {
        const { cell, text } = cells[true_][said];
        // The root lets rare mistakes be seen; half the colour at most, so that text stays legible.
        cell.setAttribute("fill-opacity", 0.5 * Math.sqrt(count / all));
        text.textContent = count || "";
      });
    });
    const right = counts.reduce((sum, row, k) => sum + row[k], 0);
    const all = counts.flat().reduce((a, b) => a + b);
    group.setAttribute("aria-label", `Confusion matrix: ${right} of ${commas(all)} validation pictures right`);
  }
  return [group, show, top + high * classes.length];
}

function render({ model, el }) {
  begin(el);
  const [trainings, classes, images, truth] = ["trainings", "classes", "images", "truth"].map(
    (name) => model.get(name));
  const last = trainings[0].epochs.length;
  const highest = Math.max(...trainings.flatMap(({ epochs }) =>
    epochs.flatMap((epoch) => [epoch.train_loss, epoch.val_loss])));
  let timer = null;

  // A link may carry anything.
  const now = () => {
    const epoch = model.get("epoch");
    return Number.isInteger(epoch) && epoch >= 1 && epoch <= last ? epoch : 1;
  };
  function choose(epoch) {
    model.set("epoch", epoch);
    model.save_changes();
  }

  /** All that is drawn of one training; `show` changes what depends on the epoch, no more. */
  function column(training, colour) {
    let shows = [];
    const show = () => shows.forEach((f) => f(now()));
    const drawn = stage(training.words, (width) => {
      shows = [];
      const x = scale([0.5, last + 0.5], [LEFT, width - 4], { count: last });
      const parts = [
        mark("train", colour, LEFT, 9), svg("text", { x: LEFT + 30, y: 14 }, "training"),
        mark("val", colour, LEFT + 98, 9), svg("text", { x: LEFT + 128, y: 14 }, "validation"),
      ];
      for (const [group, f] of [
        curves(training, "loss", colour, x, scale([0, highest], [148, 58], { count: 3 }), {
          words: "loss (nats)", write: loss,
        }),
        curves(training, "accuracy", colour, x, scale([0, 1], [274, 184], { count: 2 }), {
          words: "accuracy (%)", write: perCent, tick: (share) => String(100 * share),
        }),
        rates(training, colour, x, 366, 310),
      ]) {
        parts.push(group);
        shows.push(f);
      }
      const touch = svg("rect", {
        x: LEFT, y: 48, width: width - LEFT, height: 318, fill: "transparent", style: "cursor: pointer",
        onclick: (event) => {
          const at = LEFT + event.clientX - touch.getBoundingClientRect().left;
          pick(Math.min(last, Math.max(1, Math.round(x.invert(at)))));
        },
      });
      parts.push(touch);

      const count = width < 340 ? 2 : 3;
      const wide = (width - 14 * (count - 1)) / count;
      const top = 450;
      parts.push(svg("text", { x: 0, y: top - 14 }, "Nine test pictures, and what the network says"));
      images.forEach((image, i) => {
        const [group, f] = picture(image, truth[i], classes, colour, wide);
        const place = [(i % count) * (wide + 14), top + Math.floor(i / count) * 132];
        group.setAttribute("transform", `translate(${place})`);
        parts.push(group);
        shows.push((epoch) => f(training.epochs[epoch - 1].top[i]));
      });
      const below = top + Math.ceil(images.length / count) * 132 + 8;
      const [group, f, high] = matrix(classes, colour, width);
      group.setAttribute("transform", `translate(0 ${below})`);
      parts.push(group);
      shows.push((epoch) => f(training.epochs[epoch - 1].confusion));
      show();
      return [below + high + 2, parts];
    });
    const mistake = html("p", { style: "margin: 0.4rem 0 0" });
    const element = html("div", { style: "flex: 1 1 300px; min-width: 0" },
      html("p", { style: "margin: 0 0 0.6rem" },
        html("strong", {}, training.words), html("br"),
        html("span", { style: "color: var(--quiet); font-size: 0.85rem" }, training.about)),
      drawn, mistake);
    return { element, show: () => {
      const [true_, said, count] = training.epochs[now() - 1].mistake;
      mistake.textContent = count
        ? `Most frequent mistake: ${classes[true_]} taken for ${classes[said]}, ${count} times.`
        : "No mistake.";
      show();
    } };
  }

  const sentence = ({ words, epochs }) => {
    const e = epochs[now() - 1];
    return `By ${words}: loss ${loss(e.train_loss)} in training, ${loss(e.val_loss)} in validation; ` +
      `accuracy ${perCent(e.train_accuracy)} % and ${perCent(e.val_accuracy)} %; ` +
      `learning rate ${e.learning_rate} at the start; ${e.right} of ${images.length} test pictures right.`;
  };

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
  const epochs = slider({
    label: "epoch", values: trainings[0].epochs.map((_, k) => k + 1), value: now(),
    format: (epoch) => `${epoch}\u00a0of\u00a0${last}`,
    oninput: pick,
  });
  // Beside the button, on a phone too.
  Object.assign(epochs.style, { flexBasis: "9rem", gridTemplateColumns: "auto 1fr auto" });

  const columns = trainings.map((training, i) => column(training, COLOURS[i]));
  const said = readout();
  function draw() {
    epochs.set(now());
    columns.forEach(({ show }) => show());
    said.replaceChildren(...[`Epoch ${now()} of ${last}.`, ...trainings.map(sentence)].map(
      (text) => html("span", { style: "display: block" }, text)));
  }

  el.append(
    html("div", { style: "display: flex; flex-wrap: wrap; gap: 1.6rem 1.8rem" },
      ...columns.map(({ element }) => element)),
    // At hand wherever one looks: the figure is taller than a screen.
    html("div", {
      class: "rh-controls",
      style: "background: var(--paper); border-top: 1px solid var(--line); bottom: 0; margin: 0; " +
        "padding: 0.6rem 0; position: sticky",
    }, playing, epochs),
    said,
    html("p", { style: "color: var(--quiet); font-size: 0.8rem; margin: 0.6rem 0 0" }, model.get("provenance")),
    shareButton(model, STATE) ?? "",
  );
  STATE.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return stop;
}

export default { render };
