"""Sphinx extension: diagrams drawn as SVG stand in the page itself, so that they follow its theme.

An image file can't see whether the page is dark. Only figures are taken in; badges stay files.
"""

from pathlib import Path

from docutils import nodes


def take_in(app, doctree, docname):
    if app.builder.format != "html":
        return
    for figure in doctree.findall(nodes.figure):
        for image in list(figure.findall(nodes.image)):
            if image["uri"].endswith(".svg"):
                drawing = (Path(app.srcdir) / image["uri"]).read_text("utf-8")
                image.replace_self(nodes.raw("", drawing, format="html"))


def setup(app):
    app.connect("doctree-resolved", take_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
