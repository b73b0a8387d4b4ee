"""What stands plainly in a notebook becomes, in its page, what helps a reader.

A question that opens with "Before you run …" gets a line to write the answer in, or the choices and
fields that its cell's metadata name, and what comes out of the cells below it can be held back
until then (book.js). Claims fold to a line that counts them. A remark on the lecture notes folds to
what they say, and a chapter's goals and set-up to a line each, so that its story begins on the
first screen. Captions are marked as such, and stand beside figures that leave them room.
"""

import ast
import json
import re
from html import escape

from docutils import nodes

from .cells import cell_of, cells_of, number_of
from .sentence_outputs import TICK

ASKING = re.compile(r"Before you|Write down|Guess|Your guess|Decide")
FIGURE = re.compile(r"Figure \d+\.\d+\.$")
NOTES = "In the lecture notes."
ROOM, GAP = 704, 10  # pixels: the widest picture that has a caption at its side, between two


class Folded(nodes.General, nodes.Element):
    """HTML's ``details``: its ``summary`` is seen, under its ``label``, the rest on demand."""


def visit_folded(writer, node):
    writer.body.append(writer.starttag(node, "details"))
    label = f'<span class="label">{node.get("label")}<span class="unseen">: </span></span>'
    words = (label if "label" in node else "") + writer.encode(node["summary"])
    writer.body.append(f"<summary>{words}</summary>\n")


def depart_folded(writer, node):
    writer.body.append("</details>\n")


def add(app, doctree):
    if not app.env.docname.startswith("notebooks/"):
        return
    _fold_start(next(doctree.findall(nodes.section)))
    for paragraph in doctree.findall(nodes.paragraph):
        if FIGURE.match(_opening(paragraph)):
            paragraph["classes"].append("caption")
    for quote in list(doctree.findall(nodes.block_quote)):
        if _opening(quote[0]) == NOTES:
            _fold_remark(quote)
    for cell in list(_cells(doctree)):
        if "claim(" in cell.astext():
            _fold_claims(cell)
    from_cells = cells_of(app.env, app.env.docname)
    for number, question in enumerate(filter(_asks, list(doctree.findall(nodes.paragraph)))):
        _hold_back(question, f"to-{number}")
        if form := cell_of(question, from_cells)["metadata"].get("predict"):
            place = question.parent.index(question) + 1
            question.parent.insert(place, _form(form))
    for caption in [p for p in doctree.findall(nodes.paragraph) if "caption" in p["classes"]]:
        _put_together(caption)


def _form(answers):
    """What a cell's metadata offer as answers, for the page's script."""
    told = f'<template data-form="{escape(json.dumps(answers))}"></template>\n'
    return nodes.raw("", told, format="html")


def _put_together(caption):
    """Put a caption into the cell that drew its figure, before how it was made.

    It stands beside a picture that leaves it a margin. Code in view keeps the margin for itself.
    """
    section, place = caption.parent, caption.parent.index(caption)
    cell = section[place - 1]
    if not (isinstance(cell, nodes.container) and "tag_hide-input" in cell["classes"]):
        return
    pictures = [image["width"] for image in cell.findall(nodes.image) if "width" in image]
    widths = [int(re.match(r"\d+", width)[0]) for width in pictures]
    widths += map(int, re.findall(r"<svg[^>]* (?:style=\"width: |width=\")(\d+)", _html(cell)))
    fits = widths and sum(widths) + GAP * (len(widths) - 1) <= ROOM
    cell["classes"] += ["drawn", *["beside"] * bool(fits)]
    section.remove(caption)
    cell += caption


def _fold_start(chapter):
    """Fold what stands before a chapter's first section, but for its question, links and time.

    The links are badges on GitHub and Colab; here they are words. What a reader needs and learns
    stands in the margin where there is one, the set-up's cells under a line of their own.
    """
    links = chapter[2]
    links["classes"].append("links")
    for badge in list(links.findall(nodes.image)):
        badge.replace_self(nodes.Text(badge["alt"]))
    goals = Folded(classes=["start"], summary="Before you start: goals and what you need")
    cells = Folded(classes=["set-up"], summary="Set-up: 2 cells")
    for node in chapter.children[3:]:
        if isinstance(node, nodes.section):
            place = chapter.index(node)
            chapter.children[place:place] = [cells, goals]
            goals.parent = cells.parent = chapter
            return
        if _opening(node) == "Time":
            node["classes"].append("time")
        else:
            chapter.remove(node)
            folded = cells if isinstance(node, nodes.container) else goals
            folded += node


def _opening(node):
    """The bold words with which a paragraph opens, or nothing."""
    first = next((child for child in node if child.astext()), None)  # MyST's first may be empty
    return first.astext() if isinstance(first, nodes.strong) else ""


def _asks(paragraph):
    return any(ASKING.match(strong.astext()) for strong in paragraph.findall(nodes.strong))


def _cells(node):
    return (box for box in node.findall(nodes.container) if "cell" in box["classes"])


def _fold_remark(quote):
    first = quote[0]
    first.remove(next(first.findall(nodes.strong)))
    belief = re.split(r"(?<=[.!?]) ", first.astext().strip(), maxsplit=1)[0]
    folded = Folded(classes=["remark"], label=NOTES.rstrip("."), summary=belief)
    folded += quote.children
    quote.replace_self(folded)


def _fold_claims(cell):
    """Move claims and their code from a cell into a line behind it; all else stays in view."""
    source, *outputs = cell.findall(nodes.literal_block)
    sentences = []
    for block in outputs:
        lines = block.astext().splitlines()
        ticked = [line.removeprefix(TICK) for line in lines if line.startswith(TICK)]
        if ticked:
            sentences += ticked
            _write(block, [line for line in lines if not line.startswith(TICK)])
    count = len(sentences)
    summary = f"{count} claim{'s' * (count > 1)} checked when this page was built"
    if not count:  # they are made where the reader has other images
        summary = "Claims that this copy has not checked"
    folded = Folded(classes=["claims"], summary=summary)
    items = [nodes.list_item("", nodes.paragraph("", sentence)) for sentence in sentences]
    folded += nodes.bullet_list("", *items) if items else []
    silent = not any("cell_output" in box["classes"] for box in cell.findall(nodes.container))
    code, checks = _split(source.astext(), silent)
    copy = source.deepcopy()
    _write(copy, checks)
    folded += nodes.container("", copy, classes=["checks"])
    cell.parent.insert(cell.parent.index(cell) + 1, folded)
    _write(source, code)


def _split(code, silent):
    """The lines before the first statement that makes a claim, and those from it on.

    Of a cell that shows nothing but claims, what they are made of belongs to them.
    """
    lines, body = code.splitlines(), ast.parse(code).body
    made = next(k for k, part in enumerate(body) if "claim(" in ast.unparse(part))
    if silent and all(isinstance(part, ast.Assign) for part in body[:made]):
        return [], lines
    return lines[: body[made].lineno - 1], lines[body[made].lineno - 1 :]


def _write(block, lines):
    """Give a block other lines; without any, it goes, and the empty boxes around it."""
    text = "\n".join(lines).strip("\n")
    block.children = [nodes.Text(text)]
    block.children[0].parent = block
    block.rawsource = text
    while not text and block.parent is not None:
        parent = block.parent
        parent.remove(block)
        if parent.children or not isinstance(parent, nodes.container):
            break
        block = parent


def _hold_back(question, to):
    """Mark a question, and as its answers what the next cells put out, and the words on it.

    The words are those of one cell of text, up to a question or something to try. A cell behind
    them is an answer, too, if its code isn't in view.
    """
    question["classes"].append("predict")
    begun, words = False, 0  # whether a cell of code has come; which cell has the words
    for node in question.parent.children[question.parent.index(question) + 1 :]:
        if isinstance(node, nodes.container) and "cell" in node["classes"]:
            if words and "tag_hide-input" not in node["classes"]:
                break
            begun = True
            if "rh-figure" not in _html(node):  # a live figure asks for itself
                for box in node.findall(nodes.container):
                    if "cell_output" in box["classes"]:
                        box["classes"] += ["answer", to]
        elif isinstance(node, Folded) or "caption" in node.get("classes", []):
            node["classes"] += ["answer", to]
        elif begun:
            words = words or number_of(node)
            ends = isinstance(node, nodes.section) or _opening(node) == "Try it."
            if ends or _asks(node) or number_of(node) not in (0, words):
                break
            if not isinstance(node, nodes.raw):  # a fold that the author opened may end here
                node["classes"] += ["answer", to]


def _html(node):
    return "".join(raw.astext() for raw in node.findall(nodes.raw))
