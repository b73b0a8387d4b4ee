"""A whole training: from a recipe and a data set to a folder with all that is worth keeping.

Validation chooses the best weights; the test split is touched once, at the end. After each epoch
the folder holds the best weights and the checkpoint from which another process, or another number
of processes, goes on. With several processes, all of them must see the folder.
"""

import contextlib
import json
import math
import signal
import threading
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from resnet_helpers._files import write_atomically, write_text
from resnet_helpers.data import Dataset, Split
from resnet_helpers.experiments import distributed
from resnet_helpers.experiments.checkpoint import CHECKPOINT, WEIGHTS, Checkpoint, best_epoch
from resnet_helpers.experiments.fit import (
    fit,
    loader_for,
    network_for,
    one_pass,
    precision,
    threads,
)
from resnet_helpers.experiments.model_card import write_reports
from resnet_helpers.experiments.provenance import digest, machine
from resnet_helpers.experiments.recipe import Recipe
from resnet_helpers.networks import build_network, count_parameters
from resnet_helpers.training import HEAD, confusion_matrix, load_weights, print_row
from resnet_helpers.transforms import channel_statistics, resize

HISTORY, BAD_BATCH = "history.json", "bad-batch.safetensors"


class Stopped(Exception):
    """The training was asked to stop (Ctrl-C); what it has reached is kept."""


def train_to_folder(recipe, data, folder, resume=False, after_step=(), after_epoch=()):
    """Train as a recipe says, and write a folder: history, curves, best weights, model card.

    Args:
        recipe: a ``Recipe`` that names its network.
        data: a ``Dataset``.
        folder: a new or empty one, or one that an unfinished training has left, to be resumed.
        resume: go on after the last whole epoch of an unfinished training. On one machine, with
            as many processes and threads, the result is that of an unbroken one, bit for bit.
            A finished training of the same settings and images is returned as it is.
        after_step, after_epoch: functions, as ``fit`` takes them.

    Returns:
        The network with its best weights, and what history.json holds: ``settings``,
        ``history`` (a dictionary an epoch), ``best_epoch``, ``test`` and ``provenance``.

    Raises:
        ValueError: the folder holds another training, or the recipe names no network.
        FloatingPointError: a loss is no longer finite; its batch is kept in the folder.
        Stopped: Ctrl-C, or SIGTERM; the checkpoint of the last whole epoch is kept.
        distributed.LostProcess: another of several processes has ended.
    """
    folder = Path(folder)
    recipe = replace(recipe, image_size=recipe.image_size or data.train.images.shape[-1])
    try:
        with threads(recipe.threads), distributed.process_group(), _stoppable():
            finished = _check_folder(folder, resume)
            model = network_for(recipe, len(data.classes)).to(distributed.device())
            data = prepare(recipe, data)
            images = digest(data.train, data.validation, data.test)
            if finished:
                return _read_finished(folder, model, asdict(recipe), images)
            after_step = partial(_check_finite, recipe, folder), *after_step
            return _train(model, recipe, data, images, folder, after_step, after_epoch)
    except (Stopped, FloatingPointError, distributed.LostProcess) as error:
        way_on = "No epoch was finished yet, so nothing is kept"
        if (folder / CHECKPOINT).exists():
            way_on = (
                f"{folder} keeps all whole epochs: the same command with --resume (in Python: "
                "resume=True) goes on, with as many processes as you like"
            )
        # A new object of the same kind: where things stand is known only here.
        raise type(error)(f"{error}. {way_on}") from error


def load_trained(path):
    """The network that a ``best.safetensors`` holds, ready for use, and what is known of it.

    Returns:
        The network in evaluation mode, and a dictionary: ``settings``, ``classes``,
        ``mean`` and ``std`` (of the training images, for ``transforms.normalize``).

    Raises:
        ValueError: the file is damaged, or wasn't written by ``train_to_folder``.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
    if about is None:
        raise ValueError(
            f"{path} doesn't say which network it is of: expected one that train_to_folder wrote"
        )
    recipe = Recipe.of(about["settings"])
    model = build_network(recipe.network, len(about["classes"]), recipe.width)
    return load_weights(model, path).eval(), about


def prepare(recipe, data):
    """The splits, cut to the recipe's limit and shrunk once if they are larger than needed."""

    def cut(split):
        images, labels = split.images, split.labels
        if 0 < recipe.limit < len(split):
            generator = torch.Generator().manual_seed(recipe.seed)
            chosen = torch.randperm(len(split), generator=generator)[: recipe.limit]
            images, labels = images[chosen], labels[chosen]
        # Enlarging waits for the batch, since it would fill the memory.
        if images.shape[-1] > recipe.image_size:
            images = resize(images, recipe.image_size)
        return Split(images, labels)

    return Dataset(data.name, data.classes, *map(cut, (data.train, data.validation, data.test)))


def write_json(path, content):
    """Write a file of JSON, atomically."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _train(model, recipe, data, images, folder, after_step, after_epoch):
    """Fit, measure the best weights on test, once, and write everything."""
    statistics = channel_statistics(data.train.images)
    device = distributed.device()
    about = {"settings": asdict(recipe), "images": images, "classes": data.classes}
    about |= {"mean": statistics.mean, "std": statistics.std}
    splits = {"train": data.train, "validation": data.validation, "test": data.test}

    def loader(split, learn=False):
        on_device = Split(split.images.to(device), split.labels.to(device))
        return loader_for(recipe, on_device, statistics, learn)

    if distributed.rank() == 0:
        counts = f"{len(data.train):,} training, {len(data.validation):,} validation"
        print(f"{data.name}: {counts} and {len(data.test):,} test images\n{recipe}\n{HEAD}")
    history = fit(
        model,
        recipe,
        loader(data.train, learn=True),
        {"val": loader(data.validation)},
        keep=Checkpoint(folder, about),
        after_step=after_step,
        after_epoch=(*after_epoch, _print_epoch),
    )
    # Whoever has process 0's history knows that it has written the best weights.
    history = distributed.from_first(history)
    load_weights(model, folder / WEIGHTS)
    result = {
        "settings": about["settings"],
        "parameters": count_parameters(model),
        "history": history,
        "best_epoch": best_epoch(history),
        "provenance": {
            "data": data.name,
            "classes": list(data.classes),
            "images": {name: len(split) for name, split in splits.items()},
            "digest": images,
            "seconds": round(history[-1]["seconds"]),
            "processes": distributed.world_size(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            **machine(),
        },
        "test": _measure(model, recipe, loader(data.test)),
    }
    if distributed.rank() == 0:
        write_json(folder / HISTORY, result)
        write_reports(folder, result)
        (folder / CHECKPOINT).unlink()  # last of all: until then, the training isn't finished
        test = f"{result['test']['accuracy']:.1%} ± {result['test']['standard_error']:.1%}"
        print(f"best epoch {result['best_epoch']}; test accuracy {test}. All of it is in {folder}")
    return model.eval(), result


def _print_epoch(model, history):
    if distributed.rank() == 0:
        row, best = history[-1], best_epoch(history) == len(history)
        train, val = ((row[f"{part}_loss"], row[f"{part}_accuracy"]) for part in ("train", "val"))
        print_row(row["epoch"], row["learning_rate"], train, val, row["seconds"], best)


def _read_finished(folder, model, settings, images):
    """The model and the result of a finished training."""
    result = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    if (result["settings"], result["provenance"]["digest"]) != (settings, images):
        raise ValueError(
            f"{folder} holds a finished training of other settings or images: choose another folder"
        )
    print(f"{folder} holds this training, finished")
    return load_weights(model, folder / WEIGHTS).eval(), result


@torch.inference_mode()
def _measure(model, recipe, loader):
    """Loss, accuracy with its standard error, and confusion counts."""
    counts = []

    def count(step):
        counts.append(confusion_matrix(step.logits, step.labels).cpu())

    loss_func = nn.CrossEntropyLoss(reduction="sum")
    with precision(recipe, model):
        loss, accuracy = one_pass(model.eval(), loss_func, loader, looks=[count])
    confusion = distributed.total(sum(counts))
    variance = accuracy * (1 - accuracy) / confusion.sum().item()
    return {
        "loss": loss,
        "accuracy": accuracy,
        "standard_error": math.sqrt(variance),
        "confusion": confusion.tolist(),
    }


def _check_finite(recipe, folder, row, step):
    if math.isfinite(step.loss):
        return
    path = folder / BAD_BATCH
    batch = {"images": step.images.contiguous(), "labels": step.labels, "logits": step.logits}
    write_atomically(path, lambda beside: safetensors.torch.save_file(batch, beside))
    raise FloatingPointError(
        f"epoch {row['epoch']}, step {step.index + 1}: the loss is no longer finite, with "
        f"learning_rate={recipe.learning_rate:g}. Try a tenth of it. The batch, as the network "
        f"got it, and its logits are in {path}"
    )


@contextlib.contextmanager
def _stoppable():
    """While it lasts, Ctrl-C and SIGTERM raise ``Stopped`` at once: files are whole anyway."""

    def stop(number, _):
        raise Stopped(f"stopped by {signal.Signals(number).name}")

    # Python lets only the main thread handle signals; elsewhere they do what they always do.
    main = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if main else ()
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_folder(folder, resume):
    """Make the folder; says whether it holds a finished training."""
    unfinished = (folder / CHECKPOINT).exists()
    finished = not unfinished and (folder / HISTORY).exists()
    if not resume and finished:
        raise ValueError(f"{folder} holds a finished training: choose another folder")
    if not resume and unfinished:
        raise ValueError(
            f"{folder} holds an unfinished training: --resume (in Python: resume=True) goes on "
            "with it; or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return finished
