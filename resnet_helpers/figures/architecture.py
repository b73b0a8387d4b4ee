"""Architecture explorer: the five networks of table 1, block by block, two of them compared."""

import functools
from itertools import groupby
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from torch import nn

from resnet_helpers import plotting
from resnet_helpers.arithmetic import layer_table
from resnet_helpers.figures.base import Figure
from resnet_helpers.networks import TABLE_1, ResNet

SIZES = (96, 224)
QUANTITIES = ("parameters", "macs", "field")
LAST_BLOCK = sum(TABLE_1[152][1]) + 1  # of the deepest network; block 0 is conv1, the last one fc


class Block(NamedTuple):
    """A place along a network's depth: conv1 with its max pool, a block, or the pool and fc."""

    stage: str  # "conv1", "conv2_x" to "conv5_x", or "fc"
    number: int  # in its stage, from 1
    count: int  # of the blocks in its stage
    shape: tuple[int, ...]  # of its output, without the batch
    layers: int  # convolutions and linear layers on its main path, as the networks' names count
    parameters: int  # its own, with its projection's
    macs: int  # the same, for one image
    projection: bool  # whether its shortcut is one
    field: int  # pixels along one side of the image that one number of its output can depend on
    depth: int  # its layers and those of all before it
    parameters_so_far: int
    macs_so_far: int


class ArchitectureExplorer(Figure):
    """Two networks of table 1 as stages of blocks, and what adds up along them (chapter 4).

    All five have 1000 classes. A right network of 0 is none. ``left_block`` and ``right_block``
    count from 0; a network with fewer blocks shows its last one.
    """

    name = "architecture"
    alt = (
        "Two panels against depth in layers, each with ResNet-18, 50 and 152. The parameters rise "
        "most steeply at the end, to 11.7, 25.6 and 60.2 million; the MACs rise almost evenly, to "
        "1.8, 4.1 and 11.5 billion."
    )
    left = traitlets.Enum(tuple(TABLE_1), 34).tag(sync=True)
    right = traitlets.Enum((*TABLE_1, 0), 50).tag(sync=True)
    left_block = traitlets.Int(8, min=0, max=LAST_BLOCK).tag(sync=True)
    right_block = traitlets.Int(8, min=0, max=LAST_BLOCK).tag(sync=True)
    size = traitlets.Enum(SIZES, 224).tag(sync=True)
    quantity = traitlets.Enum(QUANTITIES, "parameters").tag(sync=True)

    @traitlets.default("data")
    def _data(self):
        rows = {str(n): {str(size): blocks(n, size) for size in SIZES} for n in TABLE_1}
        return {"columns": Block._fields, **rows}

    def still(self):
        figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), layout="constrained")
        for depth, style in ((18, "-"), (50, "--"), (152, ":")):
            line = {"color": plotting.RESIDUAL, "label": f"ResNet-{depth}", "linestyle": style}
            *_, depths, parameters, macs = zip(*blocks(depth, 224), strict=True)
            axes[0].plot(depths, np.array(parameters) / 1e6, **line)
            axes[1].plot(depths, np.array(macs) / 1e9, **line)
        axes[0].set_ylabel("parameters so far (millions)")
        axes[1].set_ylabel("MACs so far (billions)")
        plt.setp(axes, xlabel="depth in layers", xlim=(0, None), ylim=(0, None))
        axes[0].legend(frameon=False)
        return figure


@functools.cache
def blocks(depth, size):
    """The blocks of a network of table 1 with 1000 classes, for images of size × size.

    Example:
        >>> block = blocks(50, 224)[8]
        >>> block.stage, block.shape, block.projection, block.field
        ('conv4_x', (1024, 14, 14), True, 107)
    """
    with torch.device("meta"):
        model = ResNet(*TABLE_1[depth], num_classes=1000, init_weights=False)
    table = layer_table(model, (3, size, size)).layers
    main_path = [layer for layer in table if not _on_shortcut(layer)]
    modules, last_map = dict(model.named_modules()), main_path[-3].output
    steps = [_kernel_and_stride(modules[layer.name], last_map[-1]) for layer in main_path]
    names = [layer.name for layer in main_path]
    fields = dict(zip(names, receptive_fields(steps), strict=True))
    counts = {f"conv{i}_x": count for i, count in enumerate(TABLE_1[depth][1], 2)}

    found, sums = [], (0, 0, 0)
    for (stage, number), layers in groupby(table, _place):
        layers = list(layers)
        main = [layer for layer in layers if not _on_shortcut(layer)]
        own = (
            sum(layer.kind in ("Conv2d", "Linear") for layer in main),
            sum(layer.parameters for layer in layers),
            sum(layer.macs for layer in layers),
        )
        sums = tuple(a + b for a, b in zip(sums, own, strict=True))
        place = stage, number, counts.get(stage, 1), layers[-1].output
        projection = any(layer.parameters for layer in layers if _on_shortcut(layer))
        found.append(Block(*place, *own, projection, fields[main[-1].name], *sums))
    return tuple(found)


def receptive_fields(steps):
    """Pixels along one side of the input that one number can depend on, after each layer.

    A kernel k reaches k − 1 steps further on the grid that it reads. One such step is j pixels
    of the input, the product of all strides before: r ← r + (k − 1)·j, then j ← j·stride.

    Args:
        steps: (kernel, stride) of each layer.

    Example:
        >>> receptive_fields([(7, 2), (3, 2), (3, 1)])
        [7, 11, 19]
    """
    field, step_in_pixels, fields = 1, 1, []
    for kernel, stride in steps:
        field += (kernel - 1) * step_in_pixels
        step_in_pixels *= stride
        fields.append(field)
    return fields


def _on_shortcut(layer):
    return ".shortcut" in layer.name


def _place(layer):
    """The stage of a layer and the number of its block there, counted from 1."""
    stage, *rest = layer.name.split(".")
    if stage.endswith("_x"):
        return stage, int(rest[0]) + 1
    return ("conv1" if stage == "conv1" else "fc"), 1


def _kernel_and_stride(module, last_side):
    if isinstance(module, nn.Conv2d):
        return module.kernel_size[0], module.stride[0]
    if isinstance(module, nn.MaxPool2d):
        return module.kernel_size, module.stride
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return last_side, 1  # it reads the whole of the last map
    return 1, 1
