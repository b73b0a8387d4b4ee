"""One training: ``fit`` around the epoch that chapter 6 teaches, and the loaders that feed it."""

import contextlib
import copy
import math
import time
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader
from resnet_helpers.experiments import distributed
from resnet_helpers.experiments.checkpoint import restore
from resnet_helpers.networks import build_network
from resnet_helpers.training import (
    loss_epoch,
    mean_lr,
    optimizer_for,
    schedule_by_steps,
    stairs,
    triangle,
)


class NotFinite(FloatingPointError):
    """A loss is no longer a finite number.

    Attributes:
        index: of the training step, from 0; None where the loss was only measured.
        step: the first ``training.Step`` without a finite loss; None if another process has it.
    """

    def __init__(self, index, step=None):
        where = "measuring" if index is None else f"step {index + 1}"
        super().__init__(f"{where}: the loss is no longer finite")
        self.index, self.step = index, step


def fit(model, recipe, train_dl, evaluate=None, *, keep=None, after_step=(), after_epoch=()):
    """Train a model by a recipe, measure it after each epoch, and return the history.

    Args:
        model: trained in place. Of the recipe, ``network``, ``width``, ``image_size``,
            ``zero_gamma``, ``channels_last`` and ``limit`` say how model and loaders were made.
        train_dl: batches to learn from.
        evaluate: a dictionary from name to loader, such as ``{"val": loader}``.
        keep: a ``Checkpoint``: written after each epoch; if there is one, the training goes on
            from it.
        after_step: functions, called after each training batch with the epoch's row so far and
            the ``training.Step``.
        after_epoch: functions, called after each epoch with the model and the history. Both kinds
            may add to the last row what is to be kept, of plain Python types.

    Returns:
        The history, a dictionary an epoch: ``epoch``, ``learning_rate`` (at its start, for a
        mean loss), ``train_loss`` and ``train_accuracy`` (means while the weights change),
        ``NAME_loss`` (unsmoothed) and ``NAME_accuracy`` for each name in ``evaluate``, and
        ``seconds`` of training and measuring so far.

    Raises:
        ValueError: a plateau schedule without "val" to look at, or a checkpoint of another
            training.
        NotFinite: a loss isn't a finite number any more; what was kept before stays.
    """
    evaluate = evaluate or {}
    if recipe.schedule == "plateau" and "val" not in evaluate:
        raise ValueError("schedule='plateau' follows the validation loss: evaluate lacks 'val'")
    learn = nn.CrossEntropyLoss(reduction="sum", label_smoothing=recipe.label_smoothing)
    measure = nn.CrossEntropyLoss(reduction="sum")
    opt = optimizer_for(model, recipe)
    if recipe.schedule == "plateau":
        schedule = ReduceLROnPlateau(opt, factor=0.1, patience=recipe.patience)
    else:
        schedule = schedule_by_steps(opt, recipe.epochs * len(train_dl), share_for(recipe))
    parts = {"model": model, "optimizer": opt, "schedule": schedule}
    kept = distributed.from_first(keep.read) if keep else None
    history = restore(kept, parts, train_dl.generator) if kept else []
    # Only now: with several processes this sends the first one's weights to the others.
    learner = distributed.parallel(torch.compile(model) if recipe.compile else model)
    while len(history) < recipe.epochs:
        start = time.perf_counter()
        before = history[-1]["seconds"] if history else 0.0
        row = {"epoch": len(history) + 1, "learning_rate": mean_lr(opt, recipe)}
        with precision(recipe, model), _named(row, recipe):
            looks = [partial(look, row) for look in after_step]
            means = {"train": one_pass(learner.train(), learn, train_dl, opt, looks)}
            with torch.inference_mode():
                for name, loader in evaluate.items():
                    means[name] = one_pass(model.eval(), measure, loader)
        for name, (loss, accuracy) in means.items():
            row |= {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(row["val_loss"])
        row["seconds"] = round(before + time.perf_counter() - start, 2)
        history.append(row)
        for look in after_epoch:
            look(model, history)
        if keep and distributed.rank() == 0:
            keep.write(parts, train_dl.generator, history)
    return history


def one_pass(model, loss_func, loader, opt=None, looks=()):
    """What ``loss_epoch`` returns, over the batches of all processes; ``looks`` see each step.

    Raises:
        NotFinite: in all processes, of several too; learning, at once.
    """
    seen, bad = [], []

    def show(step):
        seen.append(len(step.labels))
        if not (bad or math.isfinite(step.loss)):
            bad.append(step)
        # To measure, processes may take different numbers of steps: they compare at the end.
        if opt is not None and not math.isfinite(distributed.total(torch.tensor(step.loss))):
            raise NotFinite(step.index, *bad)
        for look in looks:
            look(step)

    means = loss_epoch(model, loss_func, loader, opt=opt, after_step=show)
    means = distributed.average(means, sum(seen))
    if not math.isfinite(means[0]):
        raise NotFinite(None, *bad)
    return means


@contextlib.contextmanager
def _named(row, recipe):
    """A ``NotFinite`` says in which epoch it was raised, and what helps."""
    try:
        yield
    except NotFinite as error:
        rate = f"with learning_rate={recipe.learning_rate:g}. Try a tenth of it"
        error.args = (f"epoch {row['epoch']}, {error}, {rate}",)
        raise


def check_last_batch(recipe, model, images):
    """Raise a ValueError unless so many images end in a batch that is large enough to learn from.

    Each process needs a part of it, and batch norm two numbers of each channel.
    """
    world, size = distributed.world_size(), recipe.image_size
    probe = copy.deepcopy(model).to("meta").train()  # shapes without numbers

    def fits(batch_size):
        part = min(images % batch_size or batch_size, images) // world
        with contextlib.suppress(ValueError):  # batch norm's: of one number there is no variance
            probe(torch.empty(part, 3, size, size, device="meta"))
            return part > 0
        return False

    if not fits(recipe.batch_size):
        other = next(filter(fits, range(recipe.batch_size, 0, -1)), None)
        way_out = f"choose --batch-size {other}" if other else "use more images"
        raise ValueError(
            f"batch_size={recipe.batch_size}: of {images} training images the last batch has "
            f"{images % recipe.batch_size or recipe.batch_size}, too few for batch norm in "
            f"{world} process(es): {way_out}{', or fewer processes' * (world > 1)}"
        )


def network_for(recipe, classes):
    """A recipe's network with its first weights, laid out in memory as the recipe says."""
    torch.manual_seed(recipe.seed)
    model = build_network(recipe.network, classes, recipe.width, recipe.zero_gamma)
    layout = torch.channels_last if recipe.channels_last else torch.preserve_format
    return model.to(memory_format=layout)


def loader_for(recipe, split, statistics, learn=False):
    """The batches of a split, prepared as a recipe asks for.

    Args:
        split: uint8 images of any size, and their labels.
        statistics: a ``transforms.ChannelStatistics``, of the training images.
        learn: shuffled and augmented, to learn from. Otherwise in order, to be measured.
    """
    return BatchLoader(
        split,
        recipe.batch_size,
        transform_for(recipe, statistics),
        augment=_augment(recipe) if learn else None,
        shuffle=learn,
        seed=recipe.seed,
        rank=distributed.rank(),
        world_size=distributed.world_size(),
    )


def transform_for(recipe, statistics):
    """A function from uint8 images to what a recipe's network takes."""

    def transform(images):
        if recipe.image_size not in (0, images.shape[-1]):
            images = transforms.resize(images, recipe.image_size)
        images = transforms.normalize(images, statistics.mean, statistics.std)
        if recipe.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images

    return transform


def precision(recipe, model):
    """The context in which a recipe's network computes."""
    device = next(model.parameters()).device.type
    # Without the cache, since it would hold on to weights from before a step.
    low = recipe.precision == "bfloat16"
    return torch.autocast(device, torch.bfloat16, enabled=low, cache_enabled=False)


def share_for(recipe):
    """A recipe's schedule by steps: from the share of steps taken to that of the highest rate."""
    shapes = {"triangle": partial(triangle, warm_up=recipe.warm_up), "stairs": stairs}
    return shapes[recipe.schedule]


@contextlib.contextmanager
def threads(count):
    """While it lasts, PyTorch uses so many threads; 0 leaves the number as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _augment(recipe):
    def augment(images, generator):
        if recipe.crop:
            images = transforms.random_crop(images, recipe.crop, generator)
        if recipe.flip:
            images = transforms.random_flip(images, generator)
        return images

    return augment
