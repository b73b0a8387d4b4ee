// A lecture's player: which slides, light or dark, code by steps, figures that answer to the hand.
//
// It runs in a deck, and in the page of a figure that stands in a slide's frame. The two may not
// read each other, since each file is a place of its own to a browser. They send messages.
(() => {
  const root = document.documentElement;
  const wanted = new URLSearchParams(location.search);
  const dark = wanted.has("dark") || (!wanted.has("light")
    && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";

  const figure = document.querySelector(".rh-projector .rh-figure");
  if (figure) {
    // A presenter's remote sends PageUp and PageDown: they turn the slide whatever has the focus.
    addEventListener("keydown", (event) => {
      if (!["PageDown", "PageUp", "Escape"].includes(event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      parent.postMessage({ key: event.key }, "*");
    }, true);
    addEventListener("message", ({ data }) => { if (data.theme) root.dataset.theme = data.theme; });
    new ResizeObserver(() => parent.postMessage({ ready: true }, "*")).observe(figure);
    return;
  }
  const deck = window.Reveal;
  if (!deck) return;
  if (wanted.get("minutes") === "45") {
    document.querySelectorAll("section[data-long]").forEach((section) => section.remove());
  }
  const steps = (slide) => slide?.querySelectorAll("[data-steps]").forEach((pre) => {
    const at = slide.querySelectorAll(".step.visible").length;
    const [first, last = first] = (pre.dataset.steps.split("|")[at] || "0").split("-").map(Number);
    pre.querySelectorAll(".row").forEach((row, i) => {
      row.classList.toggle("lit", i + 1 >= first && i < last);
    });
  });
  /** Put a figure's page over its still picture: it fills the room, as kit.js lays it out there. */
  function play(box) {
    if (box.querySelector("iframe") || wanted.has("print-pdf")) return;
    const frame = document.createElement("iframe");
    frame.title = box.querySelector("img").alt;
    frame.src = `${box.dataset.src}?${root.dataset.theme}`;
    box.append(frame);
  }
  addEventListener("message", ({ data, source }) => {
    if (data.key) {
      document.activeElement.blur(); // of the frame
      if (data.key === "PageDown") deck.next();
      if (data.key === "PageUp") deck.prev();
    }
    const frame = [...document.querySelectorAll("iframe")].find((f) => f.contentWindow === source);
    if (frame && data.ready) frame.dataset.ready = "";
  });
  const come = ({ currentSlide }) => {
    document.activeElement.blur(); // keys are the deck's again
    currentSlide.querySelectorAll(".play").forEach(play);
    steps(currentSlide);
  };
  for (const event of ["ready", "slidechanged"]) deck.on(event, come);
  for (const event of ["fragmentshown", "fragmenthidden"]) {
    deck.on(event, () => steps(deck.getCurrentSlide()));
  }
  deck.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false, display: "flex",
    hash: true, controls: false, slideNumber: "c/t", transition: "none", defaultTiming: 60,
    backgroundTransition: "none", pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1,
    plugins: [window.RevealNotes],
  }).then(() => deck.addKeyBinding({ keyCode: 68, key: "D", description: "Dark" }, () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    for (const { contentWindow } of document.querySelectorAll("iframe")) {
      contentWindow.postMessage({ theme: root.dataset.theme }, "*");
    }
  }));
})();
