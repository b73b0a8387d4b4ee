"""Each cell of a chapter has an anchor, ``cell-ID``, that any page can link to.

Another page writes ``[words](#cell-ID)``. A link to a cell that is gone stops the build. A section
whose heading's cell is tagged "second-reading" says so in the page.
"""

import json
from pathlib import Path

from docutils import nodes

LATER = "second-reading"  # the tag of a heading's cell, and the class of its section
A_CELLS_LINES = 10_000  # MyST-NB gives line L of cell N, counted from 1, the number N0000 + L


def add(app, doctree):
    docname = app.env.docname
    if not docname.startswith("notebooks/"):
        return
    cells = json.loads(Path(app.env.doc2path(docname)).read_text(encoding="utf-8"))["cells"]
    labels = app.env.get_domain("std").anonlabels
    for node in doctree.findall(nodes.Element):
        number = (node.line or 0) // A_CELLS_LINES
        if not 0 < number <= len(cells):
            continue
        cell = cells[number - 1]
        anchor = f"cell-{cell['id']}"
        if anchor not in labels:
            node["ids"].append(anchor)
            labels[anchor] = docname, anchor
            if LATER in cell["metadata"].get("tags", []):
                node["classes"].append(LATER)
