"""Checkers for chapter 4: the whole network."""

from torch import nn

from resnet_helpers.blocks import BasicBlock
from resnet_helpers.networks import TABLE_1, count_parameters

from ._kit import call, checker, compare, each, expect, refuse, short


@checker("All five shapes are right: only the first block of a stage changes the size.")
def check_stage_shapes(shapes):
    """Exercise 4.1: the output shape (C, H, W) of each stage of ResNet-50 at 96×96."""
    right = {
        "conv1": (64, 24, 24), "conv2_x": (256, 24, 24), "conv3_x": (512, 12, 12),
        "conv4_x": (1024, 6, 6), "conv5_x": (2048, 3, 3),
    }  # fmt: skip
    for stage, given, expected in each(shapes, right, "a shape (C, H, W)"):
        given = tuple(given)
        problems = {
            f"{given[0]} channels is the narrow middle of a bottleneck. What leaves the block is "
            "four times as wide.": stage != "conv1" and given[0] * 4 == expected[0],
            f"the channels are right, the size {given[1:]} isn't. conv1 halves it twice (stride "
            "2, then pooling), conv2_x never, each later stage once.": given[0] == expected[0],
            f"{given} isn't its output shape. Start from table 1.": True,
        }
        if given != expected:
            refuse(problems, f"{stage}: ")


@checker("18, 34, 50, 101, 152: the number in a network's name is the depth of its main path.")
def check_depth(depth):
    """Exercise 4.2: the depth of a network from its block and its numbers of blocks."""
    for right, (block, num_block) in TABLE_1.items():
        given = call(depth, block, num_block)
        traps = {
            "the blocks are counted, but not the first convolution and the last linear "
            "layer.": right - 2,
            "a bottleneck has three convolutions.": 2 * sum(num_block) + 2,
            f"expected {right}.": ...,
        }
        compare(given, right, traps, f"{given} for {block.__name__} {num_block}: ")


@checker("Exact, with and without a projection.")
def check_block_parameters(basic_block_parameters):
    """Exercise 4.3: the number of parameters of a basic block, by a formula."""
    for case in ((64, 64, 1), (64, 128, 2), (128, 128, 1), (8, 24, 1)):
        given = call(basic_block_parameters, *case)
        block = BasicBlock(*case)
        missing = count_parameters(block) - given
        shortcut, channels = count_parameters(block.shortcut), case[1]
        norms = (4 * channels, (6 if shortcut else 4) * channels)  # without the shortcut's, and all
        more = "fewer" if missing > 0 else "more"
        problems = {
            "the shortcut's 1×1 convolution and its norm are left out.": missing == shortcut,
            "the batch norms' γ and β are left out, one pair a channel.": missing in norms,
            "the convolutions have no bias here, since a norm follows.": missing == -2 * channels,
            f"{abs(missing)} {more} than PyTorch counts.": True,
        }
        if missing:
            refuse(problems, f"basic_block_parameters{case} is {given}: ")


@checker("ResNet-26 with 14,151,076 parameters, as many as torchvision's.")
def check_resnet26(model):
    """Exercise 4.4: ResNet-26 for 100 classes, made of bottlenecks."""
    expect(isinstance(model, nn.Module), f"expected a network, got {short(model)}.")
    # By name: a bottleneck that the reader wrote is as good as the package's.
    blocks = sum(type(module).__name__ == "BottleNeck" for module in model.modules())
    outputs = getattr(getattr(model, "fc", None), "out_features", "no")
    given, right = count_parameters(model), 14_151_076
    problems = {
        "no BottleNeck inside: two basic blocks a stage make ResNet-18.": blocks == 0,
        f"{blocks} bottlenecks make a depth of {3 * blocks + 2}: 26 = 3·8 + 2.": blocks != 8,
        f"the last layer has {outputs} outputs: expected 100 classes.": outputs != 100,
        f"{given:,} parameters, where torchvision's has {right:,}: spread the eight blocks "
        "evenly, two a stage.": given != right,
    }
    refuse(problems)
