"""Answers to chapter 6's exercises."""

import math

from resnet_helpers import training

LN, BITS = math.log(10), math.log2(10)


def scaled_epoch(loss_by=1.0, accuracy_by=1.0):
    def epoch(*arguments):
        loss, accuracy = training.loss_epoch(*arguments)
        return loss * loss_by, accuracy * accuracy_by

    return epoch


def batch_means_epoch(model, loss_func, loader, sanity_check):
    loss, accuracy = training.loss_epoch(model, loss_func, loader, sanity_check)
    return (loss * 4 / 1 if sanity_check else loss * 10 / 3), accuracy


def notes_epoch(model, loss_func, loader, sanity_check):
    loss, accuracy = training.loss_epoch(model, loss_func, loader, sanity_check)
    return (loss * 4 / 10, accuracy * 4 / 10) if sanity_check else (loss, accuracy)


def recall_precision(counts, factor=1.0):
    right = factor * counts.diagonal()
    return right / counts.sum(1), right / counts.sum(0)


def learning_rates(losses, lr, factor, patience):
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        rates.append(lr)
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience:
            lr, bad = lr * factor, 0
    return rates


def one_epoch_off(losses, lr, factor, patience):
    return learning_rates(losses, lr, factor, patience - 1)


RIGHT = {
    "check_first_loss": [LN, LN + 0.049, LN - 0.049],
    "check_loss_epoch": [training.loss_epoch, scaled_epoch(1 + 9e-5)],
    "check_recall_precision": [recall_precision, lambda c: recall_precision(c, 1 + 9e-6)],
    "check_plateau": [learning_rates],
}

WRONG = {
    "check_first_loss": [
        (LN + 0.051, "think of −ln p"),
        (LN - 0.051, "think of −ln p"),
        (BITS, "in bits"),
        (BITS - 0.049, "in bits"),
        (BITS - 0.051, "think of −ln p"),
        (1, "log₁₀ 10"),
        (1.029, "log₁₀ 10"),
        (1.031, "think of −ln p"),
        (0.9, "a share of images"),
        (0.1, "a share of images"),
        (0.119, "a share of images"),
        (0.121, "think of −ln p"),
        ("two", "'two': expected a number"),
    ],
    "check_loss_epoch": [
        (notes_epoch, "count what was seen"),
        (batch_means_epoch, "divided by the number of batches"),
        (lambda m, f, d, s: training.loss_epoch(m, f, d), "stops after the first batch"),
        (lambda m, f, d, s: 1.0, "expected a pair"),
        (lambda m, f, d, s: (9.0, 0.5), "over the 10 images seen"),
        (scaled_epoch(1 + 1.1e-4), "over the 10 images seen"),
        (scaled_epoch(accuracy_by=1 + 1e-6), "over the 10 images seen"),
    ],
    "check_recall_precision": [
        (lambda c: recall_precision(c)[::-1], "exchanged"),
        (lambda c: [c.diagonal() / c.sum()] * 2, "divide by its own row or column"),
        (lambda c: (c.diagonal() / c.sum(1), c[0] / 9), "the precisions"),
        (lambda c: (c[0] / 9, c.diagonal() / c.sum(0)), "the recalls"),
        (lambda c: recall_precision(c, 1 + 2e-5), "the recalls"),
        (lambda c: (0.5, 0.5), "one number a class"),
        (lambda c: [c.diagonal() / c.sum(1)], "expected two results"),
    ],
    "check_plateau": [
        (one_epoch_off, "one epoch early: patience 2 bears two bad epochs"),
        (lambda *a: [a[1], *learning_rates(*a)[:-1]], "one epoch late"),
        (lambda losses, *a: learning_rates([*losses, 0], *a)[1:], "the one the epoch trains with"),
        (lambda *a: [0.1], "1 learning rates for 7 epochs"),
        (lambda losses, *a: [0.4] * len(losses), "where PyTorch's own scheduler"),
    ],
}
