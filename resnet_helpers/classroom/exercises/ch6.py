"""Checkers for chapter 6: training."""

import math
from functools import partial

import numpy as np
import torch
from torch import nn

from resnet_helpers import training

from ._kit import call, checker, compare, expect, number, refuse, short


@checker("ln 1000 ≈ 6.91: each of a thousand classes has probability 1/1000.")
def check_first_loss(prediction):
    """Exercise 6.1: the mean loss of a network that has learned nothing, with 1,000 classes."""
    given = number(prediction)
    near = partial(math.isclose, given, rel_tol=0, abs_tol=0.05)
    problems = {
        "that is the loss in bits. PyTorch counts in nats: the natural logarithm.": near(
            math.log2(1000)
        ),
        "that is log₁₀ 1000. PyTorch takes the natural logarithm.": near(3),
        "that is ln 10, for ten classes. Here there are 1,000.": near(math.log(10)),
        "the sign: ln(1/1000) is negative, and the loss is −ln p.": near(-math.log(1000)),
        "that is a share of images, an error or accuracy. The loss is −ln p.": 0 < given <= 1,
        "think of −ln p, where p is the probability that a blind guess gives the truth.": not near(
            math.log(1000)
        ),
    }
    refuse(problems, f"{given:.4g}: ")


@checker("Right for a whole epoch and for a single batch, and it learns.")
def check_loss_epoch(loss_epoch):
    """Exercise 6.2: loss_epoch with the sanity check's division mended."""
    loader, model, loss_func = _small_task()
    of_all, _ = training.loss_epoch(model, loss_func, loader)
    for sanity_check, seen in ((False, 10), (True, 4)):
        loss, accuracy = _pair(call(loss_epoch, model, loss_func, loader, sanity_check))
        right, share = training.loss_epoch(model, loss_func, loader, sanity_check)
        near = partial(math.isclose, loss, rel_tol=1e-4)
        same = partial(math.isclose, accuracy, rel_tol=0, abs_tol=1e-4)
        if near(right) and same(share):
            continue
        went_on = sanity_check and near(of_all)
        problems = {
            "the sanity check saw 4 of 10 images, yet the sum is divided by 10: count what was "
            "seen.": sanity_check and near(0.4 * right),
            "the loss is right and the accuracy isn't: divide both by the images seen.": near(
                right
            ),
            "the sum is divided by the number of batches: batches differ in size.": near(
                right * seen / (1 if sanity_check else 3)
            ),
            "the sums aren't divided at all: divide by the images seen.": near(right * seen),
            "a sanity check stops after the first batch; this went through them all.": went_on,
            "the last batch is smaller: count its 2 images as 2, not as 4.": near(right * 10 / 12),
            f"sanity_check={sanity_check}: loss {loss:.4f} and accuracy {accuracy:.2f}, "
            f"expected {right:.4f} and {share:.2f} over the {seen} images seen.": True,
        }
        refuse(problems)
    before = model[1].weight.detach().clone()
    call(loss_epoch, model, loss_func, loader, False, torch.optim.SGD(model.parameters(), 0.1))
    learned = not torch.equal(before, model[1].weight)
    expect(learned, "with an optimiser no weight moved: hand `opt` on to loss_batch.")


def _small_task():
    """Ten images in batches of 4, 4 and 2; a linear classifier; a summed loss."""
    torch.manual_seed(0)
    images, labels = torch.rand(10, 3, 4, 4), torch.arange(10) % 2
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    return loader, model, nn.CrossEntropyLoss(reduction="sum")


def _pair(given):
    """Mean loss and accuracy as two floats, from any pair of numbers."""
    told = f"expected a pair, the mean loss and the accuracy, got {short(given)}."
    expect(isinstance(given, tuple | list | torch.Tensor | np.ndarray) and len(given) == 2, told)
    return number(given[0], "the loss is "), number(given[1], "the accuracy is ")


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
    near = partial(np.allclose, rtol=0, atol=1e-3)
    are = partial(near, (recall, precision))
    of_all = diagonal / counts.sum()
    problems = {
        "the two are exchanged: a row holds all images of one true class.": are(
            (of_column, of_row)
        ),
        "each is divided by all images: divide by its own row or column.": are((of_all, of_all)),
        "these are per cent: expected shares, from 0 to 1.": are(
            (100 * of_row, 100 * of_column), atol=0.1
        ),
        "these are the counts on the diagonal: divide them.": are((diagonal, diagonal)),
        "these are the shares that are wrong: recall and precision count the right ones.": are(
            (1 - of_row, 1 - of_column)
        ),
        f"the recalls are wrong for {counts.tolist()}.": not near(recall, of_row),
        f"the precisions are wrong for {counts.tolist()}.": not near(precision, of_column),
    }
    refuse(problems)


@checker("As the scheduler does it, epoch by epoch.")
def check_plateau(learning_rates):
    """Exercise 6.4: the learning rate of each epoch under ReduceLROnPlateau."""
    for losses, *settings in (
        ([3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2], 0.4, 0.1, 2),
        ([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8], 0.4, 0.1, 2),
        ([1.0, 1.3, 1.2, 1.1, 1.05, 1.04, 1.03, 1.02], 0.4, 0.1, 2),
        ([1.0, 1.1, 1.2, 0.9, 1.0, 1.1, 1.2, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 0.8, 0.5, 1),
        ([1.0, 0.99999, 0.99998, 0.99997, 0.99996, 0.99995], 0.4, 0.1, 2),
    ):
        given = call(learning_rates, losses, *settings)
        given = [number(rate, "among the rates is ") for rate in given]
        right = plateau_rates(losses, *settings)
        rates, epochs = len(given), len(losses)
        expect(rates == epochs, f"{rates} learning rates for {epochs} epochs: one an epoch.")
        lr, factor, patience = settings
        other = partial(plateau_rates, losses)
        traps = {
            f"it cuts one epoch early: patience {patience} tolerates {patience} bad epochs and "
            "acts on the next.": other(lr, factor, patience - 1),
            "it cuts one epoch late.": given[:1] + right[:-1],
            "that is the rate after each epoch's end: asked is the one the epoch trains "
            "with.": right[1:] + given[-1:],
            "an epoch is bad if it isn't a new *minimum*; this compares with the epoch "
            "before.": other(lr, factor, patience, against="previous"),
            "after a cut the count starts again, but the minimum stays; this forgets the "
            "minimum.": other(lr, factor, patience, against="since the cut"),
            "any lower loss is a new minimum, however little. (PyTorch's own scheduler asks for a "
            "ten-thousandth: did you use it?)": other(lr, factor, patience, threshold=1e-4),
            "it doesn't use its arguments: another rate, factor or patience must give other "
            "rates.": plateau_rates(losses, 0.4, 0.1, 2),
            f"for losses {losses}, lr={lr}, factor={factor}, patience={patience}: "
            f"{[round(rate, 6) for rate in given]}, expected "
            f"{[round(rate, 6) for rate in right]}.": ...,
        }
        compare(given, right, traps, same=partial(np.allclose, rtol=1e-4, atol=0))


def plateau_rates(losses, lr, factor, patience, against="minimum", threshold=0.0):
    """The rate with which each epoch trains, right or by a misunderstanding of ``against``."""
    rates, best, bad = [], math.inf, 0
    for loss in losses:
        rates.append(lr)
        better = loss < best * (1 - threshold)
        bad = 0 if better else bad + 1
        best = loss if better or against == "previous" else best
        if bad > patience:
            lr, bad = lr * factor, 0
            best = math.inf if against == "since the cut" else best
    return rates
