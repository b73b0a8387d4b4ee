"""A chapter's cells, as its page is built from them: each has an anchor that any page can link to.

Another page writes ``[words](#cell-ID)``. A link to a cell that is gone stops the build. A section
whose heading's cell is tagged "second-reading" says so in the page.
"""

import json
from pathlib import Path

from docutils import nodes

LATER = "second-reading"  # the tag of a heading's cell, and the class of its section
LINES = 10_000  # MyST-NB gives line L of cell N, counted from 1, the number N0000 + L


def cells_of(env, docname):
    """The cells of a notebook, as its file has them."""
    return json.loads(Path(env.doc2path(docname)).read_text(encoding="utf-8"))["cells"]


def number_of(node):
    """Which cell a node was made from, counted from 1; 0 where nothing tells."""
    return (node.line or 0) // LINES


def cell_of(node, cells):
    """The cell that a node was made from, or None."""
    number = number_of(node)
    return cells[number - 1] if 0 < number <= len(cells) else None


def add_anchors(app, doctree):
    docname = app.env.docname
    if not docname.startswith("notebooks/"):
        return
    cells = cells_of(app.env, docname)
    labels = app.env.get_domain("std").anonlabels
    for node in doctree.findall(nodes.Element):
        cell = cell_of(node, cells)
        anchor = cell and f"cell-{cell['id']}"
        if cell and anchor not in labels:
            node["ids"].append(anchor)
            labels[anchor] = docname, anchor
            if LATER in cell["metadata"].get("tags", []):
                node["classes"].append(LATER)
