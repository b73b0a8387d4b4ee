"""A column of numbers in a table stands at its right edge, under its head."""

import re

from docutils import nodes

NUMBER = re.compile(r"[\d.,−–±% ()×]*\d[\d.,−–±% ()×]*( ?[A-Za-z%]{1,2})?( \([A-Z]\))?|")


def align(app, doctree):
    for group in doctree.findall(nodes.tgroup):
        rows = [row.children for row in group.findall(nodes.row)]
        for head, *column in zip(*rows, strict=False):
            words = [entry.astext().strip() for entry in column]
            if any(words) and all(NUMBER.fullmatch(word) for word in words):
                for entry in (head, *column):
                    entry["classes"].append("n")
