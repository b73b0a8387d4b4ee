"""Checkers for chapter 1: degradation."""

import math
from functools import partial

import torch
from torch import nn

from ._kit import call, checker, compare, each, expect, number, short


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
        word = given.strip().lower() if isinstance(given, str) else given
        expect(word in words, f"{name}: {short(given)} isn't one of {', '.join(words)}.")
        expect(word == expected, f"{name}: {given}? {hints[name]}")


@checker("1/6: a third from the weights, and half of that from the ReLU.")
def check_variance_factor(prediction):
    """Exercise 1.2: the factor from one response's variance to the next, by PyTorch's default."""
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
    compare(given, 1 / 6, traps, f"{given:.3g}: ", partial(math.isclose, rel_tol=0.05))


@checker("Forty plain layers or more, and they work. The depth is no obstacle; the search is.")
def check_train_forty(train_forty):
    """Exercise 1.3: train a plain network of 40 linear layers or more to tell spirals apart."""
    classes = torch.arange(256) % 2
    turns = torch.arange(256) // 2 / 128
    angles = 2 * torch.pi * (turns + classes / 2)
    points = ((0.1 + 0.9 * turns) * torch.stack([angles.cos(), angles.sin()])).T.contiguous()
    expect(not isinstance(train_forty, nn.Module), "expected the function that trains a network.")
    network = call(train_forty, points.clone(), classes.clone())
    expect(isinstance(network, nn.Module), f"{short(network)}: expected the trained network.")
    layers = 0
    for _, part in network.named_modules(remove_duplicate=False):
        kind, leaf = type(part), not any(part.children())
        plain = kind.__module__.startswith("torch.nn.modules") if leaf else kind is nn.Sequential
        expect(plain, f"{kind.__name__}: its forward may hide a `+`. Use nn.Sequential alone.")
        layers += kind is nn.Linear
    expect(layers >= 40, f"it has {layers} linear layers: expected 40 or more.")

    def wrong(training):
        with torch.no_grad():
            scores = call(network.train(training).float(), points)
        shape = tuple(scores.shape)
        expect(shape == (256, 2), f"256 points get scores of shape {shape}: expected (256, 2).")
        return (scores.argmax(1) != classes).double().mean().item()

    share = wrong(training=False)
    if not share <= 0.05:
        why = "Which depth did training manage? Begin with that, and add layers that do nothing."
        if wrong(training=True) <= 0.05:
            why = "In training mode it has few: do its batch norms' running averages fit?"
        expect(False, f"it has {share:.0%} of the points wrong in evaluation mode. {why}")
