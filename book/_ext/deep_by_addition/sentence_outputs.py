"""Mark outputs that hold sentences, such as claims, so that they wrap."""

from docutils import nodes

BEGINNINGS = ("✓ ", "Recorded ", "measured")


def mark(app, doctree):
    for block in doctree.findall(nodes.literal_block):
        if any(line.startswith(BEGINNINGS) for line in block.astext().splitlines()):
            block["classes"].append("sentences")
