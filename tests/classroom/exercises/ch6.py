"""Answers to chapter 6's exercises."""

import math
from fractions import Fraction

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import training
from resnet_helpers.classroom.exercises.ch6 import plateau_rates

LN = math.log(1000)


def changed(by):
    """loss_epoch, its two results changed by a function of what it was called with."""

    def epoch(model, loss_func, loader, sanity_check=False, opt=None):
        given = training.loss_epoch(model, loss_func, loader, sanity_check, opt)
        return by(*given, sanity_check)

    return epoch


def scaled(loss_by=1.0, accuracy_by=1.0):
    return changed(lambda loss, accuracy, _: (loss * loss_by, accuracy * accuracy_by))


def by_hand(model, loss_func, dataset_dl, sanity_check=False, opt=None):
    """Another way to count: the batches' sums in lists."""
    sums, sizes = [], []
    for xb, yb in dataset_dl:
        sums.append(training.loss_batch(loss_func, model(xb), yb, opt))
        sizes.append(yb.numel())
        if sanity_check:
            break
    return [sum(part) / sum(sizes) for part in zip(*sums, strict=True)]


def forgot_to_return(model, loss_func, dataset_dl, sanity_check=False, opt=None):
    training.loss_epoch(model, loss_func, dataset_dl, sanity_check, opt)


def recall_precision(counts, factor=1.0, more=0.0):
    right = factor * counts.diagonal()
    return right / counts.sum(1) + more, right / counts.sum(0) + more


def in_lists(counts):
    n = range(len(counts))
    rows = [sum(counts[k][j] for j in n) for k in n]
    columns = [sum(counts[j][k] for j in n) for k in n]
    return [[float(counts[k][k] / part[k]) for k in n] for part in (rows, columns)]


def in_numpy(counts):
    counts = np.asarray(counts)
    return np.stack([counts.diagonal() / counts.sum(axis) for axis in (1, 0)])


def learning_rates(losses, lr, factor, patience):
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        rates.append(lr)
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience:
            lr, bad = lr * factor, 0
    return rates


def by_slices(losses, lr, factor, patience):
    """Without a running minimum; the rates as an array."""
    rates, start = np.full(len(losses), lr), 0
    for k in range(len(losses)):
        if k == 0 or losses[k] < min(losses[:k]):
            start = k
        if k - start > patience:
            rates[k + 1 :] *= factor
            start = k
    return rates


def by_torch(losses, lr, factor, patience):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = ReduceLROnPlateau(opt, factor=factor, patience=patience)
    rates = []
    for loss in losses:
        rates.append(opt.param_groups[0]["lr"])
        scheduler.step(loss)
    return rates


def told_nothing(losses, lr, factor, patience):
    print(learning_rates(losses, lr, factor, patience))


RIGHT = {
    "check_first_loss": [
        LN, LN + 0.049, LN - 0.049, np.float32(LN), torch.tensor(LN), Fraction(69, 10), 6.9,
    ],
    "check_loss_epoch": [
        training.loss_epoch, scaled(1 + 9e-5), by_hand, scaled(accuracy_by=1 + 1e-5),
        changed(lambda *given: torch.tensor(given[:2])),
        changed(lambda loss, accuracy, _: (np.float32(loss), np.float32(accuracy))),
    ],
    "check_recall_precision": [
        recall_precision, in_lists, in_numpy, lambda c: torch.stack(recall_precision(c)),
        lambda c: recall_precision(c, more=9e-4),
        lambda c: [part.numpy().round(3) for part in recall_precision(c)],
    ],
    "check_plateau": [
        learning_rates, by_slices, lambda *a: torch.tensor(learning_rates(*a)),
        lambda *a: tuple(map(np.float32, learning_rates(*a))),
        lambda *a: np.array(learning_rates(*a)) * (1 + 9e-5),
    ],
}  # fmt: skip

WRONG = {
    "check_first_loss": [
        (LN + 0.051, "think of −ln p"),
        (LN - 0.051, "think of −ln p"),
        (math.log2(1000), "in bits"),
        (math.log2(1000) - 0.051, "think of −ln p"),
        (3, "log₁₀ 1000"),
        (2.303, "for ten classes"),
        (-LN, "the sign"),
        (0.999, "a share of images"),
        (0.001, "a share of images"),
        ("two", "'two': expected a number"),
    ],
    "check_loss_epoch": [
        (
            changed(lambda loss, acc, one: (loss * 0.4, acc * 0.4) if one else (loss, acc)),
            "count what was seen",
        ),
        (
            changed(lambda loss, acc, one: (loss * (4 if one else 10 / 3), acc)),
            "divided by the number of batches",
        ),
        (changed(lambda loss, acc, one: (loss, acc * 0.4 if one else acc)), "the accuracy isn't"),
        (changed(lambda loss, acc, one: (loss * (4 if one else 10), acc)), "aren't divided at all"),
        (scaled(10 / 12, 10 / 12), "as 2, not as 4"),
        (lambda m, f, d, s, opt=None: training.loss_epoch(m, f, d), "stops after the first batch"),
        (lambda m, f, d, s, opt=None: training.loss_epoch(m, f, d, s), "no weight moved"),
        (lambda m, f, d, s: training.loss_epoch(m, f, d, s), "raised TypeError"),
        (lambda m, f, d, s: 1.0, "expected a pair"),
        (lambda m, f, d, s: ("low", 0.5), "the loss is 'low': expected a number"),
        (lambda m, f, d, s: (9.0, 0.5), "over the 10 images seen"),
        (forgot_to_return, "is its `return` missing?"),
        (scaled(1 + 1.1e-4), "over the 10 images seen"),
        (scaled(accuracy_by=1 + 4e-4), "the accuracy isn't"),
        (0.7, "expected a function"),
    ],
    "check_recall_precision": [
        (lambda c: recall_precision(c)[::-1], "exchanged"),
        (lambda c: [c.diagonal() / c.sum()] * 2, "divide by its own row or column"),
        (lambda c: recall_precision(c, 100), "these are per cent"),
        (lambda c: [c.diagonal()] * 2, "the counts on the diagonal"),
        (lambda c: [1 - part for part in recall_precision(c)], "the shares that are wrong"),
        (lambda c: (c.diagonal() / c.sum(1), c[0] / 9), "the precisions"),
        (lambda c: (c[0] / 9, c.diagonal() / c.sum(0)), "the recalls"),
        (lambda c: recall_precision(c, more=1.1e-3), "the recalls"),
        (lambda c: (0.5, 0.5), "one number a class"),
        (lambda c: [c.diagonal() / c.sum(1)], "expected two results"),
        (lambda c: print("the shares:", *recall_precision(c)), "is its `return` missing?"),
    ],
    "check_plateau": [
        (lambda ls, lr, f, p: plateau_rates(ls, lr, f, p - 1), "one epoch early: patience 2"),
        (lambda *a: [a[1], *learning_rates(*a)[:-1]], "one epoch late"),
        (lambda losses, *a: learning_rates([*losses, 0], *a)[1:], "the one the epoch trains with"),
        (lambda *a: plateau_rates(*a, against="previous"), "compares with the epoch before"),
        (lambda *a: plateau_rates(*a, against="since the cut"), "forgets the minimum"),
        (lambda losses, *a: learning_rates(losses, 0.4, 0.1, 2), "doesn't use its arguments"),
        (by_torch, "did you use it?"),
        (lambda *a: [0.1], "1 learning rates for 7 epochs"),
        (lambda losses, *a: [0.4] * len(losses), "for losses"),
        (lambda losses, *a: ["low"] * len(losses), "among the rates is 'low'"),
        (lambda *a: np.array(learning_rates(*a)) * (1 + 1.1e-4), "for losses"),
        (told_nothing, "is its `return` missing?"),
    ],
}
