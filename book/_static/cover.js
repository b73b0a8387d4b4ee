// The cover: 20 layers are shown, the reader draws 56, sees what happened, and adds one +.
(() => {
  const box = document.querySelector(".draw");
  const { plain20, plain56, residual56 } = JSON.parse(box.dataset.curves);
  const [picture, row] = [box.querySelector("svg"), box.querySelector(".row")];
  const [head, words] = [box.querySelector("strong"), box.querySelector("span")];
  const [field, go, plus, again] = [".row input", ".go", ".plus", ".again"].map(
    (name) => box.querySelector(name));
  const count = plain20.length;
  const [last, first] = [count - 1, 88]; // epochs; where a stroke begins, in per cent
  let mine, shown, at, pen = null; // the reader's curve; 0 to 2; the keys' place; where the pointer was
  const [left, top] = [34, 26];
  let [right, bottom] = [400, 270];
  const x = (i) => left + ((right - left) * i) / last;
  const y = (error) => bottom - ((bottom - top) * error) / 100;
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const end = (errors) => errors[last];
  const percent = (number) => `${number}\u202f%`;

  const svg = (tag, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  };
  const line = (errors, colour, dashes = "none") => svg("polyline", {
    points: errors.flatMap((error, i) => (error === null ? [] : [`${x(i)},${y(error)}`])).join(" "),
    style: `fill: none; stroke: var(--${colour}); stroke-width: 3; stroke-linecap: round;
      stroke-linejoin: round; stroke-dasharray: ${dashes}`,
  });
  const text = (px, py, written, colour, more = {}) => svg(
    "text", { x: px, y: py, style: `fill: var(--${colour})`, ...more }, written);

  /** Names at the ends of the lines, none on top of another. */
  function names(all) {
    const sorted = all.map(([error, ...rest]) => [y(error), ...rest]).sort((a, b) => a[0] - b[0]);
    sorted.forEach((one, i) => { if (i) one[0] = Math.max(one[0], sorted[i - 1][0] + 18); });
    [...sorted].reverse().forEach((one, i, up) => {
      one[0] = Math.min(one[0], i ? up[i - 1][0] - 18 : bottom + 2);
    });
    return sorted.map(([height, written, colour]) =>
      text(right + 12, height + 5, written, colour, { "font-weight": 600 }));
  }

  function draw() {
    const width = picture.clientWidth || 560;
    const height = picture.clientHeight || 300;
    [right, bottom] = [width - 118, height - 30];
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const own = end(mine);
    const begun = mine.some((error) => error !== null);
    const known = [[end(plain20), `20: ${percent(end(plain20))}`, "plain-ink"]];
    if (own !== null) known.push([own, `you: ${percent(own)}`, "you"]);
    if (shown > 0) known.push([end(plain56), `56: ${percent(end(plain56))}`, "plain-ink"]);
    if (shown > 1) known.push([end(residual56), `56 with +: ${percent(end(residual56))}`, "residual"]);
    picture.replaceChildren(
      ...[0, 50, 100].flatMap((error) => [
        svg("line", { x1: left, x2: right, y1: y(error), y2: y(error), stroke: "var(--line)" }),
        text(left - 7, y(error) + 5, error, "quiet", { "text-anchor": "end" }),
      ]),
      text(left, 14, "training error, %", "quiet"),
      text(right, bottom + 22, `${count} epochs of CIFAR-10`, "quiet", { "text-anchor": "end" }),
      line(plain20, "plain", "1 7"),
      ...(shown > 0 ? [line(plain56, "plain")] : []),
      ...(shown > 1 ? [line(residual56, "residual")] : []),
      line(mine, "you"),
      ...(shown ? [] : [svg("circle", {
        cx: x(at), cy: y(mine[at] ?? first), r: 9,
        style: "fill: none; stroke: var(--you); stroke-width: 3; stroke-dasharray: 4 3",
      })]),
      ...(begun || shown ? [] : [text(x(0) + 16, y(first) - 6, "start here", "you", { "font-weight": 600 })]),
      ...names(known),
    );
    go.hidden = shown > 0;
    go.disabled = own === null;
    plus.hidden = shown !== 1;
    again.hidden = !shown;
    field.disabled = shown > 0;
    const place = `after epoch ${at + 1}`;
    picture.setAttribute("aria-valuenow", mine[at] ?? first);
    picture.setAttribute("aria-valuetext",
      mine[at] === null ? `${place}: not drawn yet` : `${place}: ${mine[at]} per cent`);
  }

  function say(title, sentence) {
    head.textContent = title;
    words.textContent = sentence;
  }

  function begin() {
    [mine, shown, at, field.value] = [Array(count).fill(null), 0, 0, ""];
    say("20 layers learn like the dotted line. Draw 56 layers.",
      "Drag from the ring to the right edge, or type where it ends.");
    draw();
  }

  /** Give a place its error, and a straight line to those before it that have none. */
  function set(i, error) {
    let from = i;
    while (from > 0 && mine[from - 1] === null) from--;
    const start = from ? mine[from - 1] : first;
    for (let k = from; k <= i; k++) {
      mine[k] = Math.round(start + ((error - start) * (k - from + 1)) / (i - from + 1));
    }
    [at, field.value] = [i, end(mine) ?? ""];
  }

  function point(event) {
    const { left: west, top: north } = picture.getBoundingClientRect();
    const place = clamp(Math.round(((event.clientX - west - left) / (right - left)) * last), 0, last);
    const height = (bottom - (event.clientY - north)) * (100 / (bottom - top));
    const error = clamp(Math.round(height), 1, 99);
    // A fast pen passes places between two events.
    const [from, old] = pen ?? [place, error];
    const steps = Math.abs(place - from);
    for (let k = 0; k <= steps; k++) {
      const share = steps ? k / steps : 1;
      set(from + Math.sign(place - from) * k, Math.round(old + (error - old) * share));
    }
    pen = [place, error];
    draw();
  }
  picture.addEventListener("pointerdown", (event) => {
    if (shown || event.button) return;
    picture.setPointerCapture(event.pointerId);
    pen = null;
    point(event);
  });
  picture.addEventListener("pointermove", (event) => { if (pen && !shown) point(event); });
  for (const done of ["pointerup", "pointercancel", "lostpointercapture"]) {
    picture.addEventListener(done, () => { pen = null; });
  }
  picture.addEventListener("keydown", (event) => {
    const along = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (shown || (along === undefined && up === undefined)) return;
    event.preventDefault();
    const before = mine[at] ?? mine.findLast((error) => error !== null) ?? first;
    if (up !== undefined) set(at, clamp(before + up, 1, 99));
    else at = clamp(at + along, 0, last);
    draw();
  });
  field.addEventListener("input", () => {
    const error = Number(field.value);
    if (!(error >= 1 && error <= 99)) return;
    mine = mine.map((_, i) => Math.round(error + (first - error) * (1 - i / last) ** 2.2));
    at = last;
    draw();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || go.disabled) return;
    event.preventDefault(); // or it would press the button that has the focus next
    go.click();
  });
  go.addEventListener("click", () => {
    shown = 1;
    const times = (end(plain56) / end(plain20)).toFixed(1);
    say(`56 layers end at ${percent(end(plain56))}. You drew ${percent(end(mine))}.`,
      `That is ${times} times the errors of 20 layers, on the very images that they learn from.`);
    draw();
    plus.focus();
  });
  plus.addEventListener("click", () => {
    shown = 2;
    say(`The same 56 layers, with one + in each block: ${percent(end(residual56))}.`,
      "Each block adds its input to its output. It costs no parameter. Why does it work?");
    draw();
    again.focus();
  });
  again.addEventListener("click", () => {
    begin();
    picture.focus();
  });

  row.hidden = false;
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": 99,
    "aria-label": "Your curve of the training error of 56 layers: left and right choose an epoch, "
      + "up and down move the curve there",
  })) picture.setAttribute(name, value);
  begin();
  new ResizeObserver(draw).observe(picture);
})();
