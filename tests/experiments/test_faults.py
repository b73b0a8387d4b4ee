"""Sixty faults at random: a training ends right, or in a line that names what, where and how on.

Whatever the fault, nothing that was whole is lost, and once it is mended the same training goes on
to the numbers and the weights of one that nobody disturbed.
"""

import errno
import hashlib
import json
import random
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from samples import noise_split

from resnet_helpers.data import Dataset
from resnet_helpers.experiments import Recipe, fit
from resnet_helpers.experiments.fit import transform_for
from resnet_helpers.experiments.train import train_to_folder

pytestmark = pytest.mark.process
EPOCHS, STEPS = 3, 4  # STEPS: of an epoch
RECIPE = Recipe(
    "cifar_resnet8", width=2, image_size=8, epochs=EPOCHS, batch_size=10, crop=1, threads=1
)
DATA = Dataset("noise", tuple("abcdefghij"), *(noise_split(n, n) for n in (40, 20, 30)))
TESTS = Path(__file__).parents[1]
WAYS_ON = ("--resume", "--out", "the same command")


def train(folder, **options):
    return train_to_folder(RECIPE, DATA, folder, resume=True, **options)


def contents(folder):
    """A digest of each file that a reader would miss."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file() and path.name != ".lock"
    }


def outcome(folder):
    """What must be equal of two trainings: all numbers but the times, and the weights."""
    result = json.loads((folder / "history.json").read_text("utf-8"))
    history = [{n: row[n] for n in row if n != "seconds"} for row in result["history"]]
    return history, result["test"], contents(folder)["best.safetensors"]


def told(folder, errors=(OSError, ValueError), **options):
    """Train into a fault: what is said of it, or "" if the training ends all the same."""
    try:
        train(folder, **options)
    except errors as error:
        said = str(error)
        assert len(said.splitlines()) == 1, said
        assert str(folder) in said, said
        assert any(way in said for way in WAYS_ON), said
        return said
    return ""


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The folders of a training after none, one and two of its epochs, and at its end."""
    place = tmp_path_factory.mktemp("left")
    (place / "0").mkdir()

    def keep(row, step):
        if step.index == 0 and row["epoch"] > 1:
            shutil.copytree(place / "3", place / str(row["epoch"] - 1))
            (place / str(row["epoch"] - 1) / ".lock").unlink()

    train(place / "3", after_step=[keep])
    return [place / str(epochs) for epochs in range(EPOCHS + 1)]


@pytest.fixture
def fault(left, tmp_path, request):
    """A random generator, the folder of a training that isn't finished, and the right outcome."""
    rng = random.Random(request.getfixturevalue("seed"))
    shutil.copytree(left[rng.randrange(EPOCHS)], tmp_path / "out")
    return rng, tmp_path / "out", outcome(left[EPOCHS])


@pytest.mark.parametrize("seed", range(10))
def test_a_file_is_cut(left, tmp_path, seed):
    rng, folder = random.Random(seed), tmp_path / "out"
    shutil.copytree(left[rng.randint(1, EPOCHS)], folder)
    victim = rng.choice(sorted(folder.iterdir()))
    whole = victim.read_bytes()
    victim.write_bytes(whole[: rng.randrange(len(whole))])
    before = contents(folder)
    if said := told(folder):
        assert str(victim) in said and "another folder (--out)" in said
        assert contents(folder) == before
        victim.write_bytes(whole)  # from the reader's backup
        train(folder)
    assert outcome(folder) == outcome(left[EPOCHS])


@pytest.mark.parametrize("seed", range(10))
def test_the_folder_is_renamed(fault, seed):
    rng, folder, right = fault
    away, steps = folder.with_name("elsewhere"), rng.randrange(STEPS)

    def rename(row, step):
        if (row["epoch"], step.index) == (EPOCHS, steps):
            folder.rename(away)

    said = told(folder, after_step=[rename])
    assert f"{folder} isn't here (put it back, if it was moved): the same command with" in said
    assert "checkpoint.pt" in contents(away) and not folder.exists()
    away.rename(folder)
    train(folder)
    assert outcome(folder) == right


KILLED = """
sys.path.insert(0, given["tests"])
from pathlib import Path
from samples import noise_split

left, real = given["moment"], Path.replace

def die(row, step):
    if given["at"] == "a step" and 4 * (row["epoch"] - 1) + step.index >= left:
        os.kill(os.getpid(), signal.SIGKILL)

def dying(self, *arguments):
    global left
    left -= given["at"] != "a step"
    if left < 0 and given["at"] == "after a write":
        real(self, *arguments)
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *arguments)

Path.replace = dying
data = Dataset("noise", tuple("abcdefghij"), *(noise_split(n, n) for n in (40, 20, 30)))
train_to_folder(Recipe.of(given["recipe"]), data, given["folder"], True, after_step=[die])
"""


@pytest.mark.parametrize("seed", range(10))
def test_the_process_is_killed(fault, forker, seed):
    rng, folder, right = fault
    given = {"tests": str(TESTS), "folder": str(folder), "recipe": vars(RECIPE)}
    given["at"] = rng.choice(["a step", "before a write", "after a write"])
    most = EPOCHS * STEPS if given["at"] == "a step" else 4
    status, said = forker.run(KILLED, moment=rng.randrange(most), **given)
    assert status == -signal.SIGKILL, said
    train(folder)
    assert outcome(folder) == right


@pytest.mark.parametrize("seed", range(10))
def test_the_disk_is_full(fault, monkeypatch, seed):
    rng, folder, right = fault
    left_over = rng.randrange(4)  # of the last epoch: checkpoint, history, curves, card
    real = Path.replace

    def full(self, target):
        nonlocal left_over
        left_over -= 1
        if left_over < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(self, target)

    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        said = told(folder)
    assert "No space left on device" in said and "Once that is mended" in said
    assert set(before) <= set(contents(folder))
    train(folder)
    assert outcome(folder) == right


@pytest.mark.parametrize("seed", range(10))
def test_a_number_is_none(fault, monkeypatch, seed):
    rng, folder, right = fault
    batch = rng.randrange(STEPS + 2)  # of an epoch: four to learn from, two of validation

    def spoilt(*arguments):
        transform = transform_for(*arguments)

        def spoil(images):
            nonlocal batch
            batch -= 1
            return transform(images) * (torch.nan if batch == -1 else 1)

        return spoil

    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(fit, "transform_for", spoilt)
        said = told(folder, fit.NotFinite)
    assert f"--learning-rate 0.0001 --out {folder}-slower" in said
    kept = contents(folder)
    assert kept.pop("bad-batch.safetensors") and kept == before
    for path in folder.glob("*.json"):
        assert "NaN" not in path.read_text("utf-8")
    # Followed, the advice works; and nothing was lost for who mends the fault itself.
    slower = replace(RECIPE, learning_rate=0.0001)
    train_to_folder(slower, DATA, f"{folder}-slower")
    train(folder)
    assert outcome(folder) == right


@pytest.mark.parametrize("seed", range(10))
def test_a_permission_is_taken(fault, monkeypatch, seed):
    rng, folder, right = fault
    where = [(Path, "read_bytes"), (Path, "replace"), (Path, "mkdir"), (FileLock, "acquire"), None]
    place = where[seed % len(where)]
    before = contents(folder)
    if place is None:  # what nobody can write: a folder of its name
        blocked = folder / rng.choice(["history.json", "curves.png", "README.md"])
        blocked.mkdir()
        said = told(folder)
        assert said
        blocked.rmdir()
    else:

        def refuse(*_, **__):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))

        with monkeypatch.context() as patch:
            patch.setattr(*place, refuse)
            said = told(folder)
        assert "Permission denied" in said or (place[1] == "read_bytes" and not said)
        assert set(before) <= set(contents(folder))
    assert "damaged" not in said and "remove" not in said
    train(folder)
    assert outcome(folder) == right
