"""An exercise in its frame: its number over its title, how hard it is, hints and solution in a row.

The row stands under the exercise's cell. One of its folds is open at a time.
"""

import re

from docutils import nodes

from . import folds

TITLE = re.compile(r"(Exercise (\d+)\.(\d+)) · ")
DIFFICULTY = re.compile(r"Difficulty (\d) of 3 · (\d+ minutes( · in words)?)")


def frame(app, doctree):
    for section in list(doctree.findall(nodes.section)):
        if found := TITLE.match(section[0].astext()):
            section["classes"].append("exercise")
            _label(section[0], found)
            _say_how_hard(section)
            _gather(section, "ex-" + "-".join(found.groups()[1:]))


def _label(title, found):
    words = title[0].astext().removeprefix(found[0])
    label = nodes.inline("", found[1], classes=["label"])
    label += nodes.inline("", " · ", classes=["unseen"])
    title.replace(title[0], [label, nodes.Text(words)])


def _say_how_hard(section):
    paragraph = section[1]
    level, minutes, _ = DIFFICULTY.fullmatch(paragraph.astext()).groups()
    paragraph["classes"].append("difficulty")
    dots = "<i></i>" * int(level) + '<i class="empty"></i>' * (3 - int(level))
    paragraph.children = [
        nodes.raw("", f'<span class="dots" aria-hidden="true">{dots}</span>', format="html"),
        nodes.inline("", f"Difficulty {level} of 3, ", classes=["unseen"]),
        nodes.Text(f" {minutes}"),
    ]


def _gather(section, name):
    """Put the hints and the solution into one row, and what follows them outside the frame."""
    row = nodes.container(classes=["hints"])
    *hints, solution = [
        fold
        for fold in folds.folds_in(section.children)
        if re.match("Hint|Solution", folds.parts_of(fold)[1])
    ]
    after = section.children[section.index(solution[-1]) + 1 :]
    for node in after:
        section.remove(node)
    parent = section.parent
    place = parent.index(section) + 1
    parent.children[place:place] = after
    for node in after:
        node.parent = parent
    for fold in [*hints, solution]:
        attributes, summary = folds.parts_of(fold)
        for node in fold:
            section.remove(node)
        row += [folds.begin(f'{attributes} name="{name}"', summary), *fold[1:]]
    section += row
