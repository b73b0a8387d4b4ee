"""Answers to chapter 1's exercises."""

from collections import OrderedDict
from fractions import Fraction

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

READINGS = {"A": "overfitting", "B": "degradation", "C": "underfitting", "D": "improvement"}


def shallow(points, classes, norm=nn.Identity, steps=300, outputs=2):
    """Three layers, trained in float32 by the field's plainest loop."""
    torch.manual_seed(0)
    parts = [nn.Linear(2, 32), norm(32), nn.ReLU(), nn.Linear(32, 32), norm(32), nn.ReLU()]
    network = nn.Sequential(*parts, nn.Linear(32, outputs))
    opt = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(steps):
        opt.zero_grad()
        F.cross_entropy(network(points), classes).backward()
        opt.step()
    return network


def passing(width, scale=1.0, *after):
    layer = nn.Linear(width, width, bias=False)
    nn.init.eye_(layer.weight)
    layer.weight.data *= scale
    return nn.Sequential(layer, *after)


def between(points, classes):
    """Identities behind a ReLU, flat."""
    *body, last = shallow(points, classes)
    return nn.Sequential(
        *body, *(part for _ in range(37) for part in [*passing(32), nn.ReLU()]), last
    )


def before(points, classes):
    """Layers that double and halve the points, before the first trained layer."""
    front = [passing(2, (2.0, 0.5)[k % 2]) for k in range(38)]
    return nn.Sequential(*front, shallow(points, classes))


def behind(points, classes):
    """One and the same layer that scales the scores, 40 times, in double precision."""
    return nn.Sequential(shallow(points, classes), *40 * [passing(2, 1.1)]).double()


def with_norms(points, classes):
    """Fresh batch norms do nothing in evaluation mode; what was trained has norms as well."""
    *body, last = shallow(points, classes, nn.BatchNorm1d)
    blocks = [passing(32, 1.0, nn.BatchNorm1d(32), nn.ReLU()) for _ in range(37)]
    return nn.Sequential(*body, *blocks, last)


def trained_on(points, classes):
    """Deepened, then trained further as a whole."""
    network = between(points, classes)
    opt = torch.optim.SGD(network.parameters(), 1e-4)
    for _ in range(3):
        opt.zero_grad()
        F.cross_entropy(network(points), classes).backward()
        opt.step()
    return network.eval()


class Shortcut(nn.Module):
    def forward(self, x):
        return x + x.relu()


def random_forty(points, classes):
    torch.manual_seed(0)
    parts = [part for _ in range(38) for part in (nn.Linear(12, 12), nn.ReLU())]
    return nn.Sequential(nn.Linear(2, 12), *parts, nn.Linear(12, 2))


def stale_averages(points, classes):
    network = shallow(points, classes, nn.BatchNorm1d)
    for part in network:
        if isinstance(part, nn.BatchNorm1d):
            part.reset_running_stats()
            part.momentum = 0.0
            part.running_mean += 50
    return nn.Sequential(*(passing(2) for _ in range(38)), network)


RIGHT = {
    "check_readings": [
        READINGS,
        OrderedDict(reversed(READINGS.items())),
        {name: word.capitalize() for name, word in READINGS.items()},
        {name: np.str_(f" {word}") for name, word in READINGS.items()},
        READINGS | {"the 20-layer network": "unchanged"},
    ],
    "check_variance_factor": [
        1 / 6, Fraction(1, 6), 0.17, 0.16, 0.1749, 0.1584, torch.tensor(1 / 6), np.float32(1 / 6),
    ],
    "check_train_forty": [between, before, behind, with_norms, trained_on],
}  # fmt: skip

WRONG = {
    "check_readings": [
        (READINGS | {"A": "degradation"}, "A: degradation? A's training error"),
        (READINGS | {"B": "overfitting"}, "a higher *training* error"),
        (READINGS | {"C": "degradation"}, "C has fewer layers"),
        (READINGS | {"D": "overfitting"}, "Nothing went wrong"),
        (READINGS | {"D": 99 * "m"}, f"D: '{56 * 'm'}… isn't one of overfitting"),
        (READINGS | {"D": 4}, "D: 4 isn't one of overfitting"),
        ({"A": "overfitting"}, "'B' is missing: expected a word for each of 'A', 'B', 'C', 'D'."),
        ("overfitting", "expected a dictionary"),
    ],
    "check_variance_factor": [
        (1 / 3, "lets only half"),
        (0.5, "the ReLU's half"),
        (0.408, "factor of the standard deviation"),
        (2 / 3, "it doesn't double it"),
        (1, "He's initialisation aims at"),
        (6, "to the *next* one"),
        (6.1, "to the *next* one"),
        (6.33, "multiply"),
        (0.1755, "multiply"),
        (0.1582, "multiply"),
        ("small", "expected a number, such as 1 / 2"),
        (True, "expected a number"),
        (torch.nn.Linear(1, 1), "Linear: expected a number"),
    ],
    "check_train_forty": [
        (shallow, "it has 3 linear layers: expected 40 or more"),
        (random_forty, "of the points wrong in evaluation mode. Which depth"),
        (stale_averages, "In training mode it has few"),
        (lambda p, c: nn.Sequential(between(p, c), Shortcut()), "Shortcut: its forward may hide"),
        (
            lambda p, c: nn.Sequential(*between(p, c), nn.Linear(2, 3)),
            "scores of shape (256, 3): expected (256, 2)",
        ),
        (lambda p, c: between(p, 1 - c), "it has 100% of the points wrong"),
        (lambda p, c: nn.Sequential(*map(passing, 40 * [3])), "raised RuntimeError"),
        (lambda p, c: 0.0, "0.0: expected the trained network"),
        (lambda p, c: print(end=""), "returned nothing: is its `return` missing?"),
        (lambda p: p, "raised TypeError"),
        (passing(2), "expected the function that trains"),
    ],
}
