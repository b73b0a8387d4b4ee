"""Checkers for chapter 3: 1×1 convolutions and the bottleneck."""

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch import nn

from resnet_helpers import arithmetic
from resnet_helpers.networks import count_parameters, resnet50

from ._kit import call, checker, compare, each, expect, number, refuse

FC_TRAPS = {
    "The bias is left out: one number for each class.": 2048 * 1000,
    "That is right for 10 classes. Asked is 1000.": 2048 * 10 + 10,
    "512 channels are the narrow middle. What leaves the last block is four times as wide.": 512
    * 1000
    + 1000,
}


@checker("As PyTorch counts, with stride, padding, dilation and groups.")
def check_conv_macs(conv_macs):
    """Exercise 3.1: the MACs of a convolution on one square image."""
    # Each case adds a difficulty, and in none do two mistakes lead to one number.
    # in_channels, out_channels, kernel, size, stride, padding, dilation, groups
    for case in (
        (4, 8, 5, 12, 1, 0, 1, 1),
        (4, 8, 3, 12, 1, 3, 1, 1),
        (4, 8, 3, 11, 2, 0, 1, 1),
        (4, 8, 3, 15, 1, 2, 3, 1),
        (8, 16, 3, 9, 1, 0, 1, 4),
        (12, 24, 5, 15, 3, 1, 2, 4),
    ):
        given = number(call(conv_macs, *case), f"conv_macs{case} is ")
        right = arithmetic.conv_macs(*case)
        compare(given, right, _conv_traps(right, *case), f"conv_macs{case} is {given:,.10g}: ")


def _conv_traps(right, ins, outs, kernel, size, stride, padding, dilation, groups):
    """The sentence for each plausible mistake, and the number that it leads to."""
    options = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
    count = partial(arithmetic.conv_macs, ins, outs, kernel, groups=groups, **options)
    weights = arithmetic.conv_parameters(ins, outs, kernel, groups)
    side = math.isqrt(right // weights)
    return {
        "twice too many: a multiplication and its addition are one MAC.": 2 * right,
        "a bias is counted: it is an addition without a multiplication, and left out of "
        "MACs.": right + outs * side**2,
        "these are the weights. Each is used at every output pixel.": weights,
        "the + 1 behind the division is missing.": weights * (side - 1) ** 2,
        "the output's pixels along one side: the map has two.": weights * side,
        "the kernel's side is to be squared.": right // kernel,
        "the weights are used at each pixel of the *output*, not of the input.": weights * size**2,
        "padding is added on both sides.": count(padding=0, size=size + padding),
        "groups are ignored: an output channel sees ins/groups input channels.": count(groups=1),
        "groups divide twice: each group has fewer inputs *and* fewer outputs, but there are as "
        "many groups again.": right // groups,
        "stride is ignored.": count(stride=1),
        "padding is ignored.": count(padding=0),
        "dilation is ignored.": count(dilation=1),
        f"PyTorch counts {right:,}.": ...,
    }


@checker("Each channel of the middle costs the same, so a budget buys budget // cost of them.")
def check_widest_middle(widest_middle):
    """Exercise 3.2: the widest middle whose MACs stay within a budget."""
    for case in (
        (43_352_064, 128, 64, 5, 28),
        (100_000_000, 128, 64, 5, 28),
        (2_500_000, 32, 48, 3, 16),
        (999_999, 256, 64, 3, 7),
    ):
        budget, ins, outs, kernel, size = case
        given = number(call(widest_middle, *case), f"widest_middle{case} is ")
        one = size**2 * (ins + kernel**2 * outs)
        called, right = f"widest_middle{case} is {given:,.10g}: ", budget // one
        less, more = right - 1, right + 1
        fraction = given != right and math.isclose(given, budget / one)
        refuse({"channels are counted in whole numbers. Round down.": fraction}, called)
        traps = {
            "the 1×1 must be paid from the budget as well.": budget // (size**2 * kernel**2 * outs),
            "only the 1×1 is paid for. The k×k costs more than it.": budget // (size**2 * ins),
            "MACs, not weights: each is used at every pixel.": budget // (ins + kernel**2 * outs),
            "the map has size × size pixels.": budget // (size * (ins + kernel**2 * outs)),
            "the kernel's side is to be squared.": budget // (size**2 * (ins + kernel * outs)),
            f"it takes {one * more:,} MACs, more than the budget: round down.": more,
            f"{right} channels take {one * right:,} MACs, which is still within the budget.": less,
            f"expected {right}. What does one channel of the middle cost?": ...,
        }
        compare(given, right, traps, called)


@checker("All six parts are right, and their sum is 25,557,032.")
def check_resnet50_parts(parts):
    """Exercise 3.3: ResNet-50's parameters for 1000 classes, part by part."""
    with torch.device("meta"):
        model = resnet50(1000)
    names = ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc")
    right = {name: count_parameters(getattr(model, name)) for name in names}
    asked = right
    if isinstance(parts, Mapping):
        written = [name for name in names if parts.get(name) not in (..., None)]
        if written and written == list(names[: len(written)]) and set(names) <= set(parts):
            asked = {name: right[name] for name in written}
    for name, given, expected in each(parts, asked, "a number"):
        given = number(given, f"{name}: ")
        traps = FC_TRAPS if name == "fc" else _part_traps(getattr(model, name))
        more = "more" if given > expected else "fewer"
        traps |= {f"That is {abs(given - expected):,.10g} {more} than it has.": ...}
        compare(given, expected, traps, f"{name}: {given:,.10g}. ")
    left = [name for name in names if name not in asked]
    expect(not left, f"{', '.join(asked)}: right so far. Next: {left[0] if left else ''}.")


def _part_traps(part):
    """The sentence for each plausible mistake in conv1 or a stage, and the numbers it leads to."""
    right = count_parameters(part)
    gammas = sum(norm.num_features for norm in part.modules() if isinstance(norm, nn.BatchNorm2d))
    biases = sum(conv.out_channels for conv in part.modules() if isinstance(conv, nn.Conv2d))
    traps = {
        "The norms are left out: γ and β, two numbers a channel.": right - 2 * gammas,
        "Each norm has two numbers a channel, γ and β.": right - gammas,
        "The running means and variances are counted. They are measured, not learned: no "
        "parameters.": right + 2 * gammas,
        "Biases are counted, and no convolution here has one.": right + biases,
    }
    if not hasattr(part[0], "shortcut"):
        return traps
    projection = count_parameters(part[0].shortcut)
    ins, wide = part[0].shortcut[0].in_channels, part[0].shortcut[0].out_channels
    more, middle = len(part) - 1, wide // 4
    return traps | {
        "The projection in the first block's shortcut is left out.": right - projection,
        "The projection's norm is left out.": right - 2 * wide,
        "The norms and the projection are left out.": right - projection - 2 * (gammas - wide),
        "Only the first block has a projection.": {
            right + more * weights for weights in (projection, (ins + 2) * wide, (wide + 2) * wide)
        },
        "All blocks are counted like the second. The first has fewer channels to read, and a "
        "projection.": len(part) * count_parameters(part[1]),
        f"All blocks are counted as reading {ins} channels. From the second on they read "
        f"{wide}.": right - more * (wide - ins) * middle,
        f"The first block reads {ins} channels, what the part before puts out, not {wide}.": {
            right + (wide - ins) * middle,
            right + (wide - ins) * (middle + wide),
        },
    }


@checker("Counted exactly, it is 7.89. Now measure: how much of it does the clock see?")
def check_separable(factor):
    """Exercise 3.4: by which factor a separable 3×3 has fewer MACs, at 64 channels."""
    given, right = number(factor), 9 * 64 / (9 + 64)
    traps = {
        "that is the share that is left. Turn it round.": {1 / right, 100 / right},
        "that is the share that is saved. Asked is the factor.": {1 - 1 / right, 100 - 100 / right},
        "that is the limit for very many channels: it forgets the depthwise part.": 9,
        "that is the depthwise part alone. Nothing mixes the channels yet.": 64,
        "dense against a single channel's 1×1? The separable one has 9·64 MACs a pixel for "
        "looking around and 64·64 for mixing.": 9 * 64,
        "the depthwise part has 9·64 MACs a pixel, not 64.": 9 * 64 / (1 + 64),
        "per pixel, the dense one takes 9·64·64 MACs. How many do the two take?": ...,
    }
    if not 7.5 <= given <= 8.3:  # predicted, with two digits: "about 8"
        compare(given, right, traps, f"{given:.3g}: ", partial(math.isclose, rel_tol=0.01))
