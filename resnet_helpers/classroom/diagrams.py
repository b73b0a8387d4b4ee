"""The book's diagrams of blocks and networks, drawn as SVG.

In the book's pages a diagram takes the page's colours, light or dark. Elsewhere (Jupyter, GitHub)
it stands on a white ground.
"""

from html import escape

from resnet_helpers import plotting
from resnet_helpers._pictures import img
from resnet_helpers.networks import TABLE_1

STAGES = ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x")

# The variables are those of the pages' theme and of the book's style sheet.
STYLE = f"""
.dg-ground {{ fill: var(--pst-color-background, #fff); }}
.dg-box {{ fill: var(--pst-color-surface, #f4f4f4); stroke: var(--pst-color-text-base, #333); }}
.dg-line {{ fill: none; stroke: var(--pst-color-text-base, #333); stroke-width: 2; }}
.dg-shortcut {{ fill: none; stroke: var(--residual, {plotting.RESIDUAL}); stroke-width: 4; }}
.dg-line-head {{ fill: var(--pst-color-text-base, #333); }}
.dg-shortcut-head {{ fill: var(--residual, {plotting.RESIDUAL}); }}
.dg-word {{ fill: var(--pst-color-text-base, #222); }}
.dg-residual {{ fill: var(--residual, {plotting.RESIDUAL}); }}
.dg-plain {{ fill: var(--plain-ink, #b04c00); }}
.dg-other {{ fill: var(--pst-color-text-muted, #666); }}
.dg-third {{ fill: var(--third, {plotting.GREEN}); }}
.dg-pale {{ opacity: 0.4; }}
.dg-strong {{ font-weight: 600; }}
.dg-italic {{ font-style: italic; }}
.dg-small {{ font-size: 14px; }}
"""


class Drawing:
    """An SVG drawing with a text for those who can't see it.

    Args:
        size: its width and height in pixels, at which letters are 16 pixels tall.
        alt: what it shows, in words.
    """

    def __init__(self, size, alt):
        self.width, self.height = size
        self.alt, self._parts = alt, []

    def rect(self, x, y, width, height, kind, corner=0):
        """A rectangle, x and y its upper left corner."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'rx="{corner}"/>'
        )

    def text(self, x, y, words, kind="dg-word", anchor="middle"):
        """Words whose middle height is at y."""
        self._parts.append(
            f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}" '
            f'dominant-baseline="central">{escape(words)}</text>'
        )

    def box(self, x, y, *lines, width=128, height=48):
        """A layer: a box around its middle (x, y), with lines of words."""
        self.rect(x - width / 2, y - height / 2, width, height, "dg-box", corner=6)
        for k, words in enumerate(lines):
            self.text(x, y + 19 * (k - (len(lines) - 1) / 2), words)

    def arrow(self, *points, kind="dg-line"):
        """Straight lines from point to point, the last one level or upright, with a head."""
        (x, y), (before_x, before_y) = points[-1], points[-2]
        size = 12 if kind == "dg-shortcut" else 9
        right, down = (x > before_x) - (x < before_x), (y > before_y) - (y < before_y)
        back_x, back_y = x - size * right, y - size * down
        ends = [*points[:-1], (back_x, back_y)]
        path = " ".join(f"{a:g},{b:g}" for a, b in ends)
        side_x, side_y = size / 2 * down, size / 2 * right
        self._parts.append(
            f'<polyline class="{kind}" points="{path}" stroke-linejoin="round"/>'
            f'<polygon class="{kind}-head" points="{x:g},{y:g} '
            f'{back_x + side_x:g},{back_y + side_y:g} {back_x - side_x:g},{back_y - side_y:g}"/>'
        )

    def plus(self, x, y):
        """The sum, where a shortcut arrives."""
        self._parts.append(f'<circle class="dg-shortcut" cx="{x:g}" cy="{y:g}" r="15"/>')
        self.text(x, y, "+", "dg-residual dg-strong")

    def _repr_mimebundle_(self, **kwargs):
        svg = self.svg()
        # JupyterLab prefers the HTML, and gives no other kind of picture its alt text.
        data = {
            "image/svg+xml": svg,
            "text/html": img(svg.encode(), "image/svg+xml", self.alt),
            "text/plain": f"<diagram: {self.alt}>",
        }
        return data, {"image/svg+xml": {"alt": self.alt}}

    def svg(self):
        """The drawing as SVG. It names no id, so that several fit into one page.

        On a narrow page it shrinks to two thirds, where letters can still be read, and no further.
        """
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f'style="max-width: 100%; min-width: {0.64 * self.width:.0f}px" '
            f'aria-label="{escape(self.alt)}" font-family="system-ui, sans-serif" '
            f'font-size="16"><style>{STYLE}</style>'
            f'<rect class="dg-ground" width="{self.width}" height="{self.height}" rx="8"/>'
            f"{''.join(self._parts)}</svg>"
        )


def residual_block():
    """The idea in one picture: what goes in is added to what comes out."""
    drawing = Drawing(
        (490, 170),
        "A residual block. The input x goes two ways: through two convolutions, which compute "
        "F(x), and unchanged around them. Both are added, and F(x) + x comes out.",
    )
    y = 114
    for start, end in ((28, 86), (186, 218), (318, 353), (383, 414)):
        drawing.arrow((start, y), (end, y))
    for x in (136, 268):
        drawing.box(x, y, "3×3 conv", width=100)
    drawing.arrow((54, y), (54, 42), (368, 42), (368, y - 16), kind="dg-shortcut")
    drawing.plus(368, y)
    drawing.text(16, y, "x", "dg-word dg-italic")
    drawing.text(202, y + 42, "F(x)", "dg-word dg-italic")
    drawing.text(211, 20, "x, unchanged", "dg-residual")
    drawing.text(421, y, "F(x) + x", "dg-word dg-italic", "start")
    return drawing


def plain_and_residual():
    """A plain block and a residual one, from top to bottom (He et al. 2015, figure 2)."""
    drawing = Drawing(
        (440, 484),
        "Two blocks side by side, each from top to bottom. In the plain block x goes through a "
        "3×3 convolution with batch norm, a ReLU and a second 3×3 convolution with batch norm, "
        "which gives H(x); a last ReLU follows. The residual block has the same boxes, labelled "
        "F(x), and a blue line from x around them to a plus sign before the last ReLU, where H(x) "
        "is F(x) + x.",
    )
    conv, relu = (("3×3 conv", "batch norm"), 128, 56), (("ReLU",), 128, 32)
    for x, kind, around in ((96, "plain", None), (290, "residual", 396)):
        drawing.text(x, 20, kind, f"dg-{kind} dg-strong")
        drawing.text(x, 60, "x", "dg-word dg-italic")
        _block(drawing, x, [conv, relu, conv], around)
        drawing.text(x - 26, 384, "H(x)", "dg-word dg-italic", "end")
    drawing.text(220, 220, "F(x)", "dg-word dg-italic", "end")
    drawing.text(404, 220, "x", "dg-residual dg-italic", "start")
    return drawing


def basic_and_bottleneck():
    """The two residual blocks with their channels (He et al. 2015, figure 5)."""
    drawing = Drawing(
        (470, 500),
        "Two residual blocks side by side, each from top to bottom. The basic block takes 64 "
        "channels through two 3×3 convolutions of 64 channels. The bottleneck takes 256 channels "
        "down to 64 by a 1×1 convolution, through a 3×3 convolution of 64, and up to 256 by a "
        "1×1. Boxes are as wide as their output has channels, on a scale of square roots. A blue "
        "line leads the input around each to a plus sign.",
    )
    columns = (
        (110, "basic block", 64, [("3×3", 64), ("3×3", 64)], 212),
        (330, "bottleneck", 256, [("1×1", 64), ("3×3", 64), ("1×1", 256)], 440),
    )
    for x, title, channels, layers, around in columns:
        drawing.text(x, 20, title, "dg-word dg-strong")
        drawing.text(x, 60, f"{channels} channels", "dg-other")
        boxes = [((f"{kernel}, {out}",), 10 * out**0.5 + 12, 48) for kernel, out in layers]
        _block(drawing, x, boxes, around)
        drawing.text(x, 488, f"{channels} channels", "dg-other")
    return drawing


def _block(drawing, x, boxes, around=None):
    """Draw boxes below each other, the sum where a shortcut around them arrives, and a ReLU.

    Args:
        boxes: for each its lines of words, its width and its height.
        around: the x of the shortcut; without one there is no sum.
    """
    y, gap = 72, (276 - sum(height for *_, height in boxes)) / len(boxes)
    for lines, width, height in boxes:
        drawing.arrow((x, y), (x, y + gap))
        y += gap + height
        drawing.box(x, y - height / 2, *lines, width=width, height=height)
    drawing.arrow((x, y), (x, 369 if around else 420))
    if around:
        drawing.arrow((x, 86), (around, 86), (around, 384), (x + 16, 384), kind="dg-shortcut")
        drawing.plus(x, 384)
        drawing.arrow((x, 399), (x, 420))
    drawing.box(x, 437, "ReLU", width=80, height=32)
    drawing.arrow((x, 453), (x, 478))


def two_networks(depths=(18, 50)):
    """Networks of table 1, one below the other: √channels wide, √pixels high."""
    drawing = Drawing(
        (0, 230 * len(depths)),
        "Networks from left to right, "
        + " and ".join(f"ResNet-{depth}" for depth in depths)
        + ". A grey box for conv1, then four groups of blue boxes, one for each block. From group "
        "to group the boxes become lower, since the map is halved, and wider, since the channels "
        "double. The first box of a group is in full colour where its shortcut must project. A "
        "green box ends each network.",
    )
    for row, depth in enumerate(depths):
        drawing.width = max(drawing.width, _network(drawing, 230 * row, depth))
    return drawing


def _network(drawing, top, depth):
    """Draw a network below a height; return how wide it is."""
    block, num_block = TABLE_1[depth]
    drawing.text(8, top + 18, f"ResNet-{depth}", "dg-word dg-strong", "start")
    middle, left = top + 84, 24
    for i, (stage, count) in enumerate(zip(STAGES, (1, *num_block), strict=True)):
        out, size = 32 * 2**i * block.expansion if i else 64, 112 // 2**i
        projects = i > 1 or block.expansion > 1  # the stage's first block
        width, height = 0.75 * out**0.5, 9 * size**0.5
        start = left
        for k in range(count):
            pale = "" if projects and k == 0 else " dg-pale"
            kind = f"dg-residual{pale}" if i else "dg-other"
            drawing.rect(left, middle - height / 2, width, height, kind)
            left += width + 3
        center = max((start + left) / 2, start + 36)
        blocks = f"{count} blocks" if i else "1 convolution"
        for k, words in enumerate((stage, blocks, f"{out} channels", f"{size}×{size}")):
            drawing.text(center, top + 148 + 19 * k, words, "dg-word dg-small")
        left = max(left, start + 100) + 20
    drawing.rect(left + 36, middle - 8, 5, 16, "dg-third")
    for k, words in enumerate(("fc", "average,", "then linear")):
        drawing.text(left + 38, top + 148 + 19 * k, words, "dg-word dg-small")
    return round(left) + 84


def construction():
    """A deep plain network that equals a shallow one: behind each block, blocks that do nothing."""
    copies = 6  # for each stage: 8 layers and 3 · 6 · 2 more make 44
    drawing = Drawing(
        (764, 170),
        "Above, plain-8 as five boxes: conv1, a block in each of three stages, fc. Below, a "
        "network of 44 layers: the same five boxes, copied, and behind each of the three "
        "blocks 6 small boxes, each an identity.",
    )
    for y, name in ((50, "plain-8"), (130, "44 layers")):
        drawing.text(8, y, name, "dg-word", "start")
        drawing.arrow((88, y), (756, y))
        drawing.box(128, y, "conv1", width=64, height=36)
        drawing.box(718, y, "fc", width=40, height=36)
    for k, stage in enumerate(STAGES[1:4]):
        x = 216 + 174 * k
        drawing.box(x, 50, stage, width=76, height=36)
        drawing.arrow((x, 70), (x, 109))
        drawing.box(x, 130, stage, width=76, height=36)
        for i in range(copies):
            drawing.rect(x + 46 + 13 * i, 118, 10, 24, "dg-plain dg-pale")
        drawing.text(x + 84, 156, f"{copies} times the identity", "dg-plain dg-small")
    return drawing
