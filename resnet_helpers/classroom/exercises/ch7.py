"""Checkers for chapter 7: a better recipe."""

import math
from dataclasses import fields
from functools import partial

import numpy as np
import torch

from resnet_helpers.experiments.recipe import RECIPES, Recipe
from resnet_helpers.training import triangle

from ._kit import call, checker, compare, expect, number, refuse, short


@checker("0.66 nats: the entropy of a truth with 0.84 on one class and 0.04 on each other.")
def check_smoothed_floor(prediction):
    """Exercise 7.1: the lowest loss with a label smoothing of 0.2 and five classes."""
    given = number(prediction)
    floor = -0.84 * math.log(0.84) - 0.16 * math.log(0.04)
    traps = {
        "so low comes a loss without smoothing. Here the truth isn't all on one class, and no "
        "answer is right about all of it.": 0,
        "that counts the true class alone. The other four have 0.04 each, and cost, "
        "too.": -math.log(0.84),
        "that counts the true class alone, and forgets its own share of the fifth: it has 0.8 + "
        "0.04.": -math.log(0.8),
        "that is the true class's part. Add those of the other four.": -0.84 * math.log(0.84),
        "the fifth is spread over *all five* classes: the true one has 0.84, each other 0.04.": -0.8
        * math.log(0.8)
        - 0.2 * math.log(0.05),
        "that is the loss in bits. PyTorch counts in nats.": floor / math.log(2),
        "that is the floor of the chapter's ten classes with a smoothing of 0.1.": 0.5003,
        "so much costs an answer without any opinion. The best answer gives each class the "
        "probability that the smoothed truth gives it.": math.log(5),
        "take the best answer, 0.84 and four times 0.04, and sum −truth · ln(answer) over the "
        "five classes.": ...,
    }
    near = partial(math.isclose, rel_tol=0, abs_tol=0.006)
    compare(given, floor, traps, f"{given:.4g}: ", near)


@checker("A triangle: up in a straight line, down in a straight line, to zero.")
def check_triangle(rate_at):
    """Exercise 7.2: the learning rate before each step, by the triangle."""
    for steps, highest, warm_up in ((10, 0.2, 0.2), (100, 0.2, 0.2), (40, 0.5, 0.25)):
        places = range(steps + 1)
        given = [
            number(call(rate_at, step, steps, highest, warm_up), f"at step {step} it is ")
            for step in places
        ]
        right = [highest * triangle(step / steps, warm_up) for step in places]
        top = warm_up * steps
        near = partial(np.allclose, rtol=1e-4, atol=1e-6 * highest)
        shape = f"steps={steps}, highest={highest}, warm_up={warm_up}: "
        worst = int(np.abs(np.subtract(given, right)).argmax())
        traps = {
            "it rises, and then stays at the highest rate: it must fall to zero.": [
                highest * min(step / top, 1) for step in places
            ],
            "it only falls: for a share warm_up of the steps it must rise first.": [
                highest * (1 - step / steps) for step in places
            ],
            "it only rises.": [highest * step / steps for step in places],
            "the highest rate is missing: the rates go up to 1.": [
                triangle(step / steps, warm_up) for step in places
            ],
            "the fall isn't over at the last step, or too early: it takes the share 1 − warm_up of "
            "the steps.": [
                highest * (min(step / top, 1) if step <= top else max(1 - step / steps, 0))
                for step in places
            ],
            f"at step {worst} it is {given[worst]:.4g}, expected {right[worst]:.4g}.": ...,
        }
        compare(given, right, traps, shape, near)


@checker(
    "Each share counts by its number of pictures, so the result is the whole batch's gradient."
)
def check_shared_gradient(shared_gradient):
    """Exercise 7.3: the mean gradient of a batch from the mean gradients of its shares."""
    generator = torch.Generator().manual_seed(0)
    for sizes in ((16, 16), (16, 8), (5, 1, 2)):
        gradients = [torch.randn(4, generator=generator) for _ in sizes]
        kept = [gradient.clone() for gradient in gradients]
        given = call(shared_gradient, gradients, list(sizes))
        untouched = all(map(torch.equal, kept, gradients))
        expect(untouched, "the gradients that it was given have changed: make a new tensor.")
        given = np.asarray(given, dtype=float)
        expect(given.shape == (4,), f"shape {given.shape}: expected one gradient, as long as each.")
        parts = torch.stack(kept).double().numpy()
        weights = np.array(sizes)[:, None]
        total = (weights * parts).sum(0)
        near = partial(np.allclose, given, rtol=1e-3, atol=1e-4)
        if near(total / sum(sizes)):
            continue
        problems = {
            "that is the plain mean of the shares: a share of 8 pictures counts as much as one of "
            "16.": near(parts.mean(0)),
            "the shares' gradients are summed: each is a mean, so weigh them by their sizes.": near(
                parts.sum(0)
            ),
            "that is the sum over all pictures: divide it by their number.": near(total),
            "the weighted sum is divided by the number of shares: divide by the number of "
            "pictures.": near(total / len(sizes)),
            "a larger share counts *more*, not less: multiply by its size.": near(
                (parts / weights).sum(0) / (1 / weights).sum()
            ),
            f"for shares of {', '.join(map(str, sizes))} pictures it isn't the whole batch's mean "
            "gradient.": True,
        }
        refuse(problems)


@checker("One change and nothing else: an ablation. Now train both, and compare.")
def check_ablated(recipe):
    """Exercise 7.4: the book's recipe without weight decay, and with nothing else changed."""
    expect(isinstance(recipe, Recipe), f"{short(recipe)}: expected a Recipe, made by replace.")
    book = RECIPES["book"]
    changed = {
        field.name: getattr(recipe, field.name)
        for field in fields(Recipe)
        if getattr(recipe, field.name) != getattr(book, field.name)
    }
    others = ", ".join(f"{name}={value!r}" for name, value in changed.items())
    alone = set(changed) == {"weight_decay"}
    problems = {
        "nothing differs from the book's recipe. `replace` returns a new one: keep what it "
        "returns.": not changed,
        "that is the notes' recipe: it differs in nearly everything.": recipe == RECIPES["notes"],
        f"weight decay is {recipe.weight_decay}, smaller, but still there: leave it out, with "
        "0.": alone and recipe.weight_decay != 0,
        f"this leaves out something else than weight decay: {others}.": "weight_decay"
        not in changed,
        f"more than one thing has changed: {others}. Who changes two learns about neither.": not (
            alone
        ),
    }
    refuse(problems)
