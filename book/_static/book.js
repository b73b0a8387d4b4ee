// What is wider than the page scrolls in its own box: it fades where it goes on, and the keyboard
// can reach it.
addEventListener("DOMContentLoaded", () => {
  const BOXES = ".diagram, .plot, div.math, .pst-scrollable-table-container, .rh-table, pre";
  const boxes = document.querySelectorAll(`.bd-article :is(${BOXES})`);
  const look = (box) => {
    const hidden = box.scrollWidth - box.clientWidth;
    if (hidden > 2) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    box.classList.toggle("goes-on", hidden - box.scrollLeft > 2);
  };
  const watch = new ResizeObserver((changed) => changed.forEach(({ target }) => look(target)));
  for (const box of boxes) {
    box.addEventListener("scroll", () => look(box), { passive: true });
    watch.observe(box);
  }
  document.fonts.ready.then(() => boxes.forEach(look));
});

// On a phone long code shows its first lines.
addEventListener("DOMContentLoaded", () => {
  const [SEEN, FEW] = [10, 2]; // lines; so few more aren't folded
  for (const code of document.querySelectorAll(".bd-article .cell_input pre")) {
    const more = code.textContent.trimEnd().split("\n").length - SEEN;
    if (more <= FEW) continue;
    const button = Object.assign(document.createElement("button"), {
      type: "button", className: "more", textContent: `${more} more lines` });
    button.addEventListener("click", () => {
      code.parentElement.classList.remove("long");
      button.remove();
    });
    code.parentElement.classList.add("long");
    code.after(button);
  }
});

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

  // Choices, a list or several with their names; fields with theirs; or else one line. What is
  // asked tells its answer as text, and nothing as long as there is none.
  function choices(name, label, words) {
    const group = make("fieldset", { className: "choices" },
      make("legend", label ? { textContent: label } : { textContent: "Your answer", className: "unseen" }));
    for (const value of words) {
      group.append(make("label", {}, make("input", { type: "radio", name: `${name}:${label}`, value }), value));
    }
    return { element: group, text: () => {
      const chosen = group.querySelector(":checked");
      return chosen && (label ? `${label}: ${chosen.value}` : chosen.value);
    } };
  }
  function field(label, alone) {
    const input = make("input", { type: "text", autocomplete: "off", ...(alone && { ariaLabel: label }) });
    const element = alone ? input : make("label", { className: "field" }, label, input);
    return { element, text: () => input.value.trim() && (alone ? "" : `${label}: `) + input.value.trim() };
  }
  function askedFor(name, form) {
    const lists = Array.isArray(form.choices) ? { "": form.choices } : form.choices ?? {};
    const asked = Object.entries(lists).map(([label, words]) => choices(name, label, words))
      .concat((form.fields ?? []).map((label) => field(label)));
    return asked.length ? asked : [field("Your answer", true)];
  }

  function ask(question, number) {
    const name = `said:${location.pathname.split("/").at(-1)}:${number}`;
    const answers = [...document.querySelectorAll(`.answer.to-${number}`)];
    const asked = askedFor(name, JSON.parse(question.nextElementSibling?.dataset.form ?? "{}"));
    const write = make("button", { type: "submit", textContent: "Write it down" });
    const look = make("button", { type: "button", className: "look", textContent: "Only look" });
    const buttons = make("span", { className: "buttons" }, write, ...(answers.length ? [look] : []));
    const form = make("form", {}, ...asked.map(({ element }) => element), buttons);
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
      if (guess) said.textContent = `You wrote: ${guess}`;
      else said.remove();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const told = asked.map(({ text }) => text()).filter(Boolean).join(" · ");
      if (told) show(kept(name, told) ?? told);
      else form.querySelector("input").focus();
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

// The rail, and on a phone the bar, tell in which section one reads.
addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector(".bd-sidebar-primary li.current > a.current");
  const links = [...document.querySelectorAll(".bd-sidebar-primary .sections > li > a")];
  const bar = document.querySelector(".bd-header-article .header-article-items__start");
  if (!page || !bar) return;
  const where = Object.assign(document.createElement("span"), { className: "where" });
  bar.after(where);
  const sections = links.map((link) => document.getElementById(link.hash.slice(1)));
  const tell = () => {
    const here = sections.findLastIndex((section) => section?.getBoundingClientRect().top < 160);
    links.forEach((link, place) => link.classList.toggle("here", place === here));
    const names = [page, links[here]].map((link) => link?.textContent.trim());
    where.textContent = names.filter(Boolean).join(" · ");
  };
  addEventListener("scroll", () => requestAnimationFrame(tell), { passive: true });
  tell();
});
