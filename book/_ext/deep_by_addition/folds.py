"""What a notebook folds: HTML's ``details``, which Markdown leaves as two tags around its text."""

import re

from docutils import nodes

BEGIN = re.compile(r"<details\b([^>]*)>\s*<summary>(.*?)</summary>\s*", re.S)
END = "</details>"


def folds_in(children):
    """The folds among some nodes: lists from the opening tag to the closing one."""
    found, fold = [], []
    for node in children:
        tag = node.astext().strip() if isinstance(node, nodes.raw) else ""
        if fold or BEGIN.fullmatch(tag):
            fold.append(node)
            if tag == END:
                found.append(fold)
                fold = []
    return found


def parts_of(fold):
    """The attributes and the summary of a fold, as HTML."""
    return BEGIN.fullmatch(fold[0].astext().strip()).groups()


def begin(attributes, summary):
    """The opening tag of a fold, with its summary."""
    return nodes.raw("", f"<details{attributes}>\n<summary>{summary}</summary>\n", format="html")
