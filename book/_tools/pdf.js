// Put all pages of the book into the one that is open, for print, and return the outline: each
// page's title, the id of its place, and the same of its sections. No script of the pages runs.
// `pages` are pairs of a name, such as notebooks/06_training, and the page's text. What a link
// leads to that isn't among them stands at the address `published`.
async ([pages, published]) => {
  const OUT = "script, template, .headerlink, details:is(.hide, .set-up), .claims .checks, "
    + "a.start, .doors";
  const SHORT = 24; // lines of code that stay on one page
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const link = (id, words) => make("a", { href: `#${id}` }, words);
  // A link that says on which page it leads to something. pdf.py fills it in.
  const paged = (id, words) => {
    const a = link(id, words);
    a.className = "paged";
    a.append(make("span", { className: "page", textContent: "000" }));
    return a;
  };
  const places = new Map(pages.map(([name]) => [`/${name}.html`, name.split("/")[1]]));
  const ids = new Set();
  const titleOf = (id) => `${id}--title`;

  function read([name, text]) {
    const article = new DOMParser().parseFromString(text, "text/html").querySelector("article");
    const place = name.split("/")[1];
    article.querySelectorAll(OUT).forEach((element) => element.remove());
    for (const element of [article, ...article.querySelectorAll("*")]) {
      for (const { name: attribute, value } of [...element.attributes]) {
        if (attribute === "id") element.id = `${place}--${value}`;
        else if (/^aria-(labelled|described)by$/.test(attribute)) element.removeAttribute(attribute);
        else if (/^(xlink:)?href$/.test(attribute) && element.localName !== "a") {
          element.setAttribute(attribute, value.replace(/^#/, `#${place}--`));
        } else if (value.includes("url(#")) {
          element.setAttribute(attribute, value.replaceAll("url(#", `url(#${place}--`));
        }
      }
      if (element.id) ids.add(element.id);
      if (element.localName === "details") {
        element.removeAttribute("name"); // of those with one name a single one can be open
        element.open = true;
      }
    }
    for (const code of article.querySelectorAll("pre")) {
      code.classList.toggle("whole", code.textContent.trimEnd().split("\n").length <= SHORT);
    }
    article.id = place;
    // A section may begin at the foot of a page, and its title on the next: links lead to the title.
    for (const section of article.querySelectorAll("section[id]")) {
      const title = section.querySelector(":scope > :is(h1, h2, h3, h4)");
      if (title) ids.add((title.id = titleOf(section.id)));
    }
    // What a remark's fold says is its first sentence once more.
    article.querySelectorAll(".remark > summary").forEach((told) =>
      told.replaceChildren(told.firstElementChild));
    return article;
  }

  // Once all ids are known: a link within the book, or one to the published book or elsewhere.
  function lead(article, name) {
    for (const a of article.querySelectorAll("a[href]")) {
      const url = new URL(a.getAttribute("href"), `book://pages/${name}.html`);
      if (url.protocol !== "book:") continue;
      const place = places.get(url.pathname);
      const id = `${place}--${decodeURIComponent(url.hash.slice(1))}`;
      const spot = [titleOf(id), id].find((one) => ids.has(one)) ?? place;
      a.href = place ? `#${spot}` : published + url.pathname.slice(1) + url.hash;
    }
  }

  // What a question or an exercise says of its answers goes to the end of its chapter.
  function answers(article) {
    const section = make("section", { className: "answers", id: `${article.id}--answers` },
      make("h2", { id: titleOf(`${article.id}--answers`), textContent: "Answers" }));
    article.querySelectorAll(".check").forEach((check, number) => {
      const [options, reasons] = ["options", "reasons"].map((kind) =>
        make("ol", { type: "A", className: kind }));
      for (const fold of check.querySelectorAll("details")) {
        const [summary, ...why] = fold.children;
        options.append(make("li", {}, ...summary.childNodes));
        reasons.append(make("li", {}, ...why));
        fold.remove();
      }
      check.id ||= `${article.id}--check-yourself-${number + 1}`;
      const answer = make("div", { id: `${check.id}-answer` }, make("h3", {},
        link(check.id, `Check yourself, question ${number + 1}`)), reasons);
      check.append(options, make("p", { className: "to-answer" }, paged(answer.id, "Answer")));
      section.append(answer);
    });
    for (const exercise of article.querySelectorAll("section.exercise")) {
      const solution = [...exercise.querySelectorAll(".hints > details")].at(-1);
      const [, ...text] = solution.children;
      const name = exercise.querySelector("h3 .label").firstChild.textContent;
      const answer = make("div", { id: `${exercise.id}-answer` },
        make("h3", {}, link(titleOf(exercise.id), name)), ...text);
      solution.replaceWith(make("p", { className: "to-answer" }, paged(answer.id, "Solution")));
      section.append(answer);
    }
    if (section.children.length > 1) article.querySelector("section").append(section);
  }

  const articles = pages.map(read);
  articles.forEach((article, k) => {
    lead(article, pages[k][0]);
    if (pages[k][0].startsWith("notebooks/")) answers(article);
  });
  const words = (heading) => heading.textContent.replace(/\s+/g, " ").trim();
  const content = make("div", { className: "bd-content" }, ...articles);
  document.body.replaceChildren(make("main", { className: "printed" }, content));
  document.documentElement.dataset.theme = "light";
  const outline = articles.map((article) => [
    words(article.querySelector("h1")), article.querySelector("h1").id,
    [...article.querySelectorAll("h2")].map((h2) => [words(h2), h2.id]),
  ]);
  // A place has a name in the PDF if a link leads to it, and here one leads to each.
  const entry = ([title, id, sections]) => make("li", {}, paged(id, title),
    ...(sections ? [make("ul", {}, ...sections.map(entry))] : []));
  const contents = make("nav", { className: "bd-article book-contents" },
    make("h1", { textContent: "Contents" }), make("ul", {}, ...outline.map(entry)));
  articles[0].after(contents);
  document.body.getBoundingClientRect(); // the layout asks for fonts and pictures
  await Promise.all([document.fonts.ready, ...[...document.images].map((image) => image.decode())]);
  return outline;
}
