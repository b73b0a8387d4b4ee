"""Diagrams and plots stand in the page itself, so that they follow its theme.

An image file can't see whether the page is dark. The directive ``diagram`` draws one of those in
resnet_helpers.classroom.diagrams, by its name, with a caption. What notebooks drew is taken in from
the files that MyST-NB writes. A plot gets the page's face and colours, and each panel becomes an
SVG of its own, so that on a phone one stands below the other.
"""

import json
import re
from html import escape, unescape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from resnet_helpers import plotting
from resnet_helpers.classroom import diagrams

from . import palette

LEAST = 10.5  # points: the smallest letter of a plot
SHRUNK = 0.86  # how far a phone may shrink a plot, so that its letters keep 12 pixels
COLORS = {
    plotting.PLAIN.lower(): "var(--plain)",
    plotting.RESIDUAL.lower(): "var(--residual)",
    plotting.GREEN.lower(): "var(--third)",
    "#000000": "currentColor",
    "#ffffff": "var(--paper)",
    "#cccccc": "var(--line)",
    "#e4e4e4": "var(--line)",
}


def inline(svg, kind="diagram"):
    return nodes.raw("", f'<div class="{kind}">{svg}</div>', format="html")


class DiagramDirective(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self):
        draw = getattr(diagrams, self.arguments[0], None)
        if draw is None:
            raise self.error(f"no function {self.arguments[0]!r} in {diagrams.__name__}")
        figure = nodes.figure("", inline(draw().svg()))
        caption, _ = self.state.inline_text(" ".join(self.content), self.lineno)
        figure += nodes.caption("", "", *caption)
        return [figure]


def take_in_outputs(app, doctree):
    for number, image in enumerate(list(doctree.findall(nodes.image))):
        path = Path(app.env.relfn2path(image["uri"], app.env.docname)[1])
        if path.suffix == ".svg" and "jupyter_execute" in path.parts:
            svg = path.read_text("utf-8")
            if 'id="figure_1"' in svg:  # matplotlib's
                image.replace_self(plot(svg, image.get("alt", ""), f"plot-{number}"))
            else:
                image.replace_self(inline(svg))


def plot(svg, alt, name):
    """A plot that matplotlib drew, as the page shows it."""
    panels = re.search(r"<dc:description>(.*?)</dc:description>", svg, re.S)
    panels = json.loads(unescape(panels[1])) if panels else []
    coloured = "<image" not in svg
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    body = re.search(r"</metadata>(.*)</svg>", svg, re.S)[1]
    body = _own_ids(_letters(_lighter(body)), name)
    if coloured:
        body = re.sub(r"(stroke: |fill: )(#[0-9a-f]{6})\b", _own_color, body)
    kind = "plot" if coloured else "plot on-white"
    if len(panels) < 2 or not _beside_one_another(panels):
        return inline(
            _svg((0, 0, width, height), body, f'role="img" aria-label="{escape(alt)}"'), kind
        )
    _, *groups = re.split(r'(?=<g data-part="axes_\d+">)', body)  # before them stands the ground
    boxes = [(box[0], 0, box[2], height) for box in panels]
    shown = [
        _svg(box, group, 'aria-hidden="true"') for box, group in zip(boxes, groups, strict=True)
    ]
    label = f'<div class="{kind}" role="img" aria-label="{escape(alt)}">'
    return nodes.raw("", f"{label}{''.join(shown)}</div>", format="html")


def _svg(box, body, attributes):
    """An SVG of what lies in a box, as large as matplotlib meant it: a point is 4/3 pixels."""
    pixels = box[2] * 4 / 3
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{" ".join(f"{n:g}" for n in box)}" {attributes} '
        f'style="width: {pixels:.0f}px; min-width: min({SHRUNK * pixels:.0f}px, {pixels:.0f}px)">'
        f"{_balanced(body)}</svg>"
    )


def _lighter(body):
    """The same drawing, to a hundredth of a point and without white space between its elements."""
    body = re.sub(r">\s+<", "><", body)
    return re.sub(
        r' (?:d|x|y)="[^"]*"', lambda place: re.sub(r"(\.\d\d)\d+", r"\1", place[0]), body
    )


def _balanced(body):
    """A cut of an SVG, without tags that close what was opened before it."""
    depth, kept = 0, []
    for part in re.split(r"(</?g\b[^>]*>)", body):
        if part.startswith("</g"):
            if not depth:
                continue
            depth -= 1
        elif part.startswith("<g") and not part.endswith("/>"):
            depth += 1
        kept.append(part)
    return "".join(kept) + "</g>" * depth


def _own_color(found):
    """The page's colour for one of matplotlib's: a line of another is made to stand out."""
    kind, color = found.groups()
    if color in COLORS:
        return kind + COLORS[color]
    if kind == "fill: ":
        return found[0]
    light, dark = (palette.readable(color, colors) for colors in (palette.LIGHT, palette.DARK))
    return f"{kind}light-dark({light}, {dark})"


def _letters(body):
    """Give words the page's face, and none of them letters that are too small."""

    def larger(size):
        return f"font-size: {max(float(size[1]), LEAST):g}px"

    body = re.sub(r"<style.*?</style>", "", body, flags=re.S)  # it would be the whole page's
    body = re.sub(r"font-family: [^;\"]+", "font-family: var(--sans)", body)
    return re.sub(r"font-size: ([\d.]+)px", larger, body)


def _own_ids(body, name):
    """Keep the ids that something refers to, as the plot's own: a page holds many plots."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r'<g id="(axes_\d+)">', r'<g data-part="\1">', body)
    body = re.sub(
        r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body
    )
    return re.sub(r'(href="#|url\(#)', rf"\1{name}-", body)


def _beside_one_another(panels):
    ends = [left + width for left, _, width, _ in panels]
    return all(panels[k + 1][0] >= end - 6 for k, end in enumerate(ends[:-1]))
