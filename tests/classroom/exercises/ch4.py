"""Answers to chapter 4's exercises."""

from fractions import Fraction

import numpy as np
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck
from torchvision.models.resnet import ResNet as TorchvisionResNet

from resnet_helpers import networks
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.networks import TABLE_1, ResNet

SHAPES = {
    "conv1": (64, 16, 16),
    "conv2_x": (64, 16, 16),
    "conv3_x": (128, 8, 8),
    "conv4_x": (256, 4, 4),
    "conv5_x": (512, 2, 2),
}
STAGES = list(SHAPES)


def each_shape(change):
    return {name: change(shape) for name, shape in SHAPES.items()}


def first(count, change=tuple):
    """Only the first shapes filled in, as the reader goes along."""
    done = {name: change(SHAPES[name]) for name in STAGES[:count]}
    return dict.fromkeys(SHAPES, ...) | done


def depth(block, num_block):
    return (2 if block is BasicBlock else 3) * sum(num_block) + 2


def depth_by_loop(block, num_block):
    layers = 1
    for count in num_block:
        for _ in range(count):
            layers += 3 if block.expansion > 1 else 2
    return np.int64(layers + 1)


def depth_by_building(block, num_block):
    with torch.device("meta"):
        model = ResNet(block, num_block)
    layers = [
        isinstance(layer, nn.Conv2d | nn.Linear) and "shortcut" not in name
        for name, layer in model.named_modules()
    ]
    return torch.tensor(sum(layers))


def depth_from_the_table(block, num_block):
    return next((name for name, row in TABLE_1.items() if row == (block, num_block)), 26)


def depth_with_projections(block, num_block):
    return depth(block, num_block) + (3 if block is BasicBlock else 4)


def block_parameters(i, o, stride, norms=3, shortcut=True, bias=False):
    projects = shortcut and (stride != 1 or i != o)
    weights = 9 * i * o + 9 * o * o + (i * o if projects else 0)
    return weights + 2 * o * min(norms, 2 + projects) + (2 * o if bias else 0)


def block_parameters_counted(i, o, stride):
    return sum(parameter.numel() for parameter in BasicBlock(i, o, stride).parameters())


def block_parameters_in_numpy(i, o, stride):
    kernels = np.array([9 * i, 9 * o, i if (i, 1) != (o, stride) else -2])
    return (kernels * o).sum() + 2 * o * 3


def prints_only(*arguments):
    str(depth)


def mistaken(**mistakes):
    return lambda *case: block_parameters(*case, **mistakes)


def mistaken_by(rule):
    return lambda i, o, s: block_parameters(i, o, s) + rule(i, o, (s != 1 or i != o))


def resnet26(num_classes=10):
    return ResNet(BottleNeck, [2, 2, 2, 2], num_classes)


def resnet26_of_100():
    return networks.ResNet(BottleNeck, (2, 2, 2, 2), num_classes=100)


def changed(change):
    model = resnet26(100)
    change(model)
    return model


def stride_in_the_1x1(model):
    for stage in (model.conv3_x, model.conv4_x, model.conv5_x):
        stage[0].residual_function[0].stride = (2, 2)
        stage[0].residual_function[3].stride = (1, 1)


def no_stride(model):
    for stage in (model.conv3_x, model.conv4_x, model.conv5_x):
        stage[0].residual_function[3].stride = stage[0].shortcut[0].stride = (1, 1)


def without_relu(model):
    model.conv4_x[1].relu = nn.Identity()


def slightly(factor):
    """A network whose logits are all multiplied by a number: what rounding may do, or may not."""

    class Scaled(ResNet):
        def forward(self, x):
            return factor * super().forward(x)

    return Scaled(BottleNeck, [2, 2, 2, 2], 100)


def turned_around(model):
    model.conv2_x, model.conv3_x = model.conv3_x, model.conv2_x


RIGHT = {
    "check_stage_shapes": [
        SHAPES,
        each_shape(list),
        each_shape(torch.Size),
        each_shape(np.array),
        each_shape(torch.tensor),
        each_shape(lambda shape: tuple(float(size) for size in shape)),
        SHAPES | {"avg_pool": (512, 1, 1)},
    ],
    "check_depth": [
        depth,
        depth_by_loop,
        depth_by_building,
        lambda block, n: float(depth(block, n)),
        lambda block, n: Fraction(depth(block, n)),
    ],
    "check_block_parameters": [
        block_parameters,
        block_parameters_counted,
        block_parameters_in_numpy,
        lambda *case: torch.tensor(block_parameters(*case)),
        lambda *case: float(block_parameters(*case)),
    ],
    "check_resnet26": [
        resnet26(100),
        resnet26,
        resnet26_of_100,
        lambda: resnet26(100).eval().double(),
        TorchvisionResNet(Bottleneck, [2, 2, 2, 2], num_classes=100),
        slightly(1 + 5e-4),
    ],
}

WRONG = {
    "check_stage_shapes": [
        (first(1), "right so far: conv1. conv2_x is next"),
        (first(4, list), "right so far: conv1, conv2_x, conv3_x, conv4_x. conv5_x is next"),
        (SHAPES | {"conv2_x": (256, 16, 16)}, "conv2_x: so many leave a bottleneck"),
        (SHAPES | {"conv3_x": (128, 16, 16)}, "conv3_x: in (128, 16, 16) the channels are right"),
        (SHAPES | {"conv1": (64, 32, 32)}, "conv1 halves it twice"),
        (SHAPES | {"conv1": (16, 16, 16)}, "conv1: (16, 16, 16) isn't its output shape"),
        (SHAPES | {"conv5_x": (512, 2, 2.5)}, "conv5_x: in (512, 2, 2.5) the channels are right"),
        (each_shape(lambda shape: (1, *shape)), "conv1: leave out the batch"),
        (each_shape(lambda shape: torch.zeros(1, *shape)), "conv1: leave out the batch"),
        (each_shape(lambda shape: (*shape[1:], shape[0])), "conv1: the channels come first"),
        (each_shape(lambda shape: shape[:2]), "conv1: expected three numbers"),
        (each_shape(lambda shape: shape[0]), "conv1: 64: expected three numbers, such as"),
        (each_shape(str), "conv1: '(64, 16, 16)': expected three numbers"),
        (each_shape(lambda shape: tuple(map(str, shape))), "conv1: '64': expected a number"),
        (list(SHAPES.values()), "expected a dictionary"),
        ({"conv1": (64, 16, 16)}, "'conv2_x' is missing: expected a shape (C, H, W) for each of"),
    ],
    "check_depth": [
        (lambda block, n: depth(block, n) - 2, "not only the blocks count"),
        (lambda block, n: depth(block, n) - 1, "one is missing"),
        (lambda block, n: 2 * sum(n) + 2, "a bottleneck has three convolutions"),
        (lambda block, n: 3 * sum(n) + 2, "26 for BasicBlock [2, 2, 2, 2]: a basic block has two"),
        (lambda block, n: sum(n), "so many blocks there are"),
        (depth_with_projections, "projections aren't on the main path"),
        (depth_from_the_table, "26 for BasicBlock [1, 1, 1, 1]"),
        (lambda block, n: 7, "expected 18"),
        (lambda block, n: depth(block, n) + 0.01, "18.01 for BasicBlock [2, 2, 2, 2]: expected 18"),
        (lambda block, n: n.depth, "raised AttributeError"),
        (lambda block, n: str(depth(block, n)), "depth returned '18': expected a number"),
        (prints_only, "returned nothing: is its `return` missing?"),
        (18, "18: expected a function"),
    ],
    "check_block_parameters": [
        (mistaken(norms=0), "γ and β are left out"),
        (lambda i, o, s: block_parameters(i, o, s, norms=2 * (i == o)), "γ and β are left out"),
        (lambda i, o, s: block_parameters(i, o, s) - 4 * o * (i != o), "γ and β are left out"),
        (mistaken(shortcut=False), "the shortcut's 1×1 convolution and its norm are left out"),
        (
            lambda i, o, s: block_parameters(i, o, s, shortcut=i != o),
            "but the stride shrinks the map",
        ),
        (mistaken_by(lambda i, o, p: p * -2 * o), "the projection's norm is left out"),
        (mistaken_by(lambda i, o, p: (1 - p) * (i + 2) * o), "so there is no projection"),
        (mistaken_by(lambda i, o, p: -(2 + p) * o), "two parameters a channel, γ and β"),
        (mistaken_by(lambda i, o, p: (4 + 2 * p) * o), "running means and variances"),
        (mistaken(bias=True), "the convolutions have no bias"),
        (mistaken_by(lambda i, o, p: (2 + p) * o), "the convolutions have no bias"),
        (lambda *case: block_parameters(*case) - 1, "1 fewer than PyTorch counts"),
        (lambda *case: block_parameters(*case) + 1, "1 more than PyTorch counts"),
        (
            lambda *case: [block_parameters(*case)],
            "(64, 64, 1) returned [73984]: expected a number",
        ),
        (prints_only, "returned nothing: is its `return` missing?"),
        (73984, "73984: expected a function"),
    ],
    "check_resnet26": [
        (networks.resnet18(num_classes=100), "no BottleNeck inside"),
        (networks.resnet50, "16 bottlenecks make a depth of 50"),
        (resnet26(10), "the last layer has 10 outputs"),
        (lambda: ResNet(BottleNeck, [1, 2, 3, 2], 100), "spread the eight blocks evenly"),
        (changed(stride_in_the_1x1), "the stride sits in the first 1×1, as in the paper"),
        (changed(no_stride), "no block has a stride"),
        (changed(without_relu), "puts out something else"),
        (slightly(1 + 5e-3), "puts out something else"),
        (changed(turned_around), "in layers of other shapes or order"),
        (prints_only, "returned nothing: is its `return` missing?"),
        (lambda: 26, "expected a network, got 26"),
        (BottleNeck, "raised TypeError"),
    ],
}
