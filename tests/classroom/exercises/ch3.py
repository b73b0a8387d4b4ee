"""Answers to chapter 3's exercises."""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

NAMES = ("ins", "outs", "kernel", "size", "stride", "padding", "dilation", "groups")


def output_side(ins, outs, kernel, size, stride, padding, dilation, groups):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def conv_macs(*case):
    ins, outs, kernel, *_, groups = case
    return outs * (ins // groups) * kernel**2 * output_side(*case) ** 2


def without(**defaults):
    """conv_macs as written by somebody who forgot an argument."""
    return lambda *case: conv_macs(*(dict(zip(NAMES, case, strict=True)) | defaults).values())


def at_side(side):
    """conv_macs with another number of output pixels along one side."""
    return lambda *a: conv_macs(*a) // output_side(*a) ** 2 * side(*a) ** 2


def rounded_up(ins, outs, kernel, size, stride, padding, dilation, groups):
    return -(-(size + 2 * padding - dilation * (kernel - 1) - 1) // stride) + 1


def widest_middle(budget, ins, outs, kernel, size):
    return budget // (size**2 * (ins + kernel**2 * outs))


def measured_macs(ins, outs, kernel, size, stride, padding, dilation, groups):
    """By PyTorch's own counter, which counts a MAC as two."""
    layer = nn.Conv2d(ins, outs, kernel, stride, padding, dilation, groups, bias=False)
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, ins, size, size))
    return counter.get_total_flops() / 2


def searched_middle(budget, ins, outs, kernel, size):
    middle = 0
    while size**2 * (middle + 1) * (ins + kernel**2 * outs) <= budget:
        middle += 1
    return middle


def forgotten(ins, outs, kernel, size, *_):
    """The work of somebody who forgot the return."""
    ins * outs * kernel**2 * size**2


def parts(norm=2, bias=0, projection=1, projection_norm=1, all_project=False, first_is_wide=False):
    """ResNet-50's parameters by part, with the mistakes that are asked for."""
    counted = {"conv1": 9408 + norm * 64 + bias * 64}
    ins = 64
    for i, count in enumerate([3, 4, 6, 3]):
        middle, wide, stage = 64 * 2**i, 256 * 2**i, 0
        for j in range(count):
            reads = wide if j or first_is_wide else ins
            stage += reads * middle + 9 * middle**2 + middle * wide + norm * (2 * middle + wide)
            stage += bias * (2 * middle + wide)
            if j == 0 or all_project:
                stage += projection * (ins * wide + projection_norm * norm * wide + bias * wide)
        counted[f"conv{i + 2}_x"] = stage
        ins = wide
    return counted | {"fc": 2_049_000}


PARTS = parts()
FACTOR = 9 * 64 / 73

RIGHT = {
    "check_conv_macs": [
        conv_macs,
        measured_macs,
        lambda *case: np.int64(conv_macs(*case)),
        lambda *case: torch.tensor(conv_macs(*case)),
    ],
    "check_widest_middle": [
        widest_middle,
        searched_middle,
        lambda b, i, o, k, s: np.floor(b / (s * s * (i + k * k * o))),
        lambda b, i, o, k, s: math.floor(b / (s * s * (i + k * k * o))),
        lambda *case: np.int64(widest_middle(*case)),
        lambda *case: torch.tensor(widest_middle(*case)),
    ],
    "check_resnet50_parts": [
        PARTS,
        {name: float(count) for name, count in PARTS.items()},
        {name: np.int64(count) for name, count in PARTS.items()},
        dict(reversed(PARTS.items())) | {"total": sum(PARTS.values())},
    ],
    "check_separable": [
        FACTOR,
        Fraction(576, 73),
        8,
        np.float32(7.9),
        torch.tensor(7.89),
        7.5,
        8.3,
    ],
}

WRONG = {
    "check_conv_macs": [
        (lambda *a: 2 * conv_macs(*a), "a multiplication and its addition are one"),
        (lambda *a: conv_macs(*a) + a[1] * output_side(*a) ** 2, "bias is counted"),
        (at_side(lambda *a: 1), "these are the weights"),
        (lambda *a: conv_macs(*a) // output_side(*a), "the map has two"),
        (lambda *a: conv_macs(*a) // a[2], "kernel's side is to be squared"),
        (at_side(lambda *a: a[3]), "of the *output*, not of the input"),
        (at_side(lambda *a: output_side(*a) - 1), "the + 1 behind the division"),
        (lambda *a: conv_macs(*a[:5], a[5] / 2, *a[6:]), "added on both sides"),
        (without(stride=1), "stride is ignored"),
        (without(padding=0), "conv_macs(4, 8, 3, 12, 1, 3, 1, 1) is 28,800: padding is ignored"),
        (without(dilation=1), "dilation is ignored"),
        (without(groups=1), "groups are ignored"),
        (lambda *a: conv_macs(*a) // a[7], "groups divide twice"),
        (
            at_side(lambda i, o, k, s, st, p, d, g: (s + 2 * p - d * (k - 1)) // st),
            "the + 1 behind",
        ),
        (at_side(rounded_up), "1, 2, 4) is 28,800: PyTorch counts 16,200"),
        (lambda *a: a[8], "raised IndexError"),
        (forgotten, "forgotten returned nothing: is its `return` missing?"),
        (conv_macs(4, 8, 5, 12, 1, 0, 1, 1), "51200: expected a function"),
        (lambda *a: f"{conv_macs(*a):,}", "'51,200': expected a number"),
    ],
    "check_widest_middle": [
        (lambda b, i, o, k, s: b // (s * s * k * k * o), "1×1 must be paid"),
        (lambda b, i, o, k, s: b // (s * s * i), "only the 1×1 is paid for"),
        (lambda b, i, o, k, s: b // (i + k * k * o), "MACs, not weights"),
        (lambda b, i, o, k, s: b // (s * (i + k * k * o)), "size × size"),
        (lambda b, i, o, k, s: b // (s * s * (i + k * o)), "to be squared"),
        (lambda *a: widest_middle(*a) + 1, "round down"),
        (lambda *a: widest_middle(a[0] - 1, *a[1:]), "still within the budget"),
        (lambda b, i, o, k, s: b / (s * s * (i + k * k * o)), "in whole numbers. Round down"),
        (lambda *a: str(widest_middle(*a)), "'32': expected a number"),
        (lambda *a: print(end=str(widest_middle(*a))[:0]), "returned nothing"),
        (lambda *a: widest_middle(*a) * (1 + 8e-10), "in whole numbers. Round down"),
        (lambda *a: widest_middle(*a) * (1 + 2e-9), "What does one channel"),
        (lambda *a: 1000, "What does one channel"),
    ],
    "check_resnet50_parts": [
        ({"conv1": 9536}, "'conv2_x' is missing"),
        (dict.fromkeys(PARTS, ...) | {"conv1": 9536}, "conv1: right so far. Next: conv2_x"),
        (PARTS | {"fc": None}, "conv5_x: right so far. Next: fc"),
        (dict.fromkeys(PARTS, ...) | {"conv1": 9408}, "conv1: 9,408. The norms are left out"),
        (PARTS | {"conv3_x": "1,219,584"}, "conv3_x: '1,219,584': expected a number"),
        (sum(PARTS.values()), "expected a dictionary"),
        (parts(norm=0), "conv1: 9,408. The norms are left out"),
        (parts(norm=1), "γ and β"),
        (parts(norm=4), "no parameters"),
        (parts(bias=1), "Biases are counted"),
        (parts(projection=0), "The projection in the first block's shortcut"),
        (parts(projection_norm=0), "projection's norm is left out"),
        (parts(all_project=True), "Only the first block has a"),
        (PARTS | {"conv2_x": PARTS["conv2_x"] + 2 * 66 * 256}, "Only the first block has a"),
        (PARTS | {"conv3_x": PARTS["conv3_x"] + 3 * 514 * 512}, "Only the first block has a"),
        (parts(first_is_wide=True), "The first block reads 64"),
        (PARTS | {"conv3_x": PARTS["conv3_x"] + 256 * 640}, "The first block reads 256"),
        (PARTS | {"conv3_x": 4 * 280_064}, "All blocks are counted like the second"),
        (PARTS | {"conv3_x": PARTS["conv3_x"] - 3 * 256 * 128}, "From the second on they read 512"),
        (parts(norm=0, projection=0) | {"conv1": 9536}, "The norms and the projection are left"),
        (PARTS | {"fc": 2_048_000}, "fc: 2,048,000. The bias is left out"),
        (PARTS | {"fc": 20_490}, "right for 10 classes"),
        (PARTS | {"fc": 513_000}, "narrow middle"),
        (PARTS | {"conv4_x": PARTS["conv4_x"] + 1}, "That is 1 more"),
        (PARTS | {"conv4_x": PARTS["conv4_x"] - 1}, "That is 1 fewer"),
    ],
    "check_separable": [
        (1 / FACTOR, "the share that is left"),
        (9, "limit for very many channels"),
        (9 * 1.009, "limit for very many channels"),
        (9 * 1.012, "How many do the two take"),
        (64, "depthwise part alone"),
        (576, "for looking around and 64·64 for mixing"),
        (576 / 65, "9·64 MACs a pixel, not 64"),
        (0.8733, "the share that is saved"),
        (12.67, "the share that is left"),
        (7.49, "How many do the two take"),
        (8.31, "How many do the two take"),
        ("eight", "'eight': expected a number"),
    ],
}
