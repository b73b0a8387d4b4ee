"""Block stepper: a tensor goes through a residual block layer by layer, and its gradient back."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
import traitlets

from resnet_helpers import plotting
from resnet_helpers.arithmetic import layer_table
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.figures.base import Figure

BLOCKS = {"basic": BasicBlock, "bottleneck": BottleNeck}


class Step(NamedTuple):
    """One step on the way through a block."""

    words: str  # what is passed
    shape: tuple[int, ...]  # of what comes out of it, without the batch
    parameters: int = 0  # of what is passed
    macs: int = 0  # multiply–adds for one image


class BlockStepper(Figure):
    """A tensor's way through a residual block, or its gradient's way back (chapters 2 and 3).

    ``in_channels``, ``out_channels`` and ``stride`` are the block's arguments; a bottleneck puts
    out 4 · out_channels. ``size`` is the input's side in pixels.

    Example:
        >>> for step in BlockStepper(kind="bottleneck", in_channels=256).steps()[1:4]:
        ...     print(step.words, step.shape, step.parameters, step.macs)
        1×1 convolution (64, 56, 56) 16384 51380224
        batch norm (64, 56, 56) 128 0
        ReLU (64, 56, 56) 0 0
    """

    name = "stepper"
    kind = traitlets.Enum(tuple(BLOCKS), "basic").tag(sync=True)
    in_channels = traitlets.Enum((16, 32, 64, 128, 256, 512, 1024, 2048), 64).tag(sync=True)
    out_channels = traitlets.Enum((16, 32, 64, 128, 256, 512), 64).tag(sync=True)
    stride = traitlets.Enum((1, 2), 1).tag(sync=True)
    size = traitlets.Enum((7, 14, 28, 56), 56).tag(sync=True)
    direction = traitlets.Enum(("forward", "backward"), "forward").tag(sync=True)
    step = traitlets.Int(0, min=0, max=11).tag(sync=True)

    @property
    def alt(self):
        """What the still picture shows, in words."""
        steps = self.steps()
        shapes, words = [_text(step.shape) for step in steps], steps[-3].words
        shortcut = words.replace("projection:", "a projection,") if ":" in words else f"the {words}"
        return (
            f"A {self.kind} block from top to bottom: {shapes[0]} goes in, passes the layers of F "
            f"and is added to what a line around them carries, the shortcut: "
            f"{shortcut}. After a ReLU, {shapes[-1]} comes out."
        )

    def steps(self):
        """What happens at each step forward: a list of ``Step``."""
        with torch.device("meta"):  # shapes alone, no numbers
            block = BLOCKS[self.kind](self.in_channels, self.out_channels, self.stride)
        table = layer_table(block, (self.in_channels, self.size, self.size))
        parts = {"residual_function": [], "shortcut": [], "relu": []}
        for row in table.layers:
            step = Step(_words(block.get_submodule(row.name)), row.output, row.parameters, row.macs)
            parts[row.name.split(".")[0]].append(step)
        (relu,) = parts["relu"]
        return [
            Step("input x", (self.in_channels, self.size, self.size)),
            *parts["residual_function"],
            _in_one(parts["shortcut"]),
            Step("addition", relu.shape),
            relu,
        ]

    def still(self):
        first, *layers, shortcut, addition, relu = self.steps()
        plus, y = Step("+", addition.shape), Step("y", relu.shape)
        nodes = [Step("x", first.shape), *layers, plus, relu, y]
        figure, axis = plt.subplots(figsize=(5.4, 0.56 * len(nodes)))
        end = 1 - len(nodes)
        axis.annotate("", (0, end + 0.3), (0, 0), arrowprops={"arrowstyle": "->", "lw": 1.4})
        for depth, node in enumerate(nodes):
            box = {"boxstyle": "round,pad=0.25", "facecolor": "#f4f4f4"}
            axis.text(0, -depth, node.words, ha="center", va="center", bbox=box)
            axis.text(0.9, -depth, _text(node.shape), va="center", color="#444444")
        sum_ = -nodes.index(plus)
        blue = {"color": plotting.RESIDUAL, "lw": 3}
        axis.plot([0, -1, -1, -0.3], [-0.5, -0.5, sum_, sum_], **blue)
        axis.annotate("", (-0.1, sum_), (-0.4, sum_), arrowprops={"arrowstyle": "-|>", **blue})
        beside = shortcut.words.replace(": ", ":\n").replace(", ", "\n")
        axis.text(-1.06, sum_ / 2, beside, ha="right", va="center", color=plotting.RESIDUAL)
        axis.set(xlim=(-2.1, 1.9), ylim=(end - 0.5, 0.5))
        axis.axis("off")
        return figure


def _in_one(rows):
    """The step along the shortcut: an identity, or a projection's convolution and batch norm."""
    words = ", ".join(row.words for row in rows)
    return Step(
        words if words == "identity" else f"projection: {words}",
        rows[-1].shape,
        sum(row.parameters for row in rows),
        sum(row.macs for row in rows),
    )


def _words(layer):
    """A layer of a block in a few words."""
    if isinstance(layer, torch.nn.Conv2d):
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        return f"{kernel}×{kernel} convolution" + (f", stride {stride}" if stride > 1 else "")
    names = {"BatchNorm2d": "batch norm", "ReLU": "ReLU", "Sequential": "identity"}
    return names[type(layer).__name__]


def _text(shape):
    return "×".join(map(str, shape))
