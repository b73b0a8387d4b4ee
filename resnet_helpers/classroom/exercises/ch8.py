"""Checkers for chapter 8: why it works, and where the + lives."""

import copy
import math
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from resnet_helpers.networks import cifar_resnet

from ._kit import call, checker, compare, expect, number, refuse, short


def _share(blocks, least, most):
    return sum(math.comb(blocks, k) for k in range(least, most + 1)) / 2**blocks


@checker("96 %: nearly every path crosses about half of the blocks.")
def check_path_share(share):
    """Exercise 8.1: the share of the paths through 54 blocks that cross 20 to 34 of them."""
    given, right = number(share), _share(54, 20, 34)
    traps = {
        "that is the number of these paths. Divide it by the number of all.": right * 2**54,
        "that is in per cent: give the share, a number from 0 to 1.": 100 * right,
        "34 is missing: Python's range(20, 34) ends at 33.": _share(54, 20, 33),
        "35 is one too many.": _share(54, 20, 35),
        "each *number* of blocks counts by how many paths have it: 15 of the 55 numbers aren't "
        "15/55 of the paths.": {15 / 55, 15 / 54, 14 / 54},
        "that is how many paths *don't* cross so many.": 1 - right,
        "add math.comb(54, k) for k from 20 to 34, and divide by the number of all paths.": ...,
    }
    compare(given, right, traps, f"{given:.4g}: ", partial(math.isclose, rel_tol=0.003))


@checker("F goes, the shortcut stays, and the network that you were given is as it was.")
def check_without_block(without_block):
    """Exercise 8.2: a copy of a residual network in which one block is ReLU(shortcut(x))."""
    torch.manual_seed(0)
    net = cifar_resnet(14, width=4).eval()
    images = torch.randn(2, 3, 8, 8)
    untouched = copy.deepcopy(net)
    for stage, i in (("conv2_x", 1), ("conv3_x", 0), ("conv4_x", 1)):
        given = call(without_block, net, stage, i)
        expect(isinstance(given, nn.Module), f"{short(given)}: expected a network.")
        same = str(net) == str(untouched) and torch.equal(net(images), untouched(images))
        expect(same, "the network that it was given has changed: work on a copy.deepcopy.")
        here = f"without block {i} of {stage}: "
        try:
            logits = given.eval()(images)
        except RuntimeError:
            sentence = "the shapes no longer fit: this block changes them. Keep its shortcut."
            expect(False, here + sentence)
        problems = {
            "nothing was removed.": torch.allclose(logits, net(images)),
            "it isn't ReLU(shortcut(x)) in this place.": not torch.allclose(
                logits, _cut(net, stage, i)(images), atol=1e-5
            ),
        }
        refuse(problems, here)


def _cut(net, stage, i):
    lesioned = copy.deepcopy(net)
    blocks = getattr(lesioned, stage)
    blocks[i] = nn.Sequential(blocks[i].shortcut, nn.ReLU())
    return lesioned


@checker("x + f(norm(x)), twice: the trunk is a plain sum.")
def check_pre_norm(pre_norm):
    """Exercise 8.3: the forward pass of a pre-norm transformer block."""
    generator = torch.Generator().manual_seed(0)
    x, *weights = (torch.randn(6, 6, generator=generator, dtype=torch.float64) for _ in range(3))

    def norm1(x):
        return F.layer_norm(x, (6,))

    def norm2(x):
        return 0.5 * norm1(x) + 1

    def attention(x):
        return x.softmax(0) @ weights[0]

    def mlp(x):
        return x.relu() @ weights[1]

    given = call(pre_norm, x.clone(), norm1, attention, norm2, mlp)
    alike = isinstance(given, torch.Tensor) and given.shape == x.shape
    expect(alike, f"{short(given)}: expected a tensor of the input's shape.")
    half = x + attention(norm1(x))
    bare = attention(norm1(x))
    traps = {
        "both + are missing.": mlp(norm2(bare)),
        "the second + is missing.": mlp(norm2(half)),
        "the first + is missing.": bare + mlp(norm2(bare)),
        "that is the first half. The MLP is missing.": half,
        "the second half reads the block's input. It must read what the first half gave.": half
        + mlp(norm2(x)),
        "the second + adds the block's input once more, in place of what the first half gave.": x
        + mlp(norm2(half)),
        "the norms stand after the sums, as in 2017. Here they stand in the branches.": norm2(
            norm1(x + attention(x)) + mlp(norm1(x + attention(x)))
        ),
        "the two norms have changed places.": x
        + attention(norm2(x))
        + mlp(norm1(x + attention(norm2(x)))),
        "the norms are missing.": x + attention(x) + mlp(x + attention(x)),
        "it isn't x + attention(norm1(x)), and then the same with mlp and norm2.": ...,
    }
    compare(given.double(), half + mlp(norm2(half)), traps, same=partial(torch.allclose, atol=1e-6))


@checker("A coin in training, the mean in evaluation. Now train with it, and take blocks out.")
def check_stochastic_depth(stochastic_depth):
    """Exercise 8.4: x + F(x) with probability keep in training; x + keep · F(x) in evaluation."""
    x, added = torch.ones(3), torch.tensor([1.0, 2.0, 4.0])
    calls = []

    def f(x):
        calls.append(x)
        return added

    def same(given, right):
        alike = isinstance(given, torch.Tensor) and given.shape == right.shape
        return alike and torch.allclose(given, right, atol=1e-5)

    evaluated = call(stochastic_depth, x.clone(), f, 0.75, False)
    traps = {
        "in evaluation it adds all of F(x). In training F came only with probability keep, so "
        "multiply by keep.": x + added,
        "in evaluation F must stay: multiplied by keep, its mean in training.": x,
        "x itself isn't multiplied by keep: it always passes.": 0.75 * (x + added),
        "in evaluation it isn't x + keep · F(x).": ...,
    }
    compare(evaluated, x + 0.75 * added, traps, same=same)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        calls.clear()
        drawn = [call(stochastic_depth, x.clone(), f, 0.75, True) for _ in range(400)]
    kept = sum(same(each, x + added) for each in drawn)
    left_out = sum(same(each, x) for each in drawn)
    problems = {
        "in training it gives x + keep · F(x): there the coin decides, all or nothing.": same(
            drawn[0], x + 0.75 * added
        )
        and kept + left_out == 0,
        "in training F is divided by keep as well. With keep in evaluation, that counts "
        "twice.": any(same(each, x + added / 0.75) for each in drawn),
        "one coin for the whole batch: here each number has its own.": kept + left_out < 400
        and all(same((each - x) * (each - x - added), 0 * x) for each in drawn),
        "in training it must give x + F(x) or x, and nothing else.": kept + left_out < 400,
        "in training it never leaves F out.": kept == 400,
        "in training it never keeps F.": kept == 0,
        f"it keeps F with probability 1 − keep: {kept} times of 400 with keep = 0.75.": kept < 140,
        f"with keep = 0.75 it kept F {kept} times of 400.": not 260 <= kept <= 340,
        "F is computed even where it is left out: that is the time that one saves.": len(calls)
        > kept,
    }
    refuse(problems)
