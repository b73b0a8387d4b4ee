"""Mark outputs that hold sentences, such as claims, so that they wrap. A single line wraps, too."""

from docutils import nodes

BEGINNINGS = ("✓ ", "Recorded ", "measured")


def mark(app, doctree):
    for block in doctree.findall(nodes.literal_block):
        lines = block.astext().splitlines()
        single = "output" in block["classes"] and len(lines) == 1
        if single or any(line.startswith(BEGINNINGS) for line in lines):
            block["classes"].append("sentences")
