"""Answers to chapter 8's exercises."""

import copy
import math
from fractions import Fraction

import numpy as np
import torch
from torch import nn

SHARE = sum(math.comb(54, k) for k in range(20, 35)) / 2**54


def without_block(net, stage, i):
    net = copy.deepcopy(net)
    blocks = getattr(net, stage)
    blocks[i] = nn.Sequential(blocks[i].shortcut, nn.ReLU())
    return net


def by_zero_gamma(net, stage, i):
    net = copy.deepcopy(net)
    norm = getattr(net, stage)[i].residual_function[-1]
    nn.init.zeros_(norm.weight)
    nn.init.zeros_(norm.bias)
    return net


def in_place(net, stage, i):
    blocks = getattr(net, stage)
    blocks[i] = nn.Sequential(blocks[i].shortcut, nn.ReLU())
    return net


def skipped_whole(net, stage, i):
    net = copy.deepcopy(net)
    getattr(net, stage)[i] = nn.Identity()
    return net


def last_one(net, stage, i):
    return without_block(net, stage, 0)


def without_return(net, stage, i):
    without_block(net, stage, i)


def pre_norm(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    return x + mlp(norm2(x))


def in_one_line(x, norm1, attention, norm2, mlp):
    return (y := x + attention(norm1(x))) + mlp(norm2(y))


def added_in_place(x, norm1, attention, norm2, mlp):
    x += attention(norm1(x))
    x += mlp(norm2(x))
    return x


def post_norm(x, norm1, attention, norm2, mlp):
    x = norm1(x + attention(x))
    return norm2(x + mlp(x))


def stochastic_depth(x, f, keep, training):
    if not training:
        return x + keep * f(x)
    return x + f(x) if torch.rand(()) < keep else x


def by_bernoulli(x, f, keep, training):
    share = torch.bernoulli(torch.tensor(keep)).item() if training else keep
    return x + share * f(x) if share else x


def inverted(x, f, keep, training):
    if not training:
        return x + keep * f(x)
    return x + f(x) / keep if torch.rand(()) < keep else x


def a_coin_each(x, f, keep, training):
    return x + ((torch.rand(x.shape) < keep) if training else keep) * f(x)


def wasteful(x, f, keep, training):
    added = f(x)
    if not training:
        return x + keep * added
    return x + added if torch.rand(()) < keep else x


def in_evaluation(answer):
    """Right in training, and in evaluation what ``answer`` says."""
    return lambda x, f, keep, training: (
        stochastic_depth(x, f, keep, True) if training else answer(x, f, keep)
    )


def in_training(answer):
    return lambda x, f, keep, training: answer(x, f, keep) if training else x + keep * f(x)


RIGHT = {
    "check_path_share": [
        SHARE, 0.96, round(SHARE, 3), np.float32(SHARE), torch.tensor(SHARE),
        Fraction(sum(math.comb(54, k) for k in range(20, 35)), 2**54),
    ],
    "check_without_block": [without_block, by_zero_gamma],
    "check_pre_norm": [pre_norm, in_one_line, added_in_place],
    "check_stochastic_depth": [stochastic_depth, by_bernoulli],
}  # fmt: skip

WRONG = {
    "check_path_share": [
        (SHARE * 2**54, "the number of these paths"),
        (100 * SHARE, "in per cent"),
        (sum(math.comb(54, k) for k in range(20, 34)) / 2**54, "34 is missing"),
        (sum(math.comb(54, k) for k in range(20, 36)) / 2**54, "one too many"),
        (15 / 55, "each *number* of blocks"),
        (1 - SHARE, "*don't*"),
        (SHARE - 0.004, "add math.comb"),
        (0.5, "add math.comb"),
        ("all", "expected a number"),
    ],
    "check_without_block": [
        (in_place, "work on a copy.deepcopy"),
        (skipped_whole, "the shapes no longer fit"),
        (last_one, "without block 1 of conv2_x: it isn't ReLU(shortcut(x))"),
        (lambda net, stage, i: copy.deepcopy(net), "nothing was removed"),
        (lambda net, stage, i: getattr(net, stage), "shapes no longer fit"),
        (lambda net, stage, i: 3, "expected a network"),
        (without_return, "is its `return` missing?"),
    ],
    "check_pre_norm": [
        (lambda x, n1, a, n2, m: m(n2(a(n1(x)))), "both + are missing"),
        (lambda x, n1, a, n2, m: m(n2(x + a(n1(x)))), "the second + is missing"),
        (lambda x, n1, a, n2, m: a(n1(x)) + m(n2(a(n1(x)))), "the first + is missing"),
        (lambda x, n1, a, n2, m: x + a(n1(x)), "The MLP is missing"),
        (lambda x, n1, a, n2, m: x + a(n1(x)) + m(n2(x)), "reads the block's input"),
        (lambda x, n1, a, n2, m: x + m(n2(x + a(n1(x)))), "the block's input once more"),
        (post_norm, "the norms stand after the sums"),
        (lambda x, n1, a, n2, m: pre_norm(x, n2, a, n1, m), "have changed places"),
        (lambda x, n1, a, n2, m: x + a(x) + m(x + a(x)), "the norms are missing"),
        (lambda *a: 2 * pre_norm(*a), "it isn't x + attention"),
        (lambda *a: pre_norm(*a)[0], "a tensor of the input's shape"),
    ],
    "check_stochastic_depth": [
        (in_evaluation(lambda x, f, keep: x + f(x)), "in evaluation it adds all of F(x)"),
        (in_evaluation(lambda x, f, keep: x), "in evaluation F must stay"),
        (in_evaluation(lambda x, f, keep: keep * (x + f(x))), "x itself isn't multiplied"),
        (in_evaluation(lambda x, f, keep: 2 * x), "isn't x + keep · F(x)"),
        (in_training(lambda x, f, keep: x + keep * f(x)), "all or nothing"),
        (inverted, "divided by keep as well"),
        (a_coin_each, "one coin for the whole batch"),
        (in_training(lambda x, f, keep: f(x)), "and nothing else"),
        (in_training(lambda x, f, keep: x + f(x)), "never leaves F out"),
        (in_training(lambda x, f, keep: x), "never keeps F"),
        (
            in_training(lambda x, f, keep: stochastic_depth(x, f, 1 - keep, True)),
            "with probability 1 − keep",
        ),
        (in_training(lambda x, f, keep: stochastic_depth(x, f, 0.5, True)), "it kept F"),
        (wasteful, "even where it is left out"),
        (lambda x, f, keep, training: None if training else x + keep * f(x), "`return`"),
    ],
}
