"""Answers to chapter 7's exercises."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional as F

from resnet_helpers.experiments.recipe import RECIPES
from resnet_helpers.training import triangle

TRUTH = torch.tensor([0.84] + [0.04] * 4)
FLOOR = -(TRUTH * TRUTH.log()).sum().item()
BOOK = RECIPES["book"]


def rate_at(step, steps, highest, warm_up):
    return highest * triangle(step / steps, warm_up)


def by_cases(step, steps, highest, warm_up):
    top = warm_up * steps
    return highest * (step / top if step <= top else (steps - step) / (steps - top))


def by_numpy(step, steps, highest, warm_up):
    return np.interp(step, [0, warm_up * steps, steps], [0, highest, 0])


def scaled(factor, more=0.0):
    return lambda *a: factor * rate_at(*a) + more


def stays_up(step, steps, highest, warm_up):
    return highest * min(step / (warm_up * steps), 1)


def falls_at_once(step, steps, highest, warm_up):
    return stays_up(step, steps, highest, warm_up) if step <= warm_up * steps else (
        highest * (1 - step / steps)
    )  # fmt: skip


def without_return(step, steps, highest, warm_up):
    float(rate_at(step, steps, highest, warm_up))


def shared_gradient(gradients, sizes):
    total = sum(size * gradient for size, gradient in zip(sizes, gradients, strict=True))
    return total / sum(sizes)


def by_einsum(gradients, sizes):
    weights = torch.tensor(sizes) / sum(sizes)
    return torch.einsum("i,ij->j", weights, torch.stack(list(gradients)))


def by_average(gradients, sizes):
    return np.average([gradient.numpy() for gradient in gradients], axis=0, weights=sizes)


def in_place(gradients, sizes):
    first = gradients[0]
    first *= sizes[0]
    for gradient, size in zip(gradients[1:], sizes[1:], strict=True):
        first += size * gradient
    first /= sum(sizes)
    return first


def weighed_wrongly(gradients, sizes):
    weights = [1 / size for size in sizes]
    return sum(w * g for w, g in zip(weights, gradients, strict=True)) / sum(weights)


def no_gradient(gradients, sizes):
    shared_gradient(gradients, sizes).sum()


RIGHT = {
    "check_smoothed_floor": [
        FLOOR, 0.66, 0.667, 0.656, Fraction(2, 3), np.float32(FLOOR), torch.tensor(FLOOR),
        F.cross_entropy(TRUTH.log()[None], torch.tensor([0]), label_smoothing=0.2),
    ],
    "check_triangle": [
        rate_at, by_cases, by_numpy, lambda *a: torch.tensor(rate_at(*a)), scaled(1 + 9e-5),
    ],
    "check_shared_gradient": [
        shared_gradient, by_einsum, by_average, lambda *a: shared_gradient(*a).tolist(),
        lambda *a: shared_gradient(*a) + 9e-5,
    ],
    "check_ablated": [
        replace(BOOK, weight_decay=0.0), replace(BOOK, weight_decay=0),
        replace(BOOK, weight_decay=-0.0), replace(BOOK, **{"weight_decay": np.float64(0)}),
    ],
}  # fmt: skip

WRONG = {
    "check_smoothed_floor": [
        (0, "isn't all on one class"),
        (-math.log(0.84), "counts the true class alone"),
        (-math.log(0.8), "forgets its own share of the fifth"),
        (-0.84 * math.log(0.84), "the true class's part"),
        (0.7777, "over *all five* classes"),
        (FLOOR / math.log(2), "in bits"),
        (math.log(5), "without any opinion"),
        (0.5, "ten classes with a smoothing of 0.1"),
        (FLOOR + 0.0065, "take the best answer"),
        (FLOOR - 0.0065, "take the best answer"),
        ("half", "expected a number"),
    ],
    "check_triangle": [
        (stays_up, "then stays at the highest rate"),
        (lambda k, n, top, w: top * (1 - k / n), "it only falls"),
        (lambda k, n, top, w: top * k / n, "it only rises"),
        (lambda k, n, top, w: triangle(k / n, w), "the highest rate is missing"),
        (falls_at_once, "or too early"),
        (lambda *a: rate_at(a[0] + 1, *a[1:]), "expected 0"),
        (lambda *a: rate_at(*a[:3], 0.2), "at step"),
        (lambda *a: "high", "at step 0 it is 'high'"),
        (lambda *a: 1 / a[0], "raised ZeroDivisionError"),
        (without_return, "is its `return` missing?"),
        (scaled(1 + 1.2e-4), "at step"),
        (scaled(1, more=1e-5), "at step"),
    ],
    "check_shared_gradient": [
        (lambda gradients, sizes: sum(gradients) / len(gradients), "plain mean"),
        (lambda gradients, sizes: sum(gradients), "the shares' gradients are summed"),
        (lambda g, n: shared_gradient(g, n) * sum(n), "the sum over all pictures"),
        (lambda g, n: shared_gradient(g, n) * sum(n) / len(n), "by the number of shares"),
        (weighed_wrongly, "a larger share counts *more*"),
        (in_place, "make a new tensor"),
        (lambda g, n: g[0][:2], "shape (2,)"),
        (lambda g, n: g[0], "isn't the whole batch's"),
        (lambda g, n: shared_gradient(g, n) + 3e-3, "isn't the whole batch's"),
        (no_gradient, "is its `return` missing?"),
    ],
    "check_ablated": [
        (BOOK, "nothing differs"),
        (RECIPES["notes"], "the notes' recipe"),
        (replace(BOOK, weight_decay=1e-4), "still there"),
        (replace(BOOK, label_smoothing=0.0), "something else than weight decay: label_smoothing"),
        (replace(BOOK, weight_decay=0.0, epochs=4), "more than one thing has changed"),
        ({"weight_decay": 0.0}, "expected a Recipe"),
        (lambda: replace(BOOK, weight_decay=0.0), "expected a Recipe"),
    ],
}
