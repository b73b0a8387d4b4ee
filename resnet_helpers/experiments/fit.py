"""A whole training: from a preset and a data set to a folder with all that is worth keeping.

Validation chooses the best weights; the test split is touched once, at the end. After each epoch
the folder holds the history so far, the best weights, and the state from which another process,
or another number of processes, goes on.
"""

import dataclasses
import json
import math
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import transforms
from resnet_helpers._files import write_atomically
from resnet_helpers.data import BatchLoader, Dataset, Split
from resnet_helpers.experiments.checkpoint import read_state, restore, write_state
from resnet_helpers.experiments.distributed import LostProcess, processes
from resnet_helpers.experiments.model_card import write_reports
from resnet_helpers.experiments.provenance import digest, machine
from resnet_helpers.experiments.recipe import Preset, build_network
from resnet_helpers.networks import count_parameters
from resnet_helpers.training import get_lr, load_weights, save_weights, triangle_schedule

HISTORY, WEIGHTS, STATE = "history.json", "best.safetensors", "state.pt"
BAD_BATCH = "bad-batch.safetensors"


class Stopped(Exception):
    """The training was asked to stop (Ctrl-C); what it has reached is kept."""


def fit(preset, data, folder, resume=False, watch=None):
    """Train as a preset says, and write a folder: history, curves, best weights, model card.

    Args:
        preset: a ``presets.Preset``.
        data: a ``datasets.Dataset``.
        folder: a new or empty one, or one that an unfinished training has left, to be resumed.
        resume: go on after the last whole epoch of an unfinished training. On one machine, with
            as many processes and threads, the result is that of an unbroken one, bit for bit.
            A finished training of the same settings and images is returned as it is.
        watch: a function, called after each epoch with two things: a function from uint8 images
            to the network's logits, and the confusion counts of validation. What it returns, of
            plain Python types, is kept under ``watched``, an item an epoch.

    Returns:
        The network with its best weights, and what history.json holds: ``settings``,
        ``history`` (a dictionary an epoch), ``best_epoch``, ``test`` and ``provenance``.

    Raises:
        ValueError: the folder holds another training, or a setting can't be had here.
        FloatingPointError: a loss is no longer finite; its batch is kept in the folder.
        Stopped: Ctrl-C, or SIGTERM; the state of the last whole epoch is kept.
        LostProcess: another of several processes has ended.
    """
    folder = Path(folder)
    if preset.threads:
        torch.set_num_threads(preset.threads)
    try:
        with processes() as group, _stop_between_batches() as check_stop:
            group.from_first(lambda: _check_folder(folder, resume))
            training = _Training(preset, data, folder, group, check_stop, watch)
            if resume and _is_finished(folder):
                return training.reread()
            training.resume()
            while len(training.progress["history"]) < preset.epochs:
                training.epoch()
            return training.finish()
    except (Stopped, FloatingPointError, LostProcess) as error:
        # A new object of the same kind: where things stand is known only here.
        raise type(error)(f"{error}. {_way_on(folder)}") from error


def load_trained(path):
    """The network that a ``best.safetensors`` holds, ready for use, and what is known of it.

    Returns:
        The network in evaluation mode, and a dictionary: ``settings``, ``classes``,
        ``mean`` and ``std`` (of the training images, for ``transforms.normalize``).

    Raises:
        ValueError: the file is damaged, or wasn't written by ``fit``.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}") from error
    if about is None:
        raise ValueError(f"{path} doesn't say which network it is of: expected one that fit wrote")
    model = build_network(Preset(**about["settings"]), len(about["classes"]))
    return load_weights(model, path).eval(), about


class _Training:
    """One training under way: all its parts, and the steps that ``fit`` takes."""

    def __init__(self, preset, data, folder, group, check_stop, watch):
        _check_device(preset, group.device)
        self.preset, self.folder, self.group, self.check_stop = preset, folder, group, check_stop
        self.watch = watch
        self.data = data = _prepare(data, preset)
        statistics = transforms.channel_statistics(data.train.images)
        self.mean, self.std = statistics.mean, statistics.std
        torch.manual_seed(preset.seed)
        model = build_network(preset, len(data.classes)).to(group.device)
        if preset.channels_last:
            model = model.to(memory_format=torch.channels_last)
        if preset.sync_batch_norm:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        self.model = model
        self.train_dl = self._loader(data.train, augment=self._augment, shuffle=True)
        self.opt = _optimizer(preset, model)
        self.schedule = _schedule(preset, self.opt, preset.epochs * len(self.train_dl))
        self.scaler = torch.amp.GradScaler(group.device.type, enabled=preset.mixed_precision)
        self.loss_func = nn.CrossEntropyLoss(
            reduction="sum", label_smoothing=preset.label_smoothing
        )
        self.progress = {"history": [], "best_loss": math.inf, "best_epoch": 0, "seconds": 0.0}

    def resume(self):
        """Go on where an earlier process was cut off, if there was one."""
        cause = self._cause()
        kept = self.group.from_first(lambda: read_state(self.folder / STATE, cause))
        if kept:
            self.progress = restore(kept, self._stateful(), self.train_dl.generator)
        # Only now: with several processes this sends the first one's weights to the others.
        self.together = self.group.together(self.model)
        if self.group.rank == 0:
            _print_head(self.preset, self.data, self.progress)

    def reread(self):
        """The model and the result of a finished training."""
        result = json.loads((self.folder / HISTORY).read_text())
        digests = result["provenance"]["digest"], self._cause()["images"]
        if result["settings"] != dataclasses.asdict(self.preset) or len(set(digests)) != 1:
            raise ValueError(
                f"{self.folder} holds a finished training of other settings or images: choose "
                "another folder"
            )
        print(f"{self.folder} holds this training, finished")
        return load_weights(self.model, self.folder / WEIGHTS).eval(), result

    def epoch(self):
        """Train and validate once, and keep everything."""
        start = time.perf_counter()
        row = {"epoch": len(self.progress["history"]) + 1, "learning_rate": self._learning_rate()}
        row["train_loss"], row["train_accuracy"] = self._learn(row["epoch"])
        counts, row["val_loss"] = self._measure(self.data.validation)
        row["val_accuracy"] = _accuracy(counts)
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(row["val_loss"])
        self.progress["seconds"] += time.perf_counter() - start
        row["seconds"] = round(self.progress["seconds"], 2)
        self.progress["history"].append(row)
        if self.watch:
            self.progress.setdefault("watched", []).append(self.watch(self._logits, counts))
        best = row["val_loss"] < self.progress["best_loss"]
        if best:
            self.progress["best_loss"], self.progress["best_epoch"] = row["val_loss"], row["epoch"]
        self.group.from_first(lambda: self._keep(best))
        if self.group.rank == 0:
            _print_row(row, best)
        self.check_stop()

    def finish(self):
        """Measure the best weights on test, once; write the reports; remove the state."""
        self.group.from_first(lambda: None)  # the first process has written the best weights
        load_weights(self.model, self.folder / WEIGHTS)
        counts, loss = self._measure(self.data.test)
        accuracy, n = _accuracy(counts), int(counts.sum())
        result = self._result() | {
            "test": {
                "loss": loss,
                "accuracy": accuracy,
                "standard_error": math.sqrt(accuracy * (1 - accuracy) / n),
                "confusion": counts.long().tolist(),
            }
        }
        self.group.from_first(lambda: self._write_end(result))
        return self.model.eval(), result

    def _learn(self, epoch):
        """One pass over the training images: mean loss and accuracy, while the weights change."""
        self.model.train()
        totals = torch.zeros(3, dtype=torch.float64)  # loss, right answers, images
        for step, (images, labels) in enumerate(self.train_dl):
            with self._autocast():
                logits = self.together(images)
                loss = self.loss_func(logits.float(), labels)
            if not math.isfinite(loss.item()):
                raise self._not_finite(epoch, step, images, labels, logits)
            self.opt.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.opt)
            self.scaler.update()
            totals += _totals(loss, logits, labels)
            self.check_stop()
        loss, right, seen = self.group.total(totals).tolist()
        return loss / seen, right / seen

    @torch.inference_mode()
    def _measure(self, split):
        """Confusion counts (a row for each true class) and mean loss of a split, unsmoothed."""
        self.model.eval()
        classes = len(self.data.classes)
        counts = torch.zeros(classes**2 + 1, dtype=torch.float64)  # the last is the loss
        for images, labels in self._loader(split):
            with self._autocast():
                logits = self.model(images).float()
            counts[-1] += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            places = classes * labels + logits.argmax(1)
            counts[:-1] += torch.bincount(places, minlength=classes**2).cpu()
            self.check_stop()
        counts = self.group.total(counts)
        return counts[:-1].reshape(classes, classes), counts[-1].item() / len(split)

    @torch.inference_mode()
    def _logits(self, images):
        """What the network says of uint8 images, as it stands now."""
        self.model.eval()
        with self._autocast():
            return self.model(self._transform(images.to(self.group.device))).float().cpu()

    def _learning_rate(self):
        """The rate that stands now, as the preset counts it: for a mean loss."""
        rate = get_lr(self.opt)
        return rate if self.preset.optimizer == "adam" else rate * self.preset.batch_size

    def _loader(self, split, **options):
        on_device = Split(split.images.to(self.group.device), split.labels.to(self.group.device))
        share = (self.group.rank, self.group.count)
        return BatchLoader(
            on_device,
            self.preset.batch_size,
            self._transform,
            seed=self.preset.seed,
            share=share,
            **options,
        )

    def _transform(self, images):
        if images.shape[-1] != self.preset.image_size:
            images = transforms.resize(images, self.preset.image_size)
        images = transforms.normalize(images, self.mean, self.std)
        if self.preset.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        return images

    def _augment(self, images, generator):
        if self.preset.crop:
            images = transforms.random_crop(images, self.preset.crop, generator)
        if self.preset.flip:
            images = transforms.random_flip(images, generator)
        return images

    def _autocast(self):
        return torch.autocast(
            self.group.device.type, torch.float16, enabled=self.preset.mixed_precision
        )

    def _stateful(self):
        return {
            "model": self.model,
            "optimizer": self.opt,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    def _cause(self):
        splits = (self.data.train, self.data.validation, self.data.test)
        cause = {"settings": dataclasses.asdict(self.preset), "images": digest(*splits)}
        # To go on watching, all earlier epochs must have been watched too.
        return cause | ({"watched epochs": "all"} if self.watch else {})

    def _about(self):
        """What must be known to use the weights."""
        return {
            "settings": dataclasses.asdict(self.preset),
            "classes": self.data.classes,
            "mean": self.mean,
            "std": self.std,
        }

    def _result(self):
        data = self.data
        splits = {"train": data.train, "validation": data.validation, "test": data.test}
        return {
            "settings": dataclasses.asdict(self.preset),
            "parameters": count_parameters(self.model),
            "history": self.progress["history"],
            "best_epoch": self.progress["best_epoch"],
            **({"watched": self.progress["watched"]} if self.watch else {}),
            "provenance": {
                "data": data.name,
                "classes": list(data.classes),
                "images": {name: len(split) for name, split in splits.items()},
                "digest": digest(*splits.values()),
                "seconds": round(self.progress["seconds"]),
                "processes": self.group.count,
                "threads": torch.get_num_threads(),
                "device": _device_name(self.group.device),
                **machine(),
            },
        }

    def _keep(self, best):
        """Write the best weights, the history and the state, in this order: see ``resume``."""
        if best:
            about = {"about": json.dumps(self._about())}
            save_weights(self.model, self.folder / WEIGHTS, about)
        _write_json(self.folder / HISTORY, self._result())
        write_state(
            self.folder / STATE,
            self._cause(),
            self._stateful(),
            self.train_dl.generator,
            self.progress,
        )

    def _write_end(self, result):
        _write_json(self.folder / HISTORY, result)
        write_reports(self.folder, result)
        (self.folder / STATE).unlink()
        _print_end(self.folder, result)

    def _not_finite(self, epoch, step, images, labels, logits):
        path = self.folder / BAD_BATCH
        batch = {"images": images.contiguous(), "labels": labels, "logits": logits.detach()}
        write_atomically(path, lambda beside: safetensors.torch.save_file(batch, beside))
        return FloatingPointError(
            f"epoch {epoch}, step {step + 1}: the loss is no longer finite, at learning rate "
            f"{self._learning_rate():.3g}. Try a tenth of the learning rate. The "
            f"batch, as the network got it, and its logits are in {path}"
        )


def _prepare(data, preset):
    """The splits, cut to the preset's limit and shrunk once if they are larger than needed."""

    def prepare(split):
        images, labels = split.images, split.labels
        if 0 < preset.limit < len(split):
            generator = torch.Generator().manual_seed(preset.seed)
            chosen = torch.randperm(len(split), generator=generator)[: preset.limit]
            images, labels = images[chosen], labels[chosen]
        # Enlarging waits for the batch, since it would fill the memory.
        if images.shape[-1] > preset.image_size:
            images = transforms.resize(images, preset.image_size)
        return Split(images, labels)

    return Dataset(data.name, data.classes, *map(prepare, (data.train, data.validation, data.test)))


def _optimizer(preset, model):
    # Losses are summed over a batch. Dividing the rate by the batch's size, and multiplying the
    # decay by it, makes each of sgd's steps that of the mean loss. Adam's needs neither.
    if preset.optimizer == "adam":
        decay = preset.weight_decay * preset.batch_size
        return torch.optim.Adam(model.parameters(), preset.learning_rate, weight_decay=decay)
    return torch.optim.SGD(
        model.parameters(),
        preset.learning_rate / preset.batch_size,
        preset.momentum,
        weight_decay=preset.weight_decay * preset.batch_size,
        nesterov=preset.momentum > 0,
    )


def _schedule(preset, opt, steps):
    if preset.schedule == "plateau":
        return ReduceLROnPlateau(opt, mode="min", factor=0.1, patience=preset.patience)
    return triangle_schedule(opt, steps, preset.warm_up)


@contextmanager
def _stop_between_batches():
    """While it lasts, Ctrl-C and SIGTERM only take note; the function it yields then stops."""
    noted = []

    def check():
        if noted:
            raise Stopped(f"stopped by {signal.Signals(noted[0]).name}")

    # Python lets only the main thread handle signals; elsewhere they do what they always do.
    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = {
        number: signal.signal(number, lambda number, _: noted.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_folder(folder, resume):
    if (folder / STATE).exists():
        if not resume:
            raise ValueError(
                f"{folder} holds an unfinished training: --resume (in Python: resume=True) goes "
                "on with it; or choose another folder"
            )
    elif _is_finished(folder) and not resume:
        raise ValueError(f"{folder} holds a finished training: choose another folder")
    folder.mkdir(parents=True, exist_ok=True)


def _is_finished(folder):
    return (folder / HISTORY).exists() and not (folder / STATE).exists()


def _check_device(preset, device):
    for name in ("mixed_precision", "sync_batch_norm"):
        if getattr(preset, name) and device.type == "cpu":
            raise ValueError(f"{name}=True needs a GPU, and PyTorch finds none here: set it False")


def _way_on(folder):
    try:
        done = len(json.loads((folder / HISTORY).read_text())["history"])
    except OSError:
        return "No epoch was finished yet, so nothing is kept"
    epochs = "epoch 1 is kept" if done == 1 else f"epochs 1 to {done} are kept"
    return (
        f"In {folder} {epochs}: the same command with --resume (in Python: resume=True) goes on, "
        "with as many processes as you like"
    )


def _totals(loss, logits, labels):
    right = (logits.argmax(1) == labels).sum().item()
    return torch.tensor([loss.item(), right, len(labels)], dtype=torch.float64)


def _accuracy(counts):
    return (counts.diag().sum() / counts.sum()).item()


def _device_name(device):
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _write_json(path, content):
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda beside: beside.write_text(text))


def _print_head(preset, data, progress):
    print(
        f"{preset.network} on {data.name}: {len(data.train):,} training, "
        f"{len(data.validation):,} validation and {len(data.test):,} test images"
    )
    if progress["history"]:
        print(f"going on after epoch {len(progress['history'])} of {preset.epochs}")
    print("epoch       lr   train loss  accuracy     val loss  accuracy   minutes", flush=True)


def _print_row(row, best):
    print(
        f"{row['epoch']:5d} {row['learning_rate']:8.2g} {row['train_loss']:12.4f} "
        f"{row['train_accuracy']:9.1%} {row['val_loss']:12.4f} {row['val_accuracy']:9.1%} "
        f"{row['seconds'] / 60:9.2f}{'   best' if best else ''}",
        flush=True,
    )


def _print_end(folder, result):
    test = result["test"]
    print(
        f"best epoch {result['best_epoch']}; test accuracy {test['accuracy']:.1%} "
        f"± {test['standard_error']:.1%}. All of it is in {folder}",
        flush=True,
    )
