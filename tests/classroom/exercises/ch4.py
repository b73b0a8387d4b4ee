"""Answers to chapter 4's exercises."""

from resnet_helpers.blocks import BasicBlock

SHAPES = {
    "conv1": (64, 24, 24),
    "conv2_x": (256, 24, 24),
    "conv3_x": (512, 12, 12),
    "conv4_x": (1024, 6, 6),
    "conv5_x": (2048, 3, 3),
}


def depth(block, num_block):
    return (2 if block is BasicBlock else 3) * sum(num_block) + 2


def block_parameters(i, o, stride, norms=3, shortcut=True, bias=False):
    projects = shortcut and (stride != 1 or i != o)
    weights = 9 * i * o + 9 * o * o + (i * o if projects else 0)
    return weights + 2 * o * min(norms, 2 + projects) + (2 * o if bias else 0)


def mistaken(**mistakes):
    return lambda *case: block_parameters(*case, **mistakes)


RIGHT = {
    "check_stage_shapes": [SHAPES, {name: list(shape) for name, shape in SHAPES.items()}],
    "check_depth": [depth],
    "check_block_parameters": [block_parameters],
}

WRONG = {
    "check_stage_shapes": [
        (SHAPES | {"conv2_x": (64, 24, 24)}, "narrow middle of a bottleneck"),
        (SHAPES | {"conv3_x": (512, 24, 24)}, "conv3_x: the channels are right"),
        (SHAPES | {"conv1": (16, 24, 24)}, "conv1: (16, 24, 24) isn't its output shape"),
        ({"conv1": (64, 24, 24)}, "'conv2_x' is missing: expected a shape (C, H, W) for each of"),
    ],
    "check_depth": [
        (lambda block, n: depth(block, n) - 2, "not the first convolution and the last"),
        (lambda block, n: 2 * sum(n) + 2, "a bottleneck has three convolutions"),
        (lambda block, n: 7, "expected 18"),
        (lambda block, n: n.depth, "raised AttributeError"),
    ],
    "check_block_parameters": [
        (mistaken(norms=0), "γ and β are left out"),
        (lambda i, o, s: block_parameters(i, o, s, norms=2 * (i == o)), "γ and β are left out"),
        (lambda i, o, s: block_parameters(i, o, s) - 4 * o * (i != o), "γ and β are left out"),
        (mistaken(shortcut=False), "the shortcut's 1×1 convolution and its norm are left out"),
        (mistaken(bias=True), "the convolutions have no bias"),
        (lambda *case: block_parameters(*case) - 1, "1 fewer than PyTorch counts"),
        (lambda *case: block_parameters(*case) + 1, "1 more than PyTorch counts"),
    ],
}
