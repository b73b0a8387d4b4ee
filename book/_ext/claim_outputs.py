"""Sphinx extension: marks outputs that hold claims, so that their sentences wrap on a phone."""

from docutils import nodes


def mark(app, doctree):
    for block in doctree.findall(nodes.literal_block):
        if any(line.startswith("✓ ") for line in block.astext().splitlines()):
            block["classes"].append("claims")


def setup(app):
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
