"""Mark outputs that hold sentences, such as claims, so that they wrap. A single line wraps, too.

Those that say where recorded numbers come from look like what stands under a figure. What begins
with the head of a table doesn't wrap: on a phone its numbers would leave their columns.
"""

import re

from docutils import nodes

TICK, RECORDED = "✓ ", "Recorded "
BEGINNINGS = (TICK, RECORDED, "measured")
PADDED = re.compile(r"\S {2,}\S")


def mark(app, doctree):
    for block in doctree.findall(nodes.literal_block):
        lines = block.astext().splitlines()
        single = "output" in block["classes"] and len(lines) == 1
        if single or any(line.startswith(BEGINNINGS) for line in lines):
            block["classes"].append("sentences")
            shown = [line for line in lines if not line.startswith(TICK)]
            if shown and all(line.startswith(RECORDED) for line in shown):
                block["classes"].append("source")
            if len(shown) > 1 and _is_head(shown[0]):
                block["classes"].append("columns")


def _is_head(line):
    return PADDED.search(line) and not line.startswith(BEGINNINGS)
