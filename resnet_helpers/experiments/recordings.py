"""Recordings: runs that are trained once, on data or at a length that a laptop can't do live.

    python -m resnet_helpers record NAME --data folder:PATH

makes those of a recording that aren't there yet; ``recorded`` reads them.
"""

import fnmatch
import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from resnet_helpers.analysis import gradient_norms, without_block
from resnet_helpers.data import Split, cache_folder, join, load
from resnet_helpers.experiments.fit import loader_for, network_for, transform_for
from resnet_helpers.experiments.on_gpu import fit_on_gpu
from resnet_helpers.experiments.provenance import digest, machine
from resnet_helpers.experiments.recipe import BOOK, LIVE, RECIPES, Recipe
from resnet_helpers.experiments.recorded import RECORDED, REPLAYED
from resnet_helpers.experiments.side_by_side import errors, train_side_by_side
from resnet_helpers.experiments.train import prepare, train_to_folder, write_json
from resnet_helpers.networks import count_parameters
from resnet_helpers.training import confusion_matrix, predict
from resnet_helpers.transforms import channel_statistics


@dataclass(frozen=True)
class Run:
    """One training that is to be recorded.

    Attributes:
        name: of the file, but for the recipe's seed.
        replay: of a whole training, keep under ``watched`` what the network says after each
            epoch: the ``confusion`` counts of validation, and for the first ``REPLAYED`` test
            images the ``answers`` and the ``probabilities`` of all classes.
        sweep: learning rates: the live experiment's training with each of them.
        lesions: the live experiment's training, then the error on its first 1,000 images,
            ``whole`` and ``without`` each block but a stage's first.
        together: on a GPU, beside the recording's others, by ``fit_on_gpu``: on all training
            images, measured on test after each epoch. ``gradient_norms`` by epoch (0 is before
            training, then the first and the last) and convolution, of the mean loss of 256
            training images.
    """

    name: str
    recipe: Recipe
    replay: bool = False
    sweep: tuple = ()
    lesions: bool = False
    together: bool = False

    @property
    def file(self):
        """The name of its file, without the ending."""
        return f"{self.name}-seed{self.recipe.seed}"


class Recording(NamedTuple):
    """The runs that a chapter shows together, and on which data, in words."""

    needs: str  # what to hand to ``record``
    source: str  # where the images come from, for the page
    runs: tuple


# Degradation: the CIFAR family, plain and residual, with the paper's batch and rate (section 4.2),
# and as long as ten minutes of one GPU allow.
LONG_DEGRADATION = replace(
    LIVE, image_size=32, epochs=30, batch_size=128, crop=4, precision="bfloat16"
)
# As long as the paper's.
PAPER_DEGRADATION = replace(LONG_DEGRADATION, epochs=164, schedule="stairs")
# Is it the rate? Plain networks get two more.
OTHER_RATES = tuple(
    Run(
        f"plain-{depth}-rate-{rate}",
        replace(LONG_DEGRADATION, network=f"cifar_plain{depth}", learning_rate=rate),
        together=True,
    )
    for depth in (20, 56)
    for rate in (0.03, 0.01)
)
# The live experiment at other rates, and at length: is it only the learning rate, or patience?
RATES = (0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.4)
SWEPT = replace(LIVE, width=8, image_size=16)
# The notes' recipe as they wrote it, on a network and a size that two cores can train.
NOTES_RECIPE = replace(RECIPES["notes"], network="resnet18", image_size=96, epochs=12, threads=1)
# Ten epochs, since each takes a tenth longer than one of the notes' twelve.
BOOK_RECIPE = replace(BOOK, epochs=10, threads=1)
# Both recipes on the network, the pictures and the epochs of the laptop's. At a third of the size,
# a third of the shift.
REPLAYS = {
    "notes-recipe": replace(RECIPES["laptop"], threads=1),
    "book-recipe": replace(
        BOOK, network="cifar_resnet14", image_size=32, epochs=12, crop=3, threads=1
    ),
}
# What each ingredient buys: the book's recipe with one of them exchanged for what the notes have.
WITHOUT = {
    "resnet-d": {"network": "resnet18"},
    "sgd": {
        name: getattr(NOTES_RECIPE, name)
        for name in ("optimizer", "nesterov", "learning_rate", "weight_decay", "schedule")
    },
    "zero-gamma": {"zero_gamma": False},
    "crops": {"crop": 0},
    "label-smoothing": {"label_smoothing": 0.0},
}


def _degradation_runs(recipe, depths_by_seed, **how):
    return tuple(
        Run(f"{kind}-{depth}", replace(recipe, network=f"{network}{depth}", seed=seed), **how)
        for seed, depths in depths_by_seed.items()
        for depth in depths
        for kind, network in (("plain", "cifar_plain"), ("residual", "cifar_resnet"))
    )


def _recipe_runs():
    changes = {
        "": {},
        # What is reached in less time: each with a schedule of its own.
        "-4-epochs": {"epochs": 4},
        "-6-epochs": {"epochs": 6},
        **{f"-without-{ingredient}": change for ingredient, change in WITHOUT.items()},
    }
    twice = {"notes-recipe-resnet18": NOTES_RECIPE} | {
        f"book-recipe-resnet18{end}": replace(BOOK_RECIPE, **change)
        for end, change in changes.items()
    }
    once = {
        "book-recipe-resnet18-long": replace(BOOK_RECIPE, epochs=20),
        "notes-recipe-resnet50": replace(NOTES_RECIPE, network="resnet50", epochs=4),
        "book-recipe-resnet50": replace(BOOK_RECIPE, network="resnet50d", epochs=4),
    }
    return (
        *(Run(name, replace(r, seed=seed)) for name, r in twice.items() for seed in (0, 1)),
        *(Run(name, recipe) for name, recipe in once.items()),
    )


CIFAR10 = (
    "CIFAR-10 as 32×32 images: --data folder:PATH with PATH/train and PATH/test",
    "a JPEG copy of CIFAR-10 (Krizhevsky 2009)",
)
SAMPLE = "the sample set: --data sample"
DRAWN = "the sample set (pictograms by OpenMoji, CC BY-SA 4.0)"
RECORDINGS = {
    "degradation-cifar10-long": Recording(
        *CIFAR10,
        (
            *_degradation_runs(
                LONG_DEGRADATION,
                {0: (20, 56, 32, 44, 110), 1: (20, 56), 2: (20, 56)},
                together=True,
            ),
            *OTHER_RATES,
        ),
    ),
    "degradation-cifar10-paper": Recording(
        *CIFAR10,
        _degradation_runs(PAPER_DEGRADATION, {0: (20, 56)}, together=True),
    ),
    **{
        name: Recording(
            SAMPLE,
            f"{DRAWN} at 16×16 pixels",
            _degradation_runs(recipe, dict.fromkeys(range(3), (8, 20, 44)), sweep=RATES),
        )
        for name, recipe in {
            "rates-sample": SWEPT,
            "rates-sample-30-epochs": replace(SWEPT, epochs=30),
        }.items()
    },
    # At a rate that trains plain-20 well enough.
    "lesions-sample": Recording(
        SAMPLE,
        f"{DRAWN} at 16×16 pixels",
        _degradation_runs(
            replace(SWEPT, learning_rate=0.05), dict.fromkeys(range(5), (20,)), lesions=True
        ),
    ),
    "recipes-imagenette96": Recording(
        "photographs of 96×96 pixels: --data folder:PATH with PATH/train and PATH/test",
        "Imagenette (ten classes of ImageNet; fast.ai) at 96×96 pixels",
        _recipe_runs(),
    ),
    "replay-sample": Recording(
        SAMPLE,
        f"{DRAWN} at 32×32 pixels",
        tuple(Run(name, recipe, replay=True) for name, recipe in REPLAYS.items()),
    ),
}


def record(name, data_name, only="*", folder=RECORDED):
    """Make the runs of a recording that aren't there yet; resume one that was cut off.

    Args:
        name: a key of ``RECORDINGS``.
        data_name: as for ``data.load``.
        only: a pattern of run names, such as ``"plain-*"``: two processes can share the work.
        folder: finished runs go to FOLDER/NAME/RUN.json; an unfinished one is kept in the cache
            folder.

    Raises:
        ValueError: an unknown recording, a pattern that fits no run, or no GPU where it needs one.
        OSError: a file can't be written; finished runs and the last good checkpoint stay.
    """
    if name not in RECORDINGS:
        raise ValueError(f"unknown recording {name!r}: choose one of {', '.join(RECORDINGS)}")
    recording = RECORDINGS[name]
    chosen = [run for run in recording.runs if fnmatch.fnmatch(run.file, only)]
    if not chosen:
        names = ", ".join(run.file for run in recording.runs)
        raise ValueError(f"no run of {name} fits {only!r}: its runs are {names}")
    paths = {run: Path(folder) / name / f"{run.file}.json" for run in chosen}
    missing = [run for run in chosen if not paths[run].exists()]
    if missing and missing[0].together and not torch.cuda.is_available():
        raise ValueError(f"{name} trains on a GPU, and PyTorch finds none: Colab lends one")
    data = load(data_name) if missing else None
    groups = [missing] if missing and missing[0].together else [[run] for run in missing]
    for group in groups:
        place = cache_folder() / "unfinished" / name / group[0].file
        command = f"python -m resnet_helpers record {name} --data DATA"
        for run, made in zip(group, _make(group, data, place), strict=True):
            made["provenance"] |= {"command": command, "data": recording.source}
            write_json(paths[run], made)
        if place.exists():  # what is short keeps nothing there
            shutil.rmtree(place)
    print(f"{name}: {len(chosen)} of {len(chosen)} runs recorded")


def list_recordings():
    """Print what can be recorded, what it needs, and what is there."""
    for name, recording in RECORDINGS.items():
        print(f"{name}: needs {recording.needs}")
        for run in recording.runs:
            there = (RECORDED / name / f"{run.file}.json").exists()
            print(f"    {run.file}: {'recorded' if there else 'not recorded yet'}")


def _make(group, data, place):
    """What is to be written of the runs of a group; an unfinished one goes on from ``place``."""
    run = group[0]
    if run.together:
        return _train_together(group, data, place / "together.pt")
    if run.sweep:
        return [_sweep(run, data, place)]
    if run.lesions:
        return [_lesions(run, data)]
    train = partial(_train, run.recipe, place)
    return [_train_whole(run, data, train)]


def _train(recipe, place, data, **lookers):
    """What ``train_to_folder`` returns of a training, gone on with where it was cut off."""
    made = train_to_folder(recipe, data, place, resume=True, **lookers)[1]
    made["provenance"] |= {"training_images": len(data.train), "test_images": len(data.test)}
    return made


def _train_whole(run, data, train):
    """A training that validation chooses from, and what its replay needs."""
    made = train(data, after_epoch=[_watch(run.recipe, data)] if run.replay else [])
    if run.replay:
        made["watched"] = [row.pop("watched") for row in made["history"]]
        made |= {name: made.pop(name) for name in ("provenance", "test")}  # they stand last
    return made


def _watch(recipe, data):
    """What the network says after each epoch, for a replay."""
    data = prepare(recipe, data)
    statistics = channel_statistics(data.train.images)
    validation = loader_for(recipe, data.validation, statistics)
    first = data.test.images[:REPLAYED], data.test.labels[:REPLAYED]
    first = transform_for(recipe, statistics)(first[0]), first[1]

    def watch(model, history):
        probabilities = predict(model, [first])[0].softmax(1)
        history[-1]["watched"] = {
            "confusion": confusion_matrix(*predict(model, validation)).tolist(),
            # Not to be read off the rounded probabilities: two of them can be equal.
            "answers": probabilities.argmax(1).tolist(),
            "probabilities": [[round(p, 3) for p in row] for row in probabilities.tolist()],
        }

    return watch


def _train_together(runs, data, keep):
    """Trainings on all training images, since nothing is chosen, side by side on one GPU."""
    data = replace(data, train=join(data.train, data.validation))
    # Evenly spaced: a folder's images lie class by class.
    chosen = torch.linspace(0, len(data.train) - 1, 256).long()
    to_float = transform_for(runs[0].recipe, channel_statistics(data.train.images))
    probe = to_float(data.train.images[chosen]), data.train.labels[chosen]
    last = runs[0].recipe.epochs

    def norms(model):
        device = next(model.parameters()).device
        return gradient_norms(model, nn.CrossEntropyLoss(), *(part.to(device) for part in probe))

    def look(name, model, history):
        row, epoch = history[-1], len(history)
        if epoch in (1, last):
            row["gradient_norms"] = norms(model)
        print(f"{name}, epoch {epoch}: {row['train_error']:.1%}, test {row['test_error']:.1%}")

    histories = fit_on_gpu({run.file: run.recipe for run in runs}, data, keep, [look])
    for run in runs:
        rows, model = histories[run.file], network_for(run.recipe, len(data.classes))
        seconds = [row.pop("seconds") for row in rows]
        gradients = {
            str(epoch): rows[epoch - 1].pop("gradient_norms") for epoch in sorted({1, last})
        }
        yield {
            "settings": asdict(run.recipe),
            "parameters": count_parameters(model),
            "history": rows,
            "gradient_norms": {"0": norms(model), **gradients},
            "provenance": {
                "training_images": len(data.train),
                "test_images": len(data.test),
                "digest": digest(data.train, data.test),
                # A share of what all took together: how long each would take alone, nobody knows.
                "seconds": round(seconds[-1] / len(runs)),
                "together": len(runs),
                "threads": 1,
                "device": torch.cuda.get_device_name(),
                **machine(),
            },
        }


def _sweep(run, data, place):
    """The live experiment's training of one network, anew for each rate."""
    file = place / "sweep.json"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    data = prepare(run.recipe, data)
    for rate in run.sweep[len(rows) :]:
        start = time.perf_counter()
        recipe = replace(run.recipe, learning_rate=rate)
        model = {run.name: network_for(recipe, len(data.classes))}
        history = train_side_by_side(model, data.train, recipe, recipe.seed)[run.name]
        test_error = errors(model, data.test, statistics_of=data.train)[run.name]
        rows.append(
            {
                "learning_rate": rate,
                **{name: [round(value, 4) for value in values] for name, values in history.items()},
                "test_error": round(test_error, 4),
                "seconds": round(time.perf_counter() - start, 2),
            }
        )
        write_json(file, rows)
        print(f"{run.file} at {rate}: {history['error'][-1]:.1%}", flush=True)
    seconds = sum(row["seconds"] for row in rows)
    return _live_run(run, data, seconds, sweep=rows)


def _lesions(run, data):
    """The live experiment's training of one network, and what is lost with each block."""
    start = time.perf_counter()
    data = prepare(run.recipe, data)
    model = network_for(run.recipe, len(data.classes))
    train_side_by_side({run.name: model}, data.train, run.recipe, run.recipe.seed)
    lesioned = {
        f"{stage}, {i}": without_block(model, stage, i)
        for stage, blocks in model.named_children()
        if stage.endswith("_x")
        for i in range(1, len(blocks))
    }
    few = Split(data.train.images[:1000], data.train.labels[:1000])
    wrong = errors({"whole": model, **lesioned}, few, statistics_of=data.train)
    print(f"{run.file}: {wrong}", flush=True)
    seconds = time.perf_counter() - start
    return _live_run(run, data, seconds, whole=wrong.pop("whole"), without=wrong)


def _live_run(run, data, seconds, **measured):
    """What is written of a live experiment's run: its settings, measurements and provenance."""
    return {
        "settings": asdict(run.recipe),
        **measured,
        "provenance": {
            "training_images": len(data.train),
            "test_images": len(data.test),
            "digest": digest(data.train, data.test),
            "seconds": round(seconds),
            "threads": 1,
            **machine(),
        },
    }
