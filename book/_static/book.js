// What is wider than the page scrolls in its own box: let the keyboard reach it there.
(() => {
  const BOXES = ".diagram, .plot, div.math, .pst-scrollable-table-container, .rh-table";
  const reach = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
})();

// The search would read each page that it finds, for an excerpt. From a file it may not.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A question can be answered before what came out is shown. Without this script all is in view.
(() => {
  const HOLD = "hold-answers";
  const kept = (name, value) => {
    try { // a browser may forbid to keep anything
      if (value !== undefined) localStorage.setItem(name, value);
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  function ask(question, number) {
    const name = `said:${location.pathname.split("/").at(-1)}:${number}`;
    const answers = [...document.querySelectorAll(`.answer.to-${number}`)];
    const field = make("input", { type: "text", ariaLabel: "Your answer" });
    const write = make("button", { type: "submit", textContent: "Write it down" });
    const look = make("button", { type: "button", className: "look", textContent: "Only look" });
    const form = make("form", {}, field, write, ...(answers.length ? [look] : []));
    const said = make("p", { className: "said", role: "status" });
    const place = make("p", { className: "place",
      textContent: "What came out stands here once you have answered." });
    question.after(form);
    // What was said stands beside what came out, or, where nothing does, under the question.
    if (answers.length) answers[0].before(place, said);
    else form.after(said);
    const show = (guess) => {
      answers.forEach((answer) => answer.classList.add("shown"));
      place.remove();
      form.remove();
      said.textContent = guess ? `You wrote: ${guess}` : "";
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value.trim()) show(kept(name, field.value.trim()) ?? field.value.trim());
      else field.focus();
    });
    look.addEventListener("click", () => show(""));
    if (kept(name)) show(kept(name));
  }

  addEventListener("DOMContentLoaded", () => {
    const questions = document.querySelectorAll("p.predict");
    if (!questions.length) return;
    const box = make("input", { type: "checkbox", checked: kept(HOLD) !== "no" });
    const hold = () => document.documentElement.classList.toggle(HOLD, box.checked);
    box.addEventListener("change", () => {
      kept(HOLD, box.checked ? "yes" : "no");
      hold();
    });
    // Beside the links under the chapter's question.
    document.querySelector(".bd-article p.links").append(
      make("label", { className: "hold" }, box, " Show what comes out only after I have answered"));
    questions.forEach(ask);
    hold();
  });
})();

// The rail remembers which chapters have been opened.
addEventListener("DOMContentLoaded", () => {
  const nameOf = (link) => link.pathname.split("/").at(-1);
  try { // a browser may forbid to keep anything
    localStorage.setItem(`read:${nameOf(location)}`, "yes");
    for (const link of document.querySelectorAll(".bd-sidebar-primary .toctree-l1 > a")) {
      link.parentElement.classList.toggle("read", Boolean(localStorage.getItem(`read:${nameOf(link)}`)));
    }
  } catch { /* Then it doesn't. */ }
});
