"""Recorded runs: trained once, on data or at a length that a laptop can't do live, and kept.

A recorded run is a JSON file with the ``settings`` of one training, its ``history`` (a row an
epoch), its ``curve`` (finer), ``gradient_norms`` and its ``provenance``: by what command, on
which data, with which versions and processor, how long. It is never edited by hand. This makes
it again:

    python -m resnet_helpers record NAME --data folder:PATH
"""

import dataclasses
import fnmatch
import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from resnet_helpers._files import write_atomically
from resnet_helpers.analysis import gradient_norms
from resnet_helpers.data import BatchLoader, cache_folder, join, load, normalizer
from resnet_helpers.experiments import fit
from resnet_helpers.experiments.checkpoint import read_state, restore, write_state
from resnet_helpers.experiments.provenance import digest, machine
from resnet_helpers.experiments.recipe import PRESETS, Preset
from resnet_helpers.networks import cifar_plain, cifar_resnet, count_parameters
from resnet_helpers.training import loss_batch, loss_epoch, save_weights, sgd_with_triangle
from resnet_helpers.transforms import random_crop, random_flip

RECORDED = Path(__file__).parent / "recorded"
# The sample set's classes come in turn: its first nine test images are of nine classes.
REPLAYED = 9
NETWORKS = {"plain": cifar_plain, "residual": cifar_resnet}


@dataclass(frozen=True)
class Settings:
    """All that decides the history of one run, on one machine.

    Attributes:
        network: "plain" or "residual", of the CIFAR family (option A: equal parameters).
        depth, width: as in ``networks.cifar_resnet``.
        seed: fixes the initial weights, the order of the images and the augmentation.
        epochs, batch_size: passes over the training images; images a step.
        learning_rate: the highest: it rises to it linearly during the first ``warm_up`` of all
            steps, and falls linearly to zero during the others.
        momentum, weight_decay: of SGD.
        padding: pixels of zeros around an image, before a window of its size is cut out.
        threads: of the processor. Another number adds in another order.
        curve_steps: steps for each point of ``curve``.
        compile: let ``torch.compile`` join the network's operations: a fifth faster, after a
            minute.
    """

    network: str
    depth: int
    seed: int
    width: int = 16
    epochs: int = 4
    batch_size: int = 16
    learning_rate: float = 0.05
    warm_up: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 1e-4
    padding: int = 4
    threads: int = 1
    curve_steps: int = 625
    compile: bool = False

    @property
    def key(self):
        return self.network, self.depth, self.seed


@dataclass(frozen=True)
class RecipeRun:
    """A whole training by ``fit.fit`` that is to be recorded under a recipe's name.

    Attributes:
        replay: record under ``watched`` what the network says after each epoch, too: the
            ``confusion`` counts of validation (a row for each true class), and for the first
            ``REPLAYED`` test images the ``answers`` and the ``probabilities`` of all classes.
    """

    recipe: str
    preset: Preset
    replay: bool = False

    @property
    def key(self):
        return self.recipe, self.preset.seed


@dataclass(frozen=True)
class Recording:
    """The runs that a chapter shows together.

    Attributes:
        needs: the data to be handed to ``record``, in words.
        source: where the images come from, in words, for the page.
        runs: each run's ``Settings`` or ``RecipeRun``, in the order in which they are made.
        checkpoints: names of the runs whose weights are kept.
    """

    needs: str
    source: str
    runs: tuple
    checkpoints: tuple = ()


# The notes' recipe as they wrote it, on a network and a size that two cores can train.
NOTES_RECIPE = replace(PRESETS["notes"], network="resnet18", image_size=96, epochs=12, threads=1)
# Ten epochs, since each takes a tenth longer than one of the notes' twelve.
BOOK_RECIPE = replace(PRESETS["book"], epochs=10, threads=1)
# Both recipes on the network, the pictures and the epochs that chapter 6 trains with. At a third
# of the size, a third of the shift.
REPLAYS = {
    "notes-recipe": replace(PRESETS["laptop"], epochs=12, threads=1),
    "book-recipe": replace(
        PRESETS["book"], network="cifar_resnet14", image_size=32, epochs=12, crop=3, threads=1
    ),
}
# What each ingredient buys: the book's recipe with one of them exchanged for what the notes have.
WITHOUT = {
    "resnet-d": {"network": "resnet18"},
    "sgd": {
        name: getattr(NOTES_RECIPE, name)
        for name in ("optimizer", "learning_rate", "weight_decay", "schedule")
    },
    "zero-gamma": {"zero_gamma": False},
    "crops": {"crop": 0},
    "label-smoothing": {"label_smoothing": 0.0},
}


def _recipe_runs():
    def both_seeds(recipe, preset):
        return [RecipeRun(recipe, replace(preset, seed=seed)) for seed in (0, 1)]

    return (
        *both_seeds("notes-recipe-resnet18", NOTES_RECIPE),
        *both_seeds("book-recipe-resnet18", BOOK_RECIPE),
        # What is reached in less time: each with a schedule of its own.
        *both_seeds("book-recipe-resnet18-4-epochs", replace(BOOK_RECIPE, epochs=4)),
        *both_seeds("book-recipe-resnet18-6-epochs", replace(BOOK_RECIPE, epochs=6)),
        *(
            run
            for ingredient, change in WITHOUT.items()
            for run in both_seeds(
                f"book-recipe-resnet18-without-{ingredient}", replace(BOOK_RECIPE, **change)
            )
        ),
        RecipeRun("book-recipe-resnet18-long", replace(BOOK_RECIPE, epochs=20)),
        RecipeRun("notes-recipe-resnet50", replace(NOTES_RECIPE, network="resnet50", epochs=4)),
        RecipeRun("book-recipe-resnet50", replace(BOOK_RECIPE, network="resnet50d", epochs=4)),
    )


RECORDINGS = {
    "degradation-cifar10": Recording(
        needs="CIFAR-10 as 32×32 images: --data folder:PATH with PATH/train and PATH/test",
        source="a JPEG copy of CIFAR-10 (Krizhevsky 2009)",
        runs=tuple(
            Settings(network, depth, seed)
            for seed, depths in ((0, (20, 56, 32, 44)), (1, (20, 56)), (2, (20, 56)))
            for depth in depths
            for network in ("plain", "residual")
        ),
        checkpoints=("residual-56-seed0",),
    ),
    "degradation-cifar10-long": Recording(
        needs="CIFAR-10 as 32×32 images: --data folder:PATH with PATH/train and PATH/test",
        source="a JPEG copy of CIFAR-10 (Krizhevsky 2009)",
        # Batch and rate by three-epoch pilots of ResNet-20, seed 0 (test error 25.8 % at 0.1,
        # 25.2 % at 0.2); 0.1 is the paper's rate.
        runs=tuple(
            Settings(
                network,
                depth,
                seed=0,
                epochs=30,
                batch_size=64,
                learning_rate=0.1,
                curve_steps=391,
                compile=True,
            )
            for depth in (20, 56)
            for network in ("residual", "plain")
        ),
    ),
    "recipes-imagenette96": Recording(
        needs="photographs of 96×96 pixels: --data folder:PATH with PATH/train and PATH/test",
        source="Imagenette (ten classes of ImageNet; fast.ai) at 96×96 pixels",
        runs=_recipe_runs(),
    ),
    "replay-sample": Recording(
        needs="the sample set: --data sample",
        source="the sample set (pictograms by OpenMoji, CC BY-SA 4.0) at 32×32 pixels",
        runs=tuple(RecipeRun(recipe, preset, replay=True) for recipe, preset in REPLAYS.items()),
    ),
}


def record(name, data_name, only="*", folder=RECORDED, state_folder=None):
    """Make the runs of a recording that aren't there yet; resume one that was cut off.

    Args:
        name: a key of ``RECORDINGS``.
        data_name: as for ``datasets.load``. Training uses its train and validation splits
            together, since nothing is chosen here; each epoch is measured on test.
        only: a pattern of run names, such as "plain-*": two processes can share the work.
        folder: finished runs go to FOLDER/NAME/RUN.json, checkpoints beside them.
        state_folder: where an unfinished run keeps its state; by default in the cache folder.

    Raises:
        ValueError: an unknown recording, or a pattern that fits no run.
        OSError: a file can't be written; finished runs and the last good state stay.
    """
    _check_name(name)
    recording = RECORDINGS[name]
    chosen = [run for run in recording.runs if fnmatch.fnmatch(run_name(run), only)]
    if not chosen:
        names = ", ".join(map(run_name, recording.runs))
        raise ValueError(f"no run of {name} fits {only!r}: its runs are {names}")
    state_folder = Path(state_folder or cache_folder() / "unfinished") / name
    missing = [run for run in chosen if not _run_path(name, run_name(run), folder).exists()]
    data = load(data_name) if missing else None
    for planned in missing:
        make = _record_recipe if isinstance(planned, RecipeRun) else _record_without_choosing
        model, run, clear = make(planned, data, state_folder)
        run["provenance"] = {
            "command": f"python -m resnet_helpers record {name} --data DATA",
            **run["provenance"],
            "data": recording.source,
        }
        path = _run_path(name, run_name(planned), folder)
        if run_name(planned) in recording.checkpoints:
            save_weights(model, path.with_suffix(".safetensors"))
        text = json.dumps(run, indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, lambda beside, text=text: beside.write_text(text))
        clear()
    print(f"{name}: {len(chosen)} of {len(chosen)} runs recorded")


def run_name(run):
    """The name of a run's file: plain-20-seed0, notes-seed1."""
    *parts, seed = run.key
    return f"{'-'.join(map(str, parts))}-seed{seed}"


def _record_without_choosing(settings, data, state_folder):
    """Train on all training images, since nothing is chosen; returns also how to clear up."""
    training = join(data.train, data.validation)
    state_path = state_folder / f"{run_name(settings)}.pt"
    model, state = train(settings, training, data.test, state_path)
    run = {
        "settings": dataclasses.asdict(settings),
        "parameters": count_parameters(model),
        "history": state["history"],
        "curve": state["curve"],
        "gradient_norms": state["gradient_norms"],
        "provenance": {
            "training_images": len(training),
            "test_images": len(data.test),
            "digest": digest(training, data.test),
            "seconds": round(state["seconds"]),
            **machine(),
        },
    }
    return model, run, state_path.unlink


def _record_recipe(planned, data, state_folder):
    """Train by a preset, validation choosing; returns also how to clear up."""
    folder = state_folder / run_name(planned)
    watch = _watch(data.test.images[:REPLAYED]) if planned.replay else None
    model, run = fit.fit(planned.preset, data, folder, resume=True, watch=watch)
    run["provenance"] |= {"training_images": len(data.train), "test_images": len(data.test)}
    return model, run, lambda: shutil.rmtree(folder)


def _watch(images):
    """What ``fit.fit`` is to keep of each epoch for a replay."""

    def watch(logits, confusion):
        probabilities = logits(images).softmax(1)
        return {
            "confusion": confusion.long().tolist(),
            # Not to be read off the rounded probabilities: two of them can be equal.
            "answers": probabilities.argmax(1).tolist(),
            "probabilities": [[round(p, 3) for p in row] for row in probabilities.tolist()],
        }

    return watch


def train(settings, train_split, test_split, state_path):
    """Train one network from its settings, going on where an earlier process was cut off.

    After each epoch all that the next one depends on is written to ``state_path``, atomically.
    A process may be killed at any moment: the next call goes on after the last whole epoch, and
    on one machine the history is the same, bit for bit, as that of an unbroken run.

    Returns:
        The trained model, and a dictionary: ``history``, for each epoch ``train_loss`` and
        ``train_error`` (running means over augmented images), ``test_loss`` and ``test_error``;
        ``curve``, the same running means over each ``curve_steps`` steps, with the number of
        images ``seen`` so far; ``gradient_norms``, by epoch (0 is before training) and
        convolution, of the mean loss of 256 training images; ``seconds`` of training and
        measuring.

    Raises:
        OSError: the state can't be written; the last good one stays.
        ValueError: the state is damaged, or of other settings or other data.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    model = NETWORKS[settings.network](settings.depth, settings.width)
    model = model.to(memory_format=torch.channels_last)
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    train_dl, test_dl = _loaders(settings, train_split, test_split)
    opt, schedule = sgd_with_triangle(model, settings.epochs * len(train_dl), settings)

    def measure_gradients(epoch):
        # Evenly spaced: a folder's images lie class by class.
        chosen = torch.linspace(0, len(train_split) - 1, 256).long()
        images = train_dl.transform(train_split.images[chosen])
        norms = gradient_norms(model, nn.CrossEntropyLoss(), images, train_split.labels[chosen])
        state["gradient_norms"][str(epoch)] = norms

    forward = torch.compile(model) if settings.compile else model
    stateful = {"model": model, "optimizer": opt, "schedule": schedule}
    cause = {"settings": dataclasses.asdict(settings), "data": digest(train_split, test_split)}
    kept = read_state(state_path, cause)
    if kept:
        state = restore(kept, stateful, train_dl.generator)
    else:
        state = {"history": [], "curve": [], "gradient_norms": {}, "seconds": 0.0}
        measure_gradients(0)
    for epoch in range(len(state["history"]) + 1, settings.epochs + 1):
        start = time.perf_counter()
        points = _train_epoch(forward.train(), loss_func, train_dl, opt, settings.curve_steps)
        with torch.inference_mode():
            test_loss, test_accuracy = loss_epoch(model.eval(), loss_func, test_dl)
        row = {
            "train_loss": _mean(points, "loss"),
            "train_error": _mean(points, "error"),
            "test_loss": test_loss,
            "test_error": 1 - test_accuracy,
        }
        seen = len(train_split) * len(state["history"])
        for point in points:
            seen += point.pop("images")
            state["curve"].append({"seen": seen, **point})
        state["history"].append(row)
        measure_gradients(epoch)
        state["seconds"] += time.perf_counter() - start
        write_state(state_path, cause, stateful, train_dl.generator, state)
        print(
            f"{run_name(settings)}, epoch {epoch} of {settings.epochs}: "
            f"training error {row['train_error']:.1%}, test error {row['test_error']:.1%}, "
            f"{state['seconds'] / 60:.1f} minutes",
            flush=True,
        )
    return model, state


def load_run(name, run, folder=RECORDED):
    """A recorded run: the dictionary that ``record`` wrote.

    Raises:
        FileNotFoundError: it isn't recorded; the message says by which command it can be.
    """
    path = _run_path(name, run, folder)
    if not path.exists():
        raise FileNotFoundError(
            f"{run} of {name} isn't recorded: python -m resnet_helpers record {name} --data DATA "
            "makes it"
        )
    return json.loads(path.read_text())


def load_recording(name, folder=RECORDED):
    """The runs of a recording that have been made, in the recording's order.

    Returns:
        A dictionary from each run's key, (network, depth, seed) or (recipe, seed), to what
        ``load_run`` gives.

    Raises:
        ValueError: an unknown recording.
        FileNotFoundError: none of its runs is recorded; the message says by which command.
    """
    _check_name(name)
    planned = RECORDINGS[name].runs
    made = [run for run in planned if _run_path(name, run_name(run), folder).exists()]
    # With none made, the first is asked for, since its error names the command.
    return {run.key: load_run(name, run_name(run), folder) for run in made or planned[:1]}


def provenance_line(recorded):
    """One line for the page: what was run, on which data and machine, how long.

    Args:
        recorded: runs of one recording, as a list of dictionaries.

    Raises:
        ValueError: no run, or runs of different recordings or schedules.
    """
    first = recorded[0] if recorded else None
    if first is None or any(_common(run) != _common(first) for run in recorded):
        raise ValueError("expected one run or more, all of one recording and one schedule")
    settings, made = first["settings"], first["provenance"]
    dates = _unique(run["provenance"]["date"] for run in recorded)
    commits = _unique(run["provenance"]["commit"] for run in recorded)
    seeds = _unique(run["settings"]["seed"] for run in recorded)
    minutes = sum(run["provenance"]["seconds"] for run in recorded) / 60
    runs = f"{len(recorded)} runs" if len(recorded) > 1 else "1 run"
    return (
        f"Recorded {dates}: {runs} on {made['data']}, {made['training_images']:,} training "
        f"images, {settings['epochs']} epochs, seed {seeds}; {minutes:.0f} minutes in all, "
        f"{settings['threads']} thread each, on {made['processor']}, PyTorch {made['torch']}, "
        f"commit {commits}. Again: {made['command']}"
    )


def _common(run):
    made, settings = run["provenance"], run["settings"]
    return made["command"], made["digest"], made["processor"], made["torch"], settings["epochs"]


def _unique(values):
    return ", ".join(str(value) for value in sorted(set(values)))


def _run_path(name, run, folder):
    return Path(folder) / name / f"{run}.json"


def _check_name(name):
    if name not in RECORDINGS:
        raise ValueError(f"unknown recording {name!r}: choose one of {', '.join(RECORDINGS)}")


def _loaders(settings, train_split, test_split):
    transform = normalizer(train_split)

    def augment(images, generator):
        return random_flip(random_crop(images, settings.padding, generator), generator)

    train_dl = BatchLoader(
        train_split, settings.batch_size, transform, augment, shuffle=True, seed=settings.seed
    )
    return train_dl, BatchLoader(test_split, 500, transform)


def _train_epoch(model, loss_func, loader, opt, curve_steps):
    """One pass: a dictionary for each ``curve_steps`` steps: images, mean loss, mean error."""
    points = []
    for step, (images, labels) in enumerate(loader):
        if step % curve_steps == 0:
            points.append({"images": 0, "loss": 0.0, "error": 0.0})
        loss, right = loss_batch(loss_func, model(images), labels, opt)
        points[-1]["images"] += len(labels)
        points[-1]["loss"] += loss
        points[-1]["error"] += len(labels) - right
    for point in points:
        point["loss"] /= point["images"]
        point["error"] /= point["images"]
    return points


def _mean(points, key):
    return sum(p["images"] * p[key] for p in points) / sum(p["images"] for p in points)
