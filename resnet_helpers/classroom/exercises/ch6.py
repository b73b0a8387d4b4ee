"""Checkers for chapter 6: training."""

import math
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import training

from ._kit import call, checker, compare, expect, number, refuse, short


@checker("ln 10 ≈ 2.303: each of ten classes has probability 1/10.")
def check_first_loss(prediction):
    """Exercise 6.1: the mean loss of a network that has learned nothing, with ten classes."""
    given = number(prediction)
    right, in_bits = (abs(given - log(10)) < 0.05 for log in (math.log, math.log2))
    share = min(abs(given - 0.9), abs(given - 0.1)) < 0.02
    problems = {
        "log₂ 10 is that loss in bits. PyTorch counts in nats: the natural logarithm.": in_bits,
        "1 is log₁₀ 10. PyTorch takes the natural logarithm.": abs(given - 1) < 0.03,
        "that is a share of images, an error or accuracy. The loss is −ln p.": share,
        "think of −ln p, where p is the probability that a blind guess gives the truth.": not right,
    }
    refuse(problems)


@checker("Right for a whole epoch and for a single batch.")
def check_loss_epoch(loss_epoch):
    """Exercise 6.2: loss_epoch with the sanity check's division mended."""
    torch.manual_seed(0)
    images, labels = torch.rand(10, 3, 4, 4), torch.arange(10) % 2
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    of_all, _ = training.loss_epoch(model, loss_func, loader)
    for sanity_check, seen in ((False, 10), (True, 4)):
        given = call(loss_epoch, model, loss_func, loader, sanity_check)
        pair = isinstance(given, tuple) and len(given) == 2
        expect(pair, f"expected a pair, the mean loss and the accuracy, got {short(given)}.")
        loss, accuracy = training.loss_epoch(model, loss_func, loader, sanity_check)
        near = partial(math.isclose, given[0], rel_tol=1e-4)
        if near(loss) and math.isclose(given[1], accuracy):
            continue
        by_batches, went_on = near(loss * seen / 3), sanity_check and near(of_all)
        problems = {
            "the sanity check saw 4 of 10 images, yet the sum is divided by 10: count what was "
            "seen.": sanity_check and near(0.4 * loss),
            "the sum is divided by the number of batches: batches differ in size.": by_batches,
            "a sanity check stops after the first batch; this went through them all.": went_on,
            f"sanity_check={sanity_check}: loss {given[0]:.4f} and accuracy {given[1]:.2f}, "
            f"expected {loss:.4f} and {accuracy:.2f} over the {seen} images seen.": True,
        }
        refuse(problems)


@checker("Recall reads along a row, precision down a column.")
def check_recall_precision(recall_precision):
    """Exercise 6.3: each class's recall and precision from a confusion matrix."""
    counts = torch.tensor([[8, 2, 0], [1, 5, 4], [3, 0, 17]])
    given = call(recall_precision, counts)
    expect(len(given) == 2, "expected two results, the recalls and the precisions.")
    recall, precision = (np.asarray(part, dtype=float) for part in given)
    shapes = [recall.shape, precision.shape]
    expect(shapes == [(3,), (3,)], f"shapes {shapes}: expected one number a class, of each.")
    diagonal, counts = np.diag(counts), counts.numpy()
    of_row, of_column = diagonal / counts.sum(1), diagonal / counts.sum(0)
    of_all = diagonal / counts.sum()
    are = partial(np.allclose, (recall, precision))
    exchanged = are((of_column, of_row))
    problems = {
        "the two are exchanged: a row holds all images of one true class.": exchanged,
        "each is divided by all images: divide by its own row or column.": are((of_all, of_all)),
        f"the recalls are wrong for {counts.tolist()}.": not np.allclose(recall, of_row),
        f"the precisions are wrong for {counts.tolist()}.": not np.allclose(precision, of_column),
    }
    refuse(problems)


@checker("The same as PyTorch's scheduler, epoch by epoch.")
def check_plateau(learning_rates):
    """Exercise 6.4: the learning rate of each epoch under ReduceLROnPlateau."""
    for losses in (
        [3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2],
        [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8],
        [1.0, 1.1, 1.2, 0.9, 1.0, 1.1, 1.2, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    ):
        given = [float(lr) for lr in call(learning_rates, losses, 0.4, 0.1, 2)]
        right = _plateau(losses, patience=2)
        rates, epochs = len(given), len(losses)
        expect(rates == epochs, f"{rates} learning rates for {epochs} epochs: one an epoch.")
        traps = {
            "it cuts one epoch early: patience 2 bears two bad epochs and acts on the "
            "third.": _plateau(losses, patience=1),
            "it cuts one epoch late.": given[:1] + right[:-1],
            "that is the rate after each epoch's end: asked is the one the epoch trains "
            "with.": right[1:] + given[-1:],
            f"for {losses}: {given}, where PyTorch's own scheduler gives {right}.": ...,
        }
        compare(given, right, traps, same=np.allclose)


def _plateau(losses, patience):
    """The rates with which PyTorch's scheduler trains each epoch, from 0.4, factor 0.1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=patience)
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss)
    return rates
