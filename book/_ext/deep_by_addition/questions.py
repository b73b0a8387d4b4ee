"""Questions to check oneself by: framed where they stand, and on one page for a teacher.

In a notebook, a paragraph that opens with "Check yourself." is followed by three folds: its summary
is an answer, and what it holds says why it is right or not. The right one has the class ``right``.
"""

import itertools

from docutils import nodes

from . import folds
from .cells import cells_of

PAGE = "book/questions"
OPENING = "Check yourself."
VERDICTS = {True: "Right. ", False: "Not so. "}


class Question(nodes.General, nodes.Element):
    """A group that the question names, with its answers."""


def visit_question(writer, node):
    named = {"role": "group", "aria-labelledby": node[0]["ids"][0]}
    writer.body.append(writer.starttag(node, "div", **named))


def depart_question(writer, node):
    writer.body.append("</div>\n")


def frame(app, doctree):
    asked = [p for p in doctree.findall(nodes.paragraph) if _asks(p)]
    for number, paragraph in enumerate(asked):
        parent = paragraph.parent
        following = parent.children[parent.index(paragraph) + 1 :]
        answers = folds.folds_in(following)[:3]
        question = Question(classes=["check"])
        parent.insert(parent.index(paragraph), question)
        for node in itertools.chain([paragraph], *answers):
            parent.remove(node)
            question += node
        _name(paragraph, f"check-{number}")
        for answer in answers:
            _say_whether(answer)


def _asks(paragraph):
    first = next((child for child in paragraph if child.astext()), None)
    return isinstance(first, nodes.strong) and first.astext() == OPENING


def _name(paragraph, name):
    """Make a label of the opening words, and give the question a name."""
    opening = next(paragraph.findall(nodes.strong))
    label = nodes.inline("", OPENING.rstrip("."), classes=["label"])
    label += nodes.inline("", ". ", classes=["unseen"])
    paragraph.replace(opening, label)
    paragraph["classes"].append("question")
    paragraph["ids"].append(name)


def _say_whether(answer):
    """Let an answer's words begin with what its colour says, and have the text's apostrophes."""
    attributes, summary = folds.parts_of(answer)
    answer[0].replace_self(folds.begin(attributes, summary.replace("'", "’")))
    words = nodes.strong("", VERDICTS["right" in attributes], classes=["verdict"])
    if isinstance(answer[1], nodes.paragraph):
        answer[1].insert(0, words)
    else:
        answer[1].parent.insert(answer[1].parent.index(answer[1]), nodes.paragraph("", "", words))


def collect(app, docname, source):
    """Write the chapters' questions, with their answers unfolded, into the teacher's page."""
    if docname != PAGE:
        return
    for name in sorted(app.env.found_docs):
        if name.startswith("notebooks/"):
            source[0] += "".join(_of_chapter(app, name))


def _of_chapter(app, name):
    app.env.note_dependency(app.env.doc2path(name))
    chapter = section = ""
    for cell in cells_of(app.env, name):
        text = "".join(cell["source"])
        if cell["cell_type"] != "markdown":
            continue
        if text.startswith("# "):
            chapter = text.splitlines()[0].removeprefix("# ")
        elif text.startswith(("## ", "### ")):
            section = text.splitlines()[0].lstrip("# ")
        if cell["id"].endswith("-check"):
            if chapter:
                yield f"\n## [{chapter}](../{name}.ipynb)\n"
                chapter = ""
            yield f"\n### {section}\n\n" + text.replace("<details", "<details open") + "\n"
