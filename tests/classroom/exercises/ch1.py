"""Answers to chapter 1's exercises."""

import torch

READINGS = {"A": "overfitting", "B": "degradation", "C": "underfitting", "D": "improvement"}


def make_identity(
    block,
    kernel=torch.nn.init.dirac_,
    weight=0,
    gamma=lambda v, e: (v + e).sqrt(),
    beta=lambda m: m,
):
    with torch.no_grad():
        for layer in block.modules():
            if isinstance(layer, torch.nn.Conv2d):
                kernel(layer.weight)
                layer.weight[0, 1, 0, 0] += weight
            elif isinstance(layer, torch.nn.BatchNorm2d):
                layer.weight.copy_(gamma(layer.running_var, layer.eps))
                layer.bias.copy_(beta(layer.running_mean))


def changed(**mistakes):
    return lambda block: make_identity(block, **mistakes)


def times(factor):
    return changed(gamma=lambda v, e: factor * (v + e).sqrt())


def after(spoil):
    def make(block):
        make_identity(block)
        spoil(block)

    return make


def break_the_relu(block):
    block.relu = torch.nn.Sigmoid().eval()


RIGHT = {
    "check_readings": [READINGS],
    "check_blocks_to_insert": [lambda a, b: (b - a) // 6, lambda a, b: (b - a) / 6],
    "check_variance_factor": [1 / 6, 0.1699, 0.1634, torch.tensor(1 / 6)],
    "check_make_identity": [
        make_identity,
        changed(weight=9e-7),
        changed(beta=lambda m: m + 9e-7),
        times(1 + 1e-5),
    ],
}

WRONG = {
    "check_readings": [
        (READINGS | {"A": "degradation"}, "A: degradation? A's training error"),
        (READINGS | {"B": "overfitting"}, "a higher *training* error"),
        (READINGS | {"C": "degradation"}, "C has fewer layers"),
        (READINGS | {"D": "overfitting"}, "Nothing went wrong"),
        (READINGS | {"D": 99 * "m"}, f"D: '{56 * 'm'}… isn't one of overfitting"),
        ({"A": "overfitting"}, "'B' is missing: expected a word for each of 'A', 'B', 'C', 'D'."),
        ("overfitting", "expected a dictionary"),
    ],
    "check_blocks_to_insert": [
        (lambda a, b: b - a, "36: that many *layers*"),
        (lambda a, b: (b - a) // 2, "that many are added in all"),
        (lambda a, b: (b - a) // 3, "A block has two"),
        (lambda a, b: (b - 2) // 6, "The shallow one brings some"),
        (lambda a, b: 5, "expected 6"),
        (lambda a, b: max(1, (b - a) // 6), "blocks_to_insert(20, 20) is 1: expected 0"),
        (lambda a, b: a.depth, "raised AttributeError"),
        (6, "6: expected a function"),
    ],
    "check_variance_factor": [
        (1 / 3, "lets only half"),
        (0.5, "the ReLU's half"),
        (0.408, "factor of the standard deviation"),
        (2 / 3, "it doesn't double it"),
        (1, "He's initialisation aims at"),
        (6, "to the *next* one"),
        (6.1, "to the *next* one"),
        (6.13, "multiply"),
        (0.1702, "multiply"),
        (0.1632, "multiply"),
        ("small", "expected a number, such as 1 / 2"),
        (True, "expected a number"),
        (torch.nn.Linear(1, 1), "Linear: expected a number"),
    ],
    "check_make_identity": [
        (changed(kernel=torch.nn.init.ones_), "first convolution's weights are all 1"),
        (changed(weight=2e-6), "the first convolution isn't the identity"),
        (
            after(lambda b: b.residual_function[3].reset_parameters()),
            "the second convolution isn't the identity",
        ),
        (changed(gamma=lambda v, e: v), "take its root"),
        (changed(gamma=lambda v, e: v.sqrt()), "ε is missing"),
        (changed(gamma=lambda v, e: torch.ones_like(v)), "γ of the first batch norm doesn't undo"),
        (times(1 + 2e-4), "γ of the first batch norm doesn't undo"),
        (times(1 + 8e-5), "comes out changed by up to"),
        (changed(beta=lambda m: 0 * m), "β of the first batch norm"),
        (changed(beta=lambda m: m + 2e-5), "β of the first batch norm"),
        (
            after(lambda b: b.residual_function[1].running_mean.zero_()),
            "running statistics were changed",
        ),
        (
            after(lambda b: b.residual_function[1].running_var.fill_(1)),
            "running statistics were changed",
        ),
        (after(torch.nn.Module.train), "left in training mode"),
        (after(break_the_relu), "was a module replaced"),
        (lambda b: b.conv, "raised AttributeError"),
    ],
}
