"""Checkpoints: whole or not there, of one training alone; what goes on from them is the same."""

import hashlib
import json
import signal
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from samples import noise_split

from resnet_helpers.experiments import LIVE
from resnet_helpers.experiments.checkpoint import Checkpoint
from resnet_helpers.experiments.fit import fit, loader_for
from resnet_helpers.networks import build_network
from resnet_helpers.transforms import channel_statistics

TINY = replace(LIVE, network="cifar_resnet8", width=2, epochs=3, batch_size=16, crop=1, seed=3)


def go(folder, recipe=TINY, split=None, **options):
    """A small training that is kept in a folder; its images stand in ``about`` by their sum."""
    split = split or noise_split(80)
    about = {"settings": asdict(recipe), "images": int(split.images.sum())}
    torch.manual_seed(recipe.seed)
    model = build_network(recipe.network, width=recipe.width)
    loader = loader_for(recipe, split, channel_statistics(split.images), learn=True)
    return fit(model, recipe, loader, keep=Checkpoint(folder, about), **options)


def without_times(history):
    return [{name: row[name] for name in row if name != "seconds"} for row in history]


def test_what_was_broken_off_goes_on_as_if_unbroken(tmp_path):
    class BrokenOff(Exception):
        pass

    def break_off(model, history):
        history[-1]["seen"] = len(history)
        if len(history) == 2 and not broken:
            broken.append(True)
            raise BrokenOff

    broken = [True]
    whole = go(tmp_path / "whole", after_epoch=[break_off])
    broken.clear()
    with pytest.raises(BrokenOff):
        go(tmp_path / "broken", after_epoch=[break_off])
    torch.rand(5)  # whatever else happened to the global generator
    resumed = go(tmp_path / "broken", after_epoch=[break_off])
    assert without_times(resumed) == without_times(whole)
    assert [row["seen"] for row in resumed] == [1, 2, 3]
    assert go(tmp_path / "broken") == resumed  # it is done: nothing is trained


@pytest.mark.trouble("a state from another machine")
@pytest.mark.parametrize("damage", ["cut off", "empty", "something else", "another file"])
def test_a_damaged_or_foreign_file_is_never_read_as_whole(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    go(tmp_path)
    whole = path.read_bytes()
    if damage == "cut off":
        path.write_bytes(whole[:-200])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "something else":
        path.write_text("a text")
    else:
        torch.save([1, 2, 3], path)
    with pytest.raises(
        ValueError, match=r"checkpoint.pt is damaged, or .*: begin again in an"
    ) as told:
        go(tmp_path)
    assert "remove" not in str(told.value)


def test_the_checkpoint_of_other_settings_is_refused_by_their_names(tmp_path):
    go(tmp_path)
    other = replace(TINY, epochs=4, crop=0)
    with pytest.raises(ValueError, match=r"another training \(epochs 3, now 4; crop 1, now 0\)"):
        go(tmp_path, other)


def test_the_checkpoint_of_other_images_is_refused(tmp_path):
    go(tmp_path)
    with pytest.raises(ValueError, match=r"another training \(images \d+, now \d+\): go on w"):
        go(tmp_path, split=noise_split(80, seed=2))


def as_if_on_a_gpu(storage):
    return "cuda:0"


@pytest.mark.trouble("a state from another machine")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_a_gpu_left_goes_on_without_one_bit_for_bit(tmp_path, monkeypatch, optimizer):
    recipe = replace(TINY, optimizer=optimizer, learning_rate=0.01)
    monkeypatch.setattr(torch.serialization, "location_tag", as_if_on_a_gpu)

    def break_off(model, history):
        if len(history) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        go(tmp_path / "gpu", recipe, after_epoch=[break_off])
    with pytest.raises(RuntimeError, match="CUDA"):  # so it is as if a GPU had written it
        torch.load(tmp_path / "gpu" / "checkpoint.pt", weights_only=True)
    resumed, whole = (go(tmp_path / name, recipe) for name in ("gpu", "whole"))
    assert without_times(resumed) == without_times(whole)


@pytest.mark.trouble("a state from another machine")
@pytest.mark.parametrize("kind", [PermissionError, OSError])
def test_a_file_that_cant_be_read_is_never_called_damaged(tmp_path, monkeypatch, kind):
    go(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def refuse(path):
        raise kind(13, "not given", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(kind, match="not given") as told:
        go(tmp_path)
    assert "damaged" not in str(told.value) and "remove" not in str(told.value)
    monkeypatch.undo()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.trouble("a state from another machine")
def test_settings_of_the_machine_may_change_on_the_way(tmp_path):
    go(tmp_path, replace(TINY, precision="bfloat16", threads=2))
    path = tmp_path / "checkpoint.pt"
    kept = torch.load(path, weights_only=True)
    torch.save(kept | {"history": kept["history"][:1]}, path)
    assert len(go(tmp_path, replace(TINY, precision="float32", threads=1))) == 3


# processes that die

TRAIN = """
if given["moment"]:
    die_at(given["moment"], given["write"])
train_to_folder(RECIPE, quarters(), given["folder"], resume=True)
"""


def outcome(folder):
    """What must be equal of two trainings: weights, and all numbers but the times."""
    result = json.loads((folder / "history.json").read_text())
    weights = hashlib.sha256((folder / "best.safetensors").read_bytes()).hexdigest()
    return without_times(result["history"]), result["test"], result["best_epoch"], weights


@pytest.fixture(scope="module")
def unbroken(forker, tmp_path_factory):
    """The outcome of a training that nobody disturbs."""
    folder = tmp_path_factory.mktemp("unbroken") / "out"
    assert forker.run(TRAIN, folder=str(folder), moment="")[0] == 0
    return outcome(folder)


@pytest.mark.process
@pytest.mark.parametrize("moment", ["before", "in", "after"])
def test_killed_around_a_write_it_ends_as_if_unbroken(tmp_path, forker, unbroken, moment):
    folder = tmp_path / "out"
    # The first write of all, then a later one: of a resumed training, too.
    for write in (1, 2):
        status, _ = forker.run(TRAIN, folder=str(folder), moment=moment, write=write)
        assert status == -signal.SIGKILL
        safetensors.torch.load_file(folder / "best.safetensors")  # whole, whenever one looks
    assert not (folder / "README.md").exists()
    status, said = forker.run(TRAIN, folder=str(folder), moment="")
    assert status == 0, said
    assert outcome(folder) == unbroken


@pytest.mark.process
def test_on_a_full_disk_the_error_is_clear_and_the_last_good_checkpoint_stays(
    tmp_path, forker, unbroken
):
    folder = tmp_path / "out"
    forker.run(TRAIN, folder=str(folder), moment="after", write=2)
    good = (folder / "checkpoint.pt").read_bytes()
    status, said = forker.run(TRAIN, folder=str(folder), moment="full disk", write=1)
    assert status == 1
    assert "OSError: the checkpoint can't be written to" in said
    assert f"Once that is mended: {folder} keeps all whole epochs" in said
    assert (folder / "checkpoint.pt").read_bytes() == good
    assert forker.run(TRAIN, folder=str(folder), moment="")[0] == 0
    assert outcome(folder) == unbroken
