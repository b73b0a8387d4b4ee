"""Numbers: a column of them stands at its right edge, and none is parted from its per cent.

Nor is what stands in a short cell of a table, such as "× 23", parted.
"""

import re

from docutils import nodes

NUMBER = re.compile(r"[\d.,−–±% ()×]*\d[\d.,−–±% ()×]*( ?[A-Za-z%]{1,2})?( \([A-Z]\))?|")
SHORT = 9  # letters


def align(app, doctree):
    for entry in doctree.findall(nodes.entry):
        if len(entry.astext()) <= SHORT:
            entry["classes"].append("short")
    for group in doctree.findall(nodes.tgroup):
        rows = [row.children for row in group.findall(nodes.row)]
        for head, *column in zip(*rows, strict=False):
            words = [entry.astext().strip() for entry in column]
            if any(words) and all(NUMBER.fullmatch(word) for word in words):
                for entry in (head, *column):
                    entry["classes"].append("n")


def bind(app, doctree):
    """Put a narrow space, at which no line breaks, between a number of the text and its % sign."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, (nodes.literal, nodes.literal_block, nodes.raw, nodes.math)):
            bound = re.sub(r"(?<=\d) %", "\u202f%", text)
            if bound != text:
                text.parent.replace(text, nodes.Text(bound))
