"""How each chapter fared when this book was built: the page of the status, and notices.

`make book` runs the chapters before it builds the pages, and leaves a file for each chapter:
NAME.json with "seconds", "claims", and "failed", which is null or {"cell": ..., "error": ...}.
They lie in the folder that DEEP_BY_ADDITION_RAN names, or else in _build/ran. A chapter without
such a file is shown as it was saved.

The directive ``chapter-status`` becomes a table of the chapters, and a line with the versions of
this build. A chapter that failed begins with a notice.
"""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

from .sentence_outputs import TICK

PACKAGES = ("torch", "torchvision", "numpy", "matplotlib", "jupyter-book")
HEAD = ("chapter", "run time", "claims that held", "exercises")


class StatusNode(nodes.General, nodes.Element):
    """Stands for the table until all chapters have been read."""


class StatusDirective(SphinxDirective):
    def run(self):
        self.env.note_reread()  # what the table shows stands in none of the page's files
        return [StatusNode()]


def is_chapter(docname):
    return docname.startswith("notebooks/")


def read_run(app, docname):
    """What this build's run of a chapter left, or None where there was no run."""
    folder = Path(os.environ.get("DEEP_BY_ADDITION_RAN") or Path(app.srcdir) / "_build" / "ran")
    path = folder / f"{Path(docname).name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def count(app, doctree):
    """Note how many claims a chapter's outputs show, and how many exercises it has."""
    lines = [
        line
        for block in doctree.findall(nodes.literal_block)
        if "output" in block["classes"] or "sentences" in block["classes"]
        for line in block.astext().splitlines()
    ]
    titles = [title.astext() for title in doctree.findall(nodes.title)]
    app.env.metadata[app.env.docname] |= {
        "claims": sum(line.startswith(TICK) for line in lines),
        "exercises": sum(title.startswith("Exercise ") for title in titles),
    }


def add_notice(app, doctree, docname):
    """Say under the title of a chapter that failed that its outputs are older than this build."""
    ran = read_run(app, docname) if is_chapter(docname) else None
    if ran and ran["failed"]:
        words = nodes.paragraph(
            "",
            "",
            _text("This chapter did not run to its end when this copy was built: cell "),
            nodes.literal("", ran["failed"]["cell"]),
            _text(" stopped with "),
            nodes.literal("", ran["failed"]["error"]),
            _text(". The outputs below are saved ones."),
        )
        title = next(doctree.findall(nodes.title))
        title.parent.insert(1, nodes.warning("", words))


class FillStatus(SphinxPostTransform):
    default_priority = 8  # before the references are resolved

    def run(self):
        for node in self.document.findall(StatusNode):
            node.replace_self([self.table(), self.versions()])

    def table(self):
        names = sorted(filter(is_chapter, self.env.found_docs))
        runs = [read_run(self.app, name) for name in names]
        facts = [self.env.metadata[name] for name in names]
        claims = [
            ran["claims"] if ran else fact["claims"] for ran, fact in zip(runs, facts, strict=True)
        ]
        exercises = [fact["exercises"] for fact in facts]
        rows = [
            [self.link(name), *map(_text, (_how_it_went(ran), *counts))]
            for name, ran, *counts in zip(names, runs, claims, exercises, strict=True)
        ]
        whole = all(ran and not ran["failed"] for ran in runs)
        seconds = f"{sum(ran['seconds'] for ran in runs):.0f} s" if whole else ""
        rows.append([nodes.strong("", "all"), *map(_text, (seconds, sum(claims), sum(exercises)))])
        return _table(rows)

    def link(self, name):
        title = _text(self.env.titles[name].astext())
        return make_refnode(self.app.builder, self.env.docname, name, None, title)

    def versions(self):
        of_packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return nodes.paragraph("", f"Built with Python {platform.python_version()}, {of_packages}.")


def _how_it_went(ran):
    if ran is None:
        return "saved outputs (not run by this build)"
    if failed := ran["failed"]:
        return f"failed in cell {failed['cell']}: {failed['error']}; saved outputs are shown"
    return f"{ran['seconds']:.0f} s"


def _text(words):
    return nodes.Text(str(words))


def _table(rows):
    group = nodes.tgroup("", cols=len(HEAD))
    group += [nodes.colspec(colwidth=1) for _ in HEAD]
    group += nodes.thead("", _row(map(_text, HEAD)))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group)


def _row(cells):
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))
