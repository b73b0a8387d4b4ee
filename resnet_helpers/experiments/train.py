"""A whole training: from a recipe and a data set to a folder with all that is worth keeping.

Validation chooses the best weights; the test split is touched once, at the end. After each epoch
the folder holds the best weights and the checkpoint from which another process, or another number
of processes, goes on. Of several processes one reads and writes it, and the others needn't see it.
"""

import contextlib
import json
import math
import signal
import threading
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import filelock
import safetensors
import safetensors.torch
import torch
from torch import nn

from resnet_helpers._files import write_atomically, write_text
from resnet_helpers.data import Dataset, Split, describe
from resnet_helpers.experiments import distributed
from resnet_helpers.experiments.checkpoint import CHECKPOINT, WEIGHTS, Checkpoint, best_epoch
from resnet_helpers.experiments.fit import (
    NotFinite,
    check_last_batch,
    fit,
    loader_for,
    network_for,
    one_pass,
    precision,
    threads,
)
from resnet_helpers.experiments.model_card import write_reports
from resnet_helpers.experiments.provenance import digest, machine
from resnet_helpers.networks import count_parameters
from resnet_helpers.training import HEAD, confusion_matrix, load_weights, print_row
from resnet_helpers.transforms import channel_statistics, resize

HISTORY, BAD_BATCH, LOCK = "history.json", "bad-batch.safetensors", ".lock"


class Stopped(KeyboardInterrupt):
    """The training was asked to stop (Ctrl-C). No ``Exception``, which a library may swallow."""


def train_to_folder(
    recipe, data, folder, resume=False, after_step=(), after_epoch=(), device="auto"
):
    """Train as a recipe says, and write a folder: history, curves, best weights, model card.

    Args:
        recipe: a ``Recipe`` that names its network.
        data: a ``Dataset``.
        folder: a new or empty one, or one that an unfinished training has left, to be resumed.
        resume: go on after the last whole epoch of an unfinished training. On one machine, with
            as many processes and threads, the result is that of an unbroken one, bit for bit.
            A finished training of the same settings and images is returned as it is.
        after_step, after_epoch: functions, as ``fit`` takes them.
        device: "cpu", "cuda", or "auto": a GPU if there is one. No part of the recipe, since a
            training may go on on another one.

    Returns:
        The network with its best weights, and what history.json holds: ``settings``,
        ``history`` (a dictionary an epoch), ``best_epoch``, ``test`` and ``provenance``.

    Raises:
        ValueError: the folder holds another training, can't be written, or another process
            trains in it; the recipe names no network; the images can't be trained on.
        NotFinite: a loss is no longer a finite number; its batch is kept in the folder.
        OSError: a file can't be read or written; the message says what is kept.
        Stopped: Ctrl-C, or SIGTERM; the checkpoint of the last whole epoch is kept.
        distributed.LostProcess: another of several processes has ended.
    """
    folder = Path(folder).expanduser()
    read_size = data.train.images.shape[-1]
    recipe = replace(recipe, image_size=recipe.image_size or read_size)
    try:
        with (
            threads(recipe.threads),
            distributed.process_group(device) as place,
            _stoppable(),
            _alone_in(folder),
        ):
            finished = distributed.from_first(partial(_is_finished, folder, resume))
            _check_images(data)
            model = network_for(recipe, len(data.classes)).to(place)
            data = prepare(recipe, data)
            images = digest(data.train, data.validation, data.test)
            distributed.check_equal(images, "images")
            if finished:
                read = partial(_read_finished, folder, asdict(recipe), images)
                result = distributed.from_first(read)
                return _with_best(model, folder), result
            check_last_batch(recipe, model, len(data.train))
            about = {"settings": asdict(recipe), "images": images, "classes": data.classes}
            about["read_size"] = read_size
            return _train(model, recipe, data, about, folder, after_step, after_epoch)
    except NotFinite as error:
        raise _with_its_batch(error, recipe, folder) from error
    except (Stopped, OSError, distributed.LostProcess) as error:
        # A new object of the same kind: where things stand is known only here.
        mend = "Once that is mended: " if isinstance(error, OSError) else ""
        raise type(error)(f"{error}. {mend}{_way_on(folder)}") from error


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

    splits = map(cut, (data.train, data.validation, data.test))
    return Dataset(data.name, data.classes, *splits, notes=data.notes)


def write_json(path, content):
    """Write a file of JSON, atomically; a ValueError if it would hold a NaN."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _train(model, recipe, data, about, folder, after_step, after_epoch):
    """Fit, measure the best weights on test, once, and write everything."""
    statistics = channel_statistics(data.train.images)
    device = next(model.parameters()).device
    about |= {"mean": statistics.mean, "std": statistics.std}
    splits = {"train": data.train, "validation": data.validation, "test": data.test}

    def loader(split, learn=False):
        on_device = Split(split.images.to(device), split.labels.to(device))
        return loader_for(recipe, on_device, statistics, learn)

    # All before the first step, so that nothing is found wanting after the last one.
    learn, validation, test = loader(data.train, True), loader(data.validation), loader(data.test)
    keep = Checkpoint(folder, about)
    if distributed.from_first(lambda: keep.read() is not None):  # which names a damaged one
        _with_best(model, folder)
    if distributed.rank() == 0:
        print(describe(data), *data.notes, recipe, HEAD, sep="\n")
    history = fit(
        model,
        recipe,
        learn,
        {"val": validation},
        keep=keep,
        after_step=after_step,
        after_epoch=(*after_epoch, _print_epoch),
    )
    # Process 0's, since it has read files and they haven't.
    history = distributed.from_first(lambda: history)
    model = _with_best(model, folder)
    result = {
        "settings": about["settings"],
        "parameters": count_parameters(model),
        "history": history,
        "best_epoch": best_epoch(history),
        "provenance": {
            "data": data.name,
            "classes": list(data.classes),
            "notes": list(data.notes),
            "images": {name: len(split) for name, split in splits.items()},
            "digest": about["images"],
            "seconds": round(history[-1]["seconds"]),
            "processes": distributed.world_size(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            **machine(),
        },
        "test": _measure(model, recipe, test),
    }
    if distributed.rank() == 0:
        (folder / CHECKPOINT).stat()  # an OSError if the folder has been moved meanwhile
        write_json(folder / HISTORY, result)
        write_reports(folder, result)
        (folder / CHECKPOINT).unlink()  # last of all: until then, the training isn't finished
        test = f"{result['test']['accuracy']:.1%} ± {result['test']['standard_error']:.1%}"
        print(f"best epoch {result['best_epoch']}; test accuracy {test}. All of it is in {folder}")
    return model, result


def _print_epoch(model, history):
    if distributed.rank() == 0:
        row, best = history[-1], best_epoch(history) == len(history)
        train, val = ((row[f"{part}_loss"], row[f"{part}_accuracy"]) for part in ("train", "val"))
        print_row(row["epoch"], row["learning_rate"], train, val, row["seconds"], best)


def _read_finished(folder, settings, images):
    """The result of a finished training."""
    path = folder / HISTORY
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        found = result["settings"], result["provenance"]["digest"]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): train in another folder (--out)") from error
    if found != (settings, images):
        raise ValueError(
            f"{folder} holds a finished training of other settings or images: choose another folder"
        )
    print(f"{folder} holds this training, finished")
    return result


def _with_best(model, folder):
    """The model, in all processes, with the best weights, which process 0 reads."""
    try:
        best = distributed.from_first(lambda: load_weights(model, folder / WEIGHTS).state_dict())
    except (ValueError, FileNotFoundError) as error:
        way_out = "put it back, or train in another folder (--out)"
        raise ValueError(f"{error}: {way_out}") from error
    model.load_state_dict(best)
    return model.eval()


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


def _with_its_batch(error, recipe, folder):
    """Keep the batch of a ``NotFinite``, and return the error with all that is known here."""
    slower = f"--learning-rate {recipe.learning_rate / 10:g} --out {folder}-slower"
    said = f"{error}, in another folder: {slower}. (--resume would come to the same loss)"
    if error.step is not None:
        path = folder / BAD_BATCH
        parts = {name: getattr(error.step, name) for name in ("images", "labels", "logits")}
        batch = {name: part.contiguous() for name, part in parts.items()}
        with contextlib.suppress(OSError, safetensors.SafetensorError):  # the loss is the news
            write_atomically(path, lambda beside: safetensors.torch.save_file(batch, beside))
            said += f". The batch, as the network got it, and its logits are in {path}"
    error.args = (said,)
    return error


def _way_on(folder):
    """How a training goes on that was broken off."""
    if not folder.is_dir():
        begin = f"{folder} isn't here (put it back, if it was moved)"
    elif (folder / CHECKPOINT).exists():
        begin = f"{folder} keeps all whole epochs"
    else:
        return "No epoch was finished yet, so nothing is kept: the same command begins again"
    return (
        f"{begin}: the same command with --resume (in Python: resume=True) goes on, with as many "
        "processes as you like"
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


@contextlib.contextmanager
def _alone_in(folder):
    """Make the folder, and keep other trainings out of it; the lock ends with its process."""
    lock = filelock.FileLock(folder / LOCK)

    def take():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ValueError(
                f"another process trains in {folder}: let it end, or choose another folder (--out)"
            ) from None
        except OSError as error:
            raise ValueError(
                f"{folder} can't be written ({error}): choose another folder (--out)"
            ) from error

    distributed.from_first(take)
    try:
        yield
    finally:
        if lock.is_locked:
            (folder / LOCK).unlink(missing_ok=True)
            lock.release()


def _is_finished(folder, resume):
    """Whether the folder holds a finished training; a ValueError if it isn't to be touched."""
    unfinished = (folder / CHECKPOINT).exists()
    finished = not unfinished and (folder / HISTORY).exists()
    if not resume and finished:
        raise ValueError(f"{folder} holds a finished training: choose another folder")
    if not resume and unfinished:
        raise ValueError(
            f"{folder} holds an unfinished training: --resume (in Python: resume=True) goes on "
            "with it; or choose another folder"
        )
    return finished


def _check_images(data):
    """Raise a ValueError unless each class can be learned, chosen by and measured."""
    lacking = []
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    for part, split in splits.items():
        counts = split.labels.bincount(minlength=len(data.classes)).tolist()
        names = [name for name, n in zip(data.classes, counts, strict=True) if n == 0]
        more = " …" if len(names) > 9 else ""
        lacking += [f"no {part} images of {', '.join(names[:9])}{more}"] if names else []
    if lacking:
        raise ValueError(
            f"{data.name}: {'; '.join(lacking)}. Each class needs at least 4 different images: 1 "
            "becomes a test image, 1 validates (where test images lie apart: 3 and 1)"
        )
