"""Checkers for chapter 1: degradation."""

import math
from functools import partial

import torch
from torch import nn

from resnet_helpers.blocks import PlainBlock

from ._kit import call, change, checker, compare, each, expect, number, refuse, short


@checker("All four are read right: the training error first, then the test error.")
def check_readings(readings):
    """Exercise 1.1: what four pairs of (training, test) errors show, beside a 20-layer network."""
    right = {"A": "overfitting", "B": "degradation", "C": "underfitting", "D": "improvement"}
    hints = {
        "A": "A's training error is the lowest of all and its test error is above the 20-layer "
        "network's. It learned its images, and that doesn't carry over.",
        "B": "B has more layers and a higher *training* error. It isn't good at the images it "
        "learned from, so it doesn't overfit; and it can express what 20 layers express.",
        "C": "C has fewer layers, and both its errors are high and close together: the network "
        "is too small for the task.",
        "D": "D has the lower error on both kinds of images. Nothing went wrong.",
    }
    words = list(right.values())
    for name, given, expected in each(readings, right, "a word"):
        expect(given in words, f"{name}: {short(given)} isn't one of {', '.join(words)}.")
        expect(given == expected, f"{name}: {given}? {hints[name]}")


@checker("Right: one block more in each of the three stages makes six layers more.")
def check_blocks_to_insert(blocks_to_insert):
    """Exercise 1.2: blocks to insert in each stage, from a shallow depth to a deep one."""
    for shallow, deep in ((8, 44), (20, 56), (8, 14), (56, 110), (20, 20)):
        given, right = call(blocks_to_insert, shallow, deep), (deep - shallow) // 6
        traps = {
            "that many *layers* are added, in all three stages together.": deep - shallow,
            "that many are added in all. How many is it in each stage?": 3 * right,
            "that many layers a stage. A block has two.": 2 * right,
            "so many the deep network has. The shallow one brings some.": (deep - 2) // 6,
            f"expected {right}, since depth 6n + 2 has n blocks a stage.": ...,
        }
        compare(given, right, traps, f"blocks_to_insert({shallow}, {deep}) is {given}: ")


@checker("1/6: a third from the weights, and half of that from the ReLU.")
def check_variance_factor(prediction):
    """Exercise 1.3: the factor from one response's variance to the next, by PyTorch's default."""
    given = number(prediction, such_as=", such as 1 / 2")
    traps = {
        "that is fan-in times the weights' variance. But before that, the ReLU lets only half of "
        "the mean square through.": 1 / 3,
        "that is the ReLU's half. The weights' variance, 1/(3 fan-in), summed over the fan-in, is "
        "a factor too.": 1 / 2,
        "that is the factor of the standard deviation. The variance is its square.": 6**-0.5,
        "the ReLU halves the mean square, it doesn't double it. (Doubling is what He's "
        "initialisation does, to make up for it.)": 2 / 3,
        "that is what He's initialisation aims at. PyTorch's default has a sixth of its "
        "variance.": 1,
        "so much smaller is it: the factor leads from a layer to the *next* one.": 6,
        "fan-in terms, each with a weight of variance 1/(3 fan-in), and an input whose mean "
        "square is half of the variance before the ReLU: multiply.": ...,
    }
    compare(given, 1 / 6, traps, f"{given:.3g}: ", partial(math.isclose, rel_tol=0.02))


@checker("The identity, for 3, 8 and 16 channels, whatever the running statistics are.")
def check_make_identity(make_identity):
    """Exercise 1.4: make a plain block the identity in evaluation mode, in place."""
    for channels in (3, 8, 16):
        generator = torch.Generator().manual_seed(channels)
        block = PlainBlock(channels, channels).eval()
        for norm in (block.residual_function[1], block.residual_function[4]):
            norm.running_mean.uniform_(-1, 1, generator=generator)
            norm.running_var.uniform_(0.2, 2, generator=generator)
            norm.running_var[0] = norm.eps  # so small that ε can't be forgotten
        measured = {name for name in change(make_identity, block) if "running" in name}
        problems = {
            "the block was left in training mode, where batch norm uses the batch's statistics: "
            "leave the mode as it was.": any(module.training for module in block.modules()),
            f"running statistics were changed: {sorted(measured)}. They are measurements: leave "
            "them, and undo them by γ and β.": measured,
        }
        refuse(problems)
        first, first_norm, _, second, second_norm = block.residual_function
        _check_pair("first", first.weight, first_norm)
        _check_pair("second", second.weight, second_norm)
        x = torch.rand(5, channels, 7, 6, generator=generator) * 4
        with torch.no_grad():
            off = (block(x) - x).abs().max().item()
        unlike = f"a batch of 5 with {channels} channels comes out changed by up to {off:.2g}"
        expect(off <= 1e-4, f"{unlike}, though each part looks right: was a module replaced?")


def _check_pair(place, weight, norm):
    """A convolution that does nothing, and a norm that undoes its own normalising."""
    gamma_is = partial(torch.allclose, norm.weight, rtol=1e-4)
    variance, identity = norm.running_var, nn.init.dirac_(torch.empty_like(weight))
    problems = {
        f"the {place} convolution's weights are all 1: it sums nine pixels of all channels. Only "
        "the centre that leads from a channel to itself is 1.": (weight == 1).all(),
        f"the {place} convolution isn't the identity: from each channel to itself 1 at the centre "
        "of the kernel, and 0 everywhere else.": not torch.allclose(weight, identity, atol=1e-6),
        f"γ of the {place} batch norm is the variance: take its root.": gamma_is(variance),
        f"γ of the {place} batch norm doesn't undo the division: ε is missing under the "
        "root.": gamma_is(variance.sqrt()),
        f"γ of the {place} batch norm doesn't undo the division: it should be "
        "√(σ² + ε).": not gamma_is((variance + norm.eps).sqrt()),
        f"β of the {place} batch norm doesn't undo the subtraction: it should be the running mean, "
        "which was taken away.": not torch.allclose(norm.bias, norm.running_mean, atol=1e-6),
    }
    refuse(problems)
