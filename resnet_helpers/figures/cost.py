"""Convolution cost calculator: what a k×k convolution costs directly, and through a bottleneck."""

import math
from typing import NamedTuple

import matplotlib.pyplot as plt
import traitlets

from resnet_helpers import plotting
from resnet_helpers.arithmetic import conv_parameters, conv_size
from resnet_helpers.figures.base import Figure

SIZES = (7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224)
CHANNELS = (3, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048)


class Layer(NamedTuple):
    """One convolution of a route, with its output's size."""

    words: str
    parameters: int
    macs: int
    height: int
    width: int


class CostCalculator(Figure):
    """Two routes from c_in to c_out channels, their costs as areas to scale (chapter 3).

    Example:
        >>> direct, through = CostCalculator().routes()
        >>> direct[0].macs, sum(layer.macs for layer in through)
        (160563200, 43352064)
    """

    name = "cost"
    alt = (
        "Two squares whose areas are the multiply-adds of the lecture's example: directly "
        "160,563,200, and through a bottleneck of 32 channels 43,352,064, about a quarter."
    )
    height = traitlets.Enum(SIZES, 28).tag(sync=True)
    width = traitlets.Enum(SIZES, 28).tag(sync=True)
    c_in = traitlets.Enum(CHANNELS, 128).tag(sync=True)
    c_out = traitlets.Enum(CHANNELS, 64).tag(sync=True)
    kernel = traitlets.Enum((1, 3, 5, 7, 11), 5).tag(sync=True)
    stride = traitlets.Enum((1, 2), 1).tag(sync=True)
    groups = traitlets.Enum((1, 2, 4, 8, 16, 32), 1).tag(sync=True)
    bottleneck = traitlets.Enum(CHANNELS, 32).tag(sync=True)
    expand = traitlets.Bool(False).tag(sync=True)
    unit = traitlets.Enum(("macs", "parameters"), "macs").tag(sync=True)

    def routes(self):
        """The layers of the direct route and of the one through the bottleneck.

        Groups that don't divide the channels are replaced by their greatest common divisor. All
        convolutions are padded by ⌊k/2⌋; the k×k one has the stride.
        """
        middle = self.bottleneck if self.expand else self.c_out
        size = self.height, self.width
        direct = [_layer(self.kernel, self.c_in, self.c_out, size, self.stride, self.groups)]
        through = [
            _layer(1, self.c_in, self.bottleneck, size),
            _layer(self.kernel, self.bottleneck, middle, size, self.stride, self.groups),
        ]
        if self.expand:
            shrunk = through[-1].height, through[-1].width
            through.append(_layer(1, middle, self.c_out, shrunk))
        return direct, through

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.2))
        totals = [sum(layer.macs for layer in route) for route in self.routes()]
        looks = (0, "directly", plotting.GREY), (1.25, "through a bottleneck", plotting.GREEN)
        for (left, words, colour), total in zip(looks, totals, strict=True):
            side = math.sqrt(total / max(totals))
            axis.add_patch(plt.Rectangle((left, 0), side, side, color=colour))
            axis.text(left, -0.06, f"{words}\n{total:,} MACs", va="top")
        axis.set(xlim=(0, 2.6), ylim=(-0.3, 1.02), aspect="equal")
        axis.axis("off")
        return figure


def _layer(kernel, c_in, c_out, size, stride=1, wanted_groups=1):
    groups = math.gcd(wanted_groups, c_in, c_out)
    height, width = (conv_size(side, kernel, stride, kernel // 2) for side in size)
    parameters = conv_parameters(c_in, c_out, kernel, groups)
    words = f"{kernel}×{kernel}, {c_in} → {c_out}" + (f", {groups} groups" if groups > 1 else "")
    return Layer(words, parameters, parameters * height * width, height, width)
