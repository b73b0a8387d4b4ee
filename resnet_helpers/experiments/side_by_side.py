"""The book's live experiment: several networks, one recipe, side by side on two cores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from resnet_helpers.data import BatchLoader, normalizer
from resnet_helpers.experiments.fit import fit, loader_for, threads
from resnet_helpers.experiments.recipe import LIVE
from resnet_helpers.training import metric_batch, predict
from resnet_helpers.transforms import channel_statistics


def train_side_by_side(models, split, recipe=LIVE, seed=0):
    """Train several networks at once, each on one thread, all on the same images in one order.

    Args:
        models: a dictionary from name to network; the networks are trained in place. Name the
            slowest first: two are trained at a time.
        split: training images, uint8; each is mirrored or not at random.
        recipe: a ``Recipe``; its ``seed`` and ``threads`` don't count here.
        seed: fixes the order of the images and the mirroring. On one machine the same networks
            and seed give the same numbers, whatever else is trained beside them.

    Returns:
        A dictionary from name to ``{"loss": [...], "error": [...]}``, one number an epoch: means
        over the training images, taken while the weights change.
    """
    recipe = replace(recipe, seed=seed)
    statistics = channel_statistics(split.images)

    def train(model):
        if recipe.channels_last:
            model.to(memory_format=torch.channels_last)
        rows = fit(model, recipe, loader_for(recipe, split, statistics, learn=True))
        return {
            "loss": [row["train_loss"] for row in rows],
            "error": [1 - row["train_accuracy"] for row in rows],
        }

    with threads(1), ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1)) as workers:
        return dict(zip(models, workers.map(train, models.values()), strict=True))


def errors(models, split, *, statistics_of):
    """The share of a split's images that each network gets wrong, in evaluation mode, by name.

    Args:
        models: a dictionary from name to network.
        split: the images, uint8.
        statistics_of: the split whose mean and standard deviation normalise the images: the
            training split.
    """
    loader = BatchLoader(split, 500, normalizer(statistics_of))
    return {
        name: 1 - metric_batch(*predict(model.eval(), loader)) / len(split)
        for name, model in models.items()
    }
