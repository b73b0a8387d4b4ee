"""The book's live experiment: several networks, one recipe, side by side on two cores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import nn

from resnet_helpers.data import BatchLoader, normalizer
from resnet_helpers.training import loss_epoch, sgd_with_triangle
from resnet_helpers.transforms import random_flip


@dataclass(frozen=True)
class Recipe:
    """How each network of an experiment is trained: SGD, its rate rising and then falling.

    Attributes:
        epochs, batch_size: passes over the training images; images a step.
        learning_rate: the highest: reached after the first ``warm_up`` of all steps.
        warm_up: a share of the steps.
        momentum, weight_decay: of SGD.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 0.2
    warm_up: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 1e-4


def train_side_by_side(models, split, recipe=None, seed=0):
    """Train several networks at once, each on one thread, all on the same images in one order.

    Args:
        models: a dictionary from name to network; the networks are trained in place. Name the
            slowest first: two are trained at a time.
        split: training images, uint8; each is mirrored or not at random.
        recipe: a ``Recipe``; by default the book's.
        seed: fixes the order of the images and the mirroring. On one machine the same networks
            and seed give the same numbers, whatever else is trained beside them.

    Returns:
        A dictionary from name to ``{"loss": [...], "error": [...]}``, one number an epoch: means
        over the training images, taken while the weights change.
    """
    recipe = Recipe() if recipe is None else recipe
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1)) as workers:
            futures = {
                name: workers.submit(_train, model, split, recipe, seed)
                for name, model in models.items()
            }
            return {name: future.result() for name, future in futures.items()}
    finally:
        torch.set_num_threads(threads)


def errors(models, split, statistics_of):
    """The share of a split's images that each network gets wrong, in evaluation mode.

    Args:
        models: a dictionary from name to network.
        split: the images, uint8.
        statistics_of: the split whose mean and standard deviation normalise the images: the
            training split.
    """
    loader = BatchLoader(split, 500, normalizer(statistics_of))
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    with torch.inference_mode():
        return {
            name: 1 - loss_epoch(model.eval(), loss_func, loader)[1]
            for name, model in models.items()
        }


def _train(model, split, recipe, seed):
    model.to(memory_format=torch.channels_last)
    loader = BatchLoader(
        split, recipe.batch_size, normalizer(split), random_flip, shuffle=True, seed=seed
    )
    opt, _ = sgd_with_triangle(model, recipe.epochs * len(loader), recipe)
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    history = {"loss": [], "error": []}
    for _ in range(recipe.epochs):
        loss, accuracy = loss_epoch(model.train(), loss_func, loader, opt=opt)
        history["loss"].append(loss)
        history["error"].append(1 - accuracy)
    return history
