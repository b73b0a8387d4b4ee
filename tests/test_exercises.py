"""Each checker accepts a right answer and says what is wrong with a plausible wrong one."""

import re

import numpy as np
import pytest
import torch

from resnet_helpers import exercises, networks, training
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.networks import ResNet

CHECKERS = [name for name in vars(exercises) if name.startswith("check_")]

SHAPES = {
    "conv1": (64, 24, 24),
    "conv2_x": (256, 24, 24),
    "conv3_x": (512, 12, 12),
    "conv4_x": (1024, 6, 6),
    "conv5_x": (2048, 3, 3),
}


def depth(block, num_block):
    return (2 if block is BasicBlock else 3) * sum(num_block) + 2


def block_parameters(i, o, stride, norms=True, shortcut=True, bias=False):
    projects = shortcut and (stride != 1 or i != o)
    weights = 9 * i * o + 9 * o * o + (i * o if projects else 0)
    return weights + (2 * o * (2 + projects) if norms else 0) + (2 * o if bias else 0)


def total_std(means, stds):
    return np.sqrt((stds**2).mean() + means.var())


def to_picture(image, mean, std):
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (mean, std))
    return (image * std + mean).permute(1, 2, 0).numpy()


def decode(raw):
    return np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)


def recall_precision(counts):
    right = counts.diagonal()
    return right / counts.sum(1), right / counts.sum(0)


def learning_rates(losses, lr, factor, patience, strict=True):
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        rates.append(lr)
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience if strict else bad >= patience:
            lr, bad = lr * factor, 0
    return rates


def batch_means_epoch(model, loss_func, loader, sanity_check=False, opt=None):
    loss, right = training.loss_epoch(model, loss_func, loader, sanity_check)
    batches = 1 if sanity_check else len(loader)
    seen = 4 if sanity_check else 10
    return loss * seen / batches, right


def notes_epoch(model, loss_func, loader, sanity_check=False, opt=None):
    loss, right = training.loss_epoch(model, loss_func, loader, sanity_check)
    seen = 4 if sanity_check else 10
    return loss * seen / 10, right * seen / 10


RIGHT = {
    "check_stage_shapes": SHAPES,
    "check_depth": depth,
    "check_block_parameters": block_parameters,
    "check_resnet26": ResNet(BottleNeck, [2, 2, 2, 2], num_classes=100),
    "check_normalised_std": "above 1",
    "check_total_std": total_std,
    "check_to_picture": to_picture,
    "check_decode": decode,
    "check_first_loss": 2.3,
    "check_loss_epoch": training.loss_epoch,
    "check_recall_precision": recall_precision,
    "check_plateau": learning_rates,
}

WRONG = [
    ("check_stage_shapes", SHAPES | {"conv2_x": (64, 24, 24)}, "narrow middle of a bottleneck"),
    ("check_stage_shapes", SHAPES | {"conv3_x": (512, 24, 24)}, "conv3_x: the channels are right"),
    ("check_stage_shapes", SHAPES | {"conv1": (3, 96, 96)}, "conv1: .* isn't its output shape"),
    ("check_stage_shapes", {"conv1": (64, 24, 24)}, "conv2_x is missing"),
    ("check_depth", lambda block, n: depth(block, n) - 2, "not the first convolution and the last"),
    ("check_depth", lambda block, n: 2 * sum(n) + 2, "a bottleneck has three convolutions"),
    ("check_depth", lambda block, n: 7, "expected 18"),
    ("check_depth", lambda block, n: n.depth, "raised AttributeError"),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, norms=False),
        "γ and β are left out",
    ),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, shortcut=False),
        "the shortcut's 1×1 convolution and its norm are left out",
    ),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, bias=True),
        "the convolutions have no bias",
    ),
    ("check_block_parameters", lambda i, o, s: 1, "fewer than PyTorch counts"),
    ("check_resnet26", networks.resnet18(num_classes=100), "no BottleNeck inside"),
    ("check_resnet26", networks.resnet50(num_classes=100), "16 bottlenecks make a depth of 50"),
    ("check_resnet26", ResNet(BottleNeck, [2, 2, 2, 2]), "has 10 outputs: expected 100"),
    ("check_resnet26", ResNet(BottleNeck, [1, 2, 3, 2], 100), "spread the eight blocks evenly"),
    ("check_resnet26", 26, "expected a network"),
    ("check_normalised_std", "below 1", "smaller than the std of all pixels"),
    ("check_normalised_std", "exactly 1", "only if that number is the std"),
    ("check_normalised_std", "1", "choose 'below 1'"),
    ("check_total_std", lambda m, s: s.mean(), "the lecture notes' way"),
    ("check_total_std", lambda m, s: np.sqrt((s**2).mean()), "their variance is missing"),
    ("check_total_std", lambda m, s: total_std(m, s) ** 2, "Take its root"),
    (
        "check_total_std",
        lambda m, s: np.sqrt((s**2).mean() + m.var(ddof=1)),
        "divide by n",
    ),
    ("check_total_std", lambda m, s: 3.0, "where all their pixels give"),
    ("check_to_picture", lambda x, m, s: x, "matplotlib wants \\(H, W, 3\\)"),
    ("check_to_picture", lambda x, m, s: x.permute(1, 2, 0), "undo the std, then the mean"),
    ("check_to_picture", lambda x, m, s: 255 * to_picture(x, m, s), "range is 0 to 255"),
    (
        "check_to_picture",
        lambda x, m, s: (
            (x + torch.tensor(m)[:, None, None]) * torch.tensor(s)[:, None, None]
        ).permute(1, 2, 0),
        "multiply by std first",
    ),
    (
        "check_to_picture",
        lambda x, m, s: to_picture(x, m, s) + 0.1,
        "colours are off by up to 0.10",
    ),
    ("check_to_picture", lambda x, m, s: x[0], "expected \\(H, W, 3\\), here \\(12, 10, 3\\)"),
    (
        "check_decode",
        lambda raw: np.frombuffer(raw, np.uint8),
        "3 images are \\(3, 3, 96, 96\\)",
    ),
    (
        "check_decode",
        lambda raw: np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96),
        "one column after the other",
    ),
    ("check_decode", lambda raw: decode(raw)[:, ::-1], "image, channel, column, row"),
    ("check_first_loss", 3.32, "in bits"),
    ("check_first_loss", 1.0, "log₁₀ 10"),
    ("check_first_loss", 0.9, "a share of images"),
    ("check_first_loss", 5, "think of −ln p"),
    ("check_first_loss", "two", "expected a number"),
    ("check_loss_epoch", notes_epoch, "count what was seen"),
    ("check_loss_epoch", batch_means_epoch, "divided by the number of batches"),
    (
        "check_loss_epoch",
        lambda m, f, d, s=False, o=None: training.loss_epoch(m, f, d),
        "stops after the first batch",
    ),
    ("check_loss_epoch", lambda m, f, d, s=False, o=None: 1.0, "expected a pair"),
    ("check_loss_epoch", lambda m, f, d, s=False, o=None: (9.0, 0.5), "over the 10 images seen"),
    ("check_recall_precision", lambda c: recall_precision(c)[::-1], "exchanged"),
    (
        "check_recall_precision",
        lambda c: (c.diagonal() / c.sum(), c.diagonal() / c.sum()),
        "divide by its own row or column",
    ),
    ("check_recall_precision", lambda c: (c.diagonal() / c.sum(1), c[0] / 9), "the precisions"),
    ("check_recall_precision", lambda c: (0.5, 0.5), "one number a class"),
    (
        "check_plateau",
        lambda *a: learning_rates(*a, strict=False),
        "one epoch early: patience 2 bears two bad epochs",
    ),
    ("check_plateau", lambda *a: [a[1], *learning_rates(*a)[:-1]], "one epoch late"),
    (
        "check_plateau",
        lambda losses, *a: learning_rates([*losses, 0], *a)[1:],
        "the one the epoch trains with",
    ),
    ("check_plateau", lambda *a: [0.1], "1 learning rates for 7 epochs"),
    ("check_plateau", lambda losses, *a: [0.4] * len(losses), "where PyTorch's own scheduler"),
]


@pytest.mark.parametrize("name", CHECKERS)
def test_a_right_answer_passes(name):
    verdict = getattr(exercises, name)(RIGHT[name])
    assert verdict.passed, verdict.message
    assert repr(verdict).startswith("✓ ")


@pytest.mark.parametrize(("name", "answer", "message"), WRONG)
def test_a_plausible_wrong_answer_is_told_what_is_wrong(name, answer, message):
    verdict = getattr(exercises, name)(answer)
    assert not verdict.passed
    assert re.search(message, verdict.message), verdict.message
    assert repr(verdict).startswith("✗ ")


def test_every_checker_has_a_right_and_a_wrong_answer_here():
    assert set(RIGHT) == {name for name, _, _ in WRONG} == set(CHECKERS)


@pytest.mark.parametrize("name", CHECKERS)
def test_an_answer_still_to_be_written_is_no_mistake(name):
    unwritten = {
        "check_stage_shapes": {"conv1": ...},
        "check_resnet26": ...,
        "check_normalised_std": ...,
        "check_first_loss": ...,
    }.get(name, lambda *arguments: None)
    verdict = getattr(exercises, name)(unwritten)
    assert not verdict.passed
    assert repr(verdict).startswith("· Not answered yet")
