"""Checkers for chapter 4: the whole network."""

import copy
import inspect

import torch
from torch import nn

from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.networks import TABLE_1, ResNet, count_parameters

from ._kit import Missing, call, checker, compare, each, expect, number, refuse, short


@checker("All five shapes are right: only the first block of a stage changes the size.")
def check_stage_shapes(shapes):
    """Exercise 4.1: the output shape (C, H, W) of each stage of ResNet-34 at 64×64."""
    right = {
        "conv1": (64, 16, 16), "conv2_x": (64, 16, 16), "conv3_x": (128, 8, 8),
        "conv4_x": (256, 4, 4), "conv5_x": (512, 2, 2),
    }  # fmt: skip
    done = []
    try:
        for stage, given, (channels, *sides) in each(shapes, right, "a shape (C, H, W)"):
            given = given.shape if getattr(given, "ndim", 1) > 1 else given  # the map itself
            listed = hasattr(given, "__len__") and not isinstance(given, str)
            such = "expected three numbers, such as (64, 56, 56)."
            expect(listed, f"{stage}: {short(given)}: {such}")
            given = tuple(number(size, f"{stage}: ") for size in given)
            shown = f"({', '.join(f'{size:g}' for size in given)})"
            problems = {
                "leave out the batch: a shape here is (C, H, W).": len(given) == 4,
                such: len(given) != 3,
                "the channels come first.": given == (*sides, channels),
                f"in {shown} the channels are right, the size isn't. conv1 halves it twice (stride "
                "2, pooling), conv2_x never, each later stage once.": given[:1] == (channels,),
                "so many leave a bottleneck. ResNet-34 has basic blocks.": given[0] == 4 * channels,
                f"{shown} isn't its output shape. Start from table 1.": True,
            }
            if given != (channels, *sides):
                refuse(problems, f"{stage}: ")
            done.append(stage)
    except Missing:
        expect(not done, f"right so far: {', '.join(done)}. {[*right][len(done)]} is next.")
        raise


@checker("18, 34, 50, 101, 152: the number in a network's name is the depth of its main path.")
def check_depth(depth):
    """Exercise 4.2: the depth of a network from its block and its numbers of blocks."""
    others = [(BasicBlock, [1, 1, 1, 1]), (BottleNeck, [5, 1, 2, 7])]
    for block, num_block in [*TABLE_1.values(), *others]:
        given = number(call(depth, block, list(num_block)), "depth returned ")
        blocks, layers = sum(num_block), 3 if block is BottleNeck else 2
        of_block = "bottleneck has three" if block is BottleNeck else "basic block has two"
        right = layers * blocks + 2
        traps = {
            "not only the blocks count: also the first convolution and the linear layer.": right
            - 2,
            "one is missing: the first convolution and the linear layer both count.": right - 1,
            "so many blocks there are. Each has several layers.": {blocks, blocks + 2},
            f"a {of_block} convolutions.": (5 - layers) * blocks + 2,
            "projections aren't on the main path: they don't count.": {right + 3, right + 4},
            f"expected {right}.": ...,
        }
        compare(given, right, traps, f"{given:g} for {block.__name__} {num_block}: ")


@checker("Exact, with and without a projection.")
def check_block_parameters(basic_block_parameters):
    """Exercise 4.3: the number of parameters of a basic block, by a formula."""
    for case in ((64, 64, 1), (64, 128, 2), (128, 128, 1), (8, 24, 1), (64, 64, 2)):
        called = f"basic_block_parameters{case} "
        given = number(call(basic_block_parameters, *case), called + "returned ")
        block, (in_channels, channels, _) = BasicBlock(*case), case
        shortcut, missing = count_parameters(block.shortcut), count_parameters(block) - given
        alone = missing == shortcut and in_channels == channels
        projected = not shortcut and missing == -(in_channels + 2) * channels
        # One number a channel for each norm; the shortcut's may have been left out.
        norms = {2 * channels, 3 * channels} if shortcut else {2 * channels}
        both = {2 * size for size in norms}
        more = "fewer" if missing > 0 else "more"
        problems = {
            "the channels stay, but the stride shrinks the map: it needs a projection.": alone,
            "the shortcut's 1×1 convolution and its norm are left out.": missing == shortcut,
            "the projection's norm is left out.": shortcut and missing == 2 * channels,
            "the shape stays, so there is no projection.": projected,
            "the batch norms' γ and β are left out, one pair a channel.": missing in both,
            "a batch norm has two parameters a channel, γ and β.": missing in norms,
            "running means and variances aren't learned: no parameters.": -missing in both,
            "the convolutions have no bias here, since a norm follows.": -missing in norms,
            f"{abs(missing):g} {more} than PyTorch counts.": True,
        }
        if missing:
            refuse(problems, f"{called}is {given:g}: ")


@checker("ResNet-26 with 14,151,076 parameters, as many as torchvision's, and the same output.")
def check_resnet26(model):
    """Exercise 4.4: ResNet-26 for 100 classes, made of bottlenecks; compared by copied weights."""
    if callable(model) and not isinstance(model, nn.Module):  # as resnet18, … are: a function
        model = call(model, *[100] * bool(inspect.signature(model).parameters))
    expect(isinstance(model, nn.Module), f"expected a network, got {short(model)}.")
    # By name: a bottleneck that the reader wrote, or torchvision's, is as good as the package's.
    blocks = sum(type(module).__name__.lower() == "bottleneck" for module in model.modules())
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
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):  # wherever the network lies
        _compare_outputs(copy.deepcopy(model).to_empty(device="cpu").float().eval())


@torch.no_grad()
def _compare_outputs(model):
    reference = ResNet(BottleNeck, [2, 2, 2, 2], 100).eval()
    names, weights = model.state_dict(), reference.state_dict().values()
    same = [tensor.shape for tensor in names.values()] == [tensor.shape for tensor in weights]
    expect(same, "as many parameters as torchvision's, but in layers of other shapes or order.")
    for tensor in weights:
        if tensor.ndim == 1:  # a norm's numbers: none may stand for another
            tensor += 0.3 * torch.rand_like(tensor)
    model.load_state_dict(dict(zip(names, weights, strict=True)))
    x = torch.randn(2, 3, 32, 32)
    given = call(model, x)
    found = {  # where a stage's first block strides: its 1×1, its 3×3, its projection
        "": (1, 2, 2),
        "the stride sits in the first 1×1, as in the paper. Here the 3×3 has it.": (2, 1, 2),
        "no block has a stride: the first of a later stage halves the map.": (1, 1, 1),
    }
    layers = ("residual_function.0", "residual_function.3", "shortcut.0")
    for sentence, strides in found.items():
        for stage in ("conv3_x", "conv4_x", "conv5_x"):
            for place, stride in zip(layers, strides, strict=True):
                layer = reference.get_submodule(f"{stage}.0.{place}")
                assert isinstance(layer, nn.Conv2d)
                layer.stride = (stride, stride)
        if torch.allclose(given, reference(x), rtol=1e-3, atol=1e-5):
            expect(not sentence, sentence)
            return
    expect(False, "the parameters are right, but with the same weights it puts out something else.")
