"""Whole trainings: what they write, that they can be stopped, and what they refuse."""

import contextlib
import dataclasses
import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image
from samples import noise_split
from torch import nn

from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader, Dataset, Split, describe, load
from resnet_helpers.experiments import Recipe, checkpoint, load_trained, provenance
from resnet_helpers.experiments import train as module
from resnet_helpers.experiments.train import BAD_BATCH, CHECKPOINT, WEIGHTS, train_to_folder
from resnet_helpers.networks import cifar_resnet
from resnet_helpers.training import load_weights, predict

TINY = Recipe("cifar_resnet8", image_size=12, epochs=3, batch_size=40, crop=1)


def make_data(size=12):
    splits = (noise_split(n, seed, size) for seed, n in enumerate((200, 60, 80)))
    return Dataset("noise", tuple("abcdefghij"), *splits)


def without_times(history):
    return [{name: row[name] for name in row if name != "seconds"} for row in history]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small training that is done: its folder, its model, its result."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    model, result = train_to_folder(TINY, make_data(), folder)
    return folder, model, result


# what is written


def test_the_folder_holds_all_that_is_worth_keeping_and_nothing_else(finished):
    folder, _, result = finished
    assert {path.name for path in folder.iterdir()} == {
        "history.json",
        "curves.png",
        "best.safetensors",
        "README.md",
    }
    assert json.loads((folder / "history.json").read_text()) == json.loads(json.dumps(result))
    assert [row["epoch"] for row in result["history"]] == [1, 2, 3]


def test_the_kept_weights_give_the_accuracy_and_the_confusion_that_are_reported(finished):
    folder, _, result = finished
    model, about = load_trained(folder / "best.safetensors")
    data = make_data()
    logits, labels = predict(
        model,
        BatchLoader(data.test, 7, lambda x: transforms.normalize(x, about["mean"], about["std"])),
    )
    right = (logits.argmax(1) == labels).double().mean().item()
    assert result["test"]["accuracy"] == pytest.approx(right)
    assert result["test"]["standard_error"] == pytest.approx((right * (1 - right) / 80) ** 0.5)
    loss = nn.functional.cross_entropy(logits, labels).item()
    assert result["test"]["loss"] == pytest.approx(loss, rel=1e-5)
    confusion = torch.tensor(result["test"]["confusion"])
    for true in range(10):
        says = torch.bincount(logits.argmax(1)[labels == true], minlength=10)
        assert torch.equal(confusion[true], says)


def test_the_kept_epoch_has_the_lowest_validation_loss(finished):
    losses = [row["val_loss"] for row in finished[2]["history"]]
    assert finished[2]["best_epoch"] == 1 + losses.index(min(losses))


def test_test_images_take_no_part_in_what_is_chosen(tmp_path):
    data = make_data()
    others = dataclasses.replace(data, test=noise_split(80, 99, 12))
    results = [train_to_folder(TINY, d, tmp_path / str(i))[1] for i, d in enumerate((data, others))]
    one, other = (without_times(result["history"]) for result in results)
    assert one == other
    assert results[0]["test"] != results[1]["test"]


def test_limit_cuts_every_split_and_large_images_are_shrunk(tmp_path):
    recipe = dataclasses.replace(TINY, limit=50, epochs=1)
    _, result = train_to_folder(recipe, make_data(size=24), tmp_path / "out")
    assert result["provenance"]["images"] == {"train": 50, "validation": 50, "test": 50}


# stopping and going on

LONG = """
try:
    recipe = replace(RECIPE, epochs=given["epochs"])
    train_to_folder(recipe, quarters(), given["folder"], resume=given["resume"])
except Stopped as stopped:
    print("STOPPED", stopped)
"""


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_asked_to_stop_it_says_what_is_kept_and_how_to_go_on(tmp_path, forker, number):
    folder = tmp_path / "out"
    process = forker.start(LONG, folder=str(folder), epochs=300, resume=False)
    while not (folder / CHECKPOINT).exists():
        time.sleep(0.01)
    process.send(number)
    assert process.wait() == 0
    stopped = process.said.splitlines()[-1]
    assert f"STOPPED stopped by {number.name}. {folder} keeps all whole epochs" in stopped
    assert "the same command with --resume (in Python: resume=True) goes on" in stopped
    torch.load(folder / CHECKPOINT, weights_only=True)  # whole


def test_a_stop_passes_who_catches_exceptions_and_signals_then_do_what_they_did_before():
    before = signal.getsignal(signal.SIGINT)
    swallowing = contextlib.suppress(Exception)
    with pytest.raises(module.Stopped, match="by SIGINT"), module._stoppable(), swallowing:
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def interrupted(tmp_path):
    """The folder of a training that broke off after its first epoch."""

    def break_off(model, history):
        if len(history) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train_to_folder(TINY, make_data(), tmp_path / "out", after_epoch=[break_off])
    return tmp_path / "out"


def test_an_unfinished_training_is_not_begun_anew_by_mistake(interrupted):
    before = (interrupted / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match=r"holds an unfinished training: --resume .* goes on"):
        train_to_folder(TINY, make_data(), interrupted)
    assert (interrupted / CHECKPOINT).read_bytes() == before


def test_resumed_it_ends_as_the_unbroken_one(interrupted, finished):
    _, result = train_to_folder(TINY, make_data(), interrupted, resume=True)
    assert without_times(result["history"]) == without_times(finished[2]["history"])
    assert result["test"] == finished[2]["test"]


def test_broken_off_before_its_first_checkpoint_it_begins_again(tmp_path, monkeypatch, finished):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        train_to_folder(TINY, make_data(), tmp_path / "out")
    monkeypatch.undo()
    assert (tmp_path / "out" / WEIGHTS).exists()
    _, result = train_to_folder(TINY, make_data(), tmp_path / "out", resume=True)
    assert without_times(result["history"]) == without_times(finished[2]["history"])


def test_broken_off_among_its_reports_it_writes_them_again(tmp_path, monkeypatch, finished):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "write_reports", full)
    with pytest.raises(OSError, match="No space left"):
        train_to_folder(TINY, make_data(), tmp_path / "out")
    monkeypatch.undo()
    _, result = train_to_folder(TINY, make_data(), tmp_path / "out", resume=True)
    assert (tmp_path / "out" / "README.md").exists()
    assert result["test"] == finished[2]["test"]


def test_a_finished_training_is_not_overwritten(finished):
    before = {path.name: path.read_bytes() for path in finished[0].iterdir()}
    with pytest.raises(ValueError, match="holds a finished training: choose another folder"):
        train_to_folder(TINY, make_data(), finished[0])
    other = dataclasses.replace(TINY, epochs=4)
    with pytest.raises(ValueError, match="finished training of other settings or images"):
        train_to_folder(other, make_data(), finished[0], resume=True)
    other = dataclasses.replace(TINY, network="cifar_plain14")
    with pytest.raises(ValueError, match="finished training of other settings or images"):
        train_to_folder(other, make_data(), finished[0], resume=True)
    images = dataclasses.replace(make_data(), test=noise_split(80, 5, 12))
    with pytest.raises(ValueError, match="finished training of other settings or images"):
        train_to_folder(TINY, images, finished[0], resume=True)
    assert {path.name: path.read_bytes() for path in finished[0].iterdir()} == before


def test_resumed_a_finished_training_is_returned_as_it_is(finished):
    model, result = train_to_folder(TINY, make_data(), finished[0], resume=True)
    assert result == json.loads(json.dumps(finished[2]))
    for a, b in zip(model.parameters(), finished[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_recipe_without_a_network_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match="network='': choose resnet18"):
        train_to_folder(dataclasses.replace(TINY, network=""), make_data(), tmp_path / "out")


@pytest.mark.trouble("asked for at the end")
def test_a_loss_that_is_no_longer_finite_stops_with_its_batch_kept(tmp_path):
    recipe = dataclasses.replace(TINY, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(FloatingPointError) as caught:
        train_to_folder(recipe, make_data(), tmp_path / "out")
    message = str(caught.value)
    assert "epoch 1, step 2: the loss is no longer finite, with learning_rate=1e+30" in message
    slower = f"--learning-rate 1e+29 --out {tmp_path / 'out'}-slower"
    assert f"Try a tenth of it, in another folder: {slower}." in message
    batch = safetensors.torch.load_file(tmp_path / "out" / BAD_BATCH)
    assert batch["images"].shape == (40, 3, 12, 12) and batch["labels"].shape == (40,)
    assert not batch["logits"].isfinite().all()


@pytest.mark.trouble("asked for at the end")
def test_a_validation_loss_that_is_no_longer_finite_ends_the_first_epoch(tmp_path, monkeypatch):
    def spoil(row, step):
        if step.index == 4:  # the last one: the epoch's own losses are finite
            with torch.no_grad():
                next(iter(models)).fc.bias.fill_(torch.nan)

    models = []
    build = module.network_for
    monkeypatch.setattr(module, "network_for", lambda *a: models.append(build(*a)) or models[0])
    with pytest.raises(FloatingPointError, match="epoch 1, measuring: the loss is no") as told:
        train_to_folder(TINY, make_data(), tmp_path / "out", after_step=[spoil])
    assert "--out" in str(told.value) and len(str(told.value).splitlines()) == 1
    batch = safetensors.torch.load_file(tmp_path / "out" / BAD_BATCH)
    assert batch["images"].shape == (40, 3, 12, 12)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {BAD_BATCH}


@pytest.mark.trouble("asked for at the end")
def test_json_never_holds_what_isnt_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        module.write_json(tmp_path / "history.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


# what is asked before the first step


def never(model, history):
    raise AssertionError("an epoch was trained")


def refused(data, folder, recipe=TINY, **options):
    """What is said of a training that isn't begun."""
    with pytest.raises(ValueError, match=r".") as told:
        train_to_folder(recipe, data, folder, after_epoch=[never], **options)
    assert len(str(told.value).splitlines()) == 1
    return str(told.value)


@pytest.mark.trouble("asked for at the end")
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_class_or_a_split_without_images_is_named(tmp_path, part):
    data = make_data()
    split = getattr(data, part)
    name = {"train": "training"}.get(part, part)
    keep = (split.labels != 3) & (split.labels != 7)
    lacking = Split(split.images[keep], split.labels[keep])
    said = refused(dataclasses.replace(data, **{part: lacking}), tmp_path / "out")
    assert f"noise: no {name} images of d, h. Each class needs at least 4 different images" in said
    empty = Split(split.images[:0], split.labels[:0])
    said = refused(dataclasses.replace(data, **{part: empty}), tmp_path / "out")
    assert f"no {name} images of a, b, c, d, e, f, g, h, i …" in said


@pytest.mark.trouble("asked for at the end")
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_number_of_images_that_a_class_needs_is_true(tmp_path, n):
    for name in ("ant", "bee"):
        for i in range(n):
            (tmp_path / "all" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (12, 12), (9 * i, 8 * i, 7 * i)).save(
                tmp_path / "all" / name / f"{i}.png"
            )
    data = load(f"folder:{tmp_path / 'all'}")
    if n < 4:
        assert "images of ant, bee. Each class needs at least 4 different" in refused(
            data, tmp_path / "out"
        )
    else:
        train_to_folder(dataclasses.replace(TINY, epochs=1), data, tmp_path / "out")


@pytest.mark.trouble("asked for at the end")
def test_a_last_batch_of_one_is_refused_where_batch_norm_cant_take_it(tmp_path):
    data = Dataset("noise", tuple("abcdefghij"), *(noise_split(n, n, 32) for n in (41, 20, 20)))
    resnet18 = Recipe("resnet18", epochs=1, batch_size=40)
    said = refused(data, tmp_path / "out", resnet18)
    assert "of 41 training images the last batch has 1" in said and "--batch-size 39" in said
    last = dataclasses.replace(resnet18, batch_size=39)
    train_to_folder(last, data, tmp_path / "out")  # so the advice works
    small = dataclasses.replace(TINY, epochs=1)  # its last maps have more than one pixel
    train_to_folder(small, data, tmp_path / "small")


@pytest.mark.trouble("asked for at the end")
def test_a_folder_that_cant_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    said = refused(make_data(), tmp_path / "file" / "out")
    assert f"{tmp_path / 'file' / 'out'} can't be written" in said and "(--out)" in said

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.filelock.FileLock, "acquire", refuse)
    assert "Permission denied): choose another" in refused(make_data(), tmp_path / "out")


@pytest.mark.trouble("asked for at the end")
def test_best_weights_that_are_lost_are_missed_before_another_epoch(interrupted):
    path = interrupted / WEIGHTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    said = refused(make_data(), interrupted, resume=True)
    assert f"{path} is damaged" in said and "put it back, or train in another folder" in said
    path.unlink()
    assert "put it back, or train in" in refused(make_data(), interrupted, resume=True)
    path.write_bytes(whole)
    train_to_folder(TINY, make_data(), interrupted, resume=True)


@pytest.mark.trouble("one file's fault")
def test_a_device_that_cant_be_used_is_refused_with_the_way_out(tmp_path, monkeypatch):
    assert "expected one of auto, cpu, cuda" in refused(make_data(), tmp_path, device="tpu")
    if not torch.cuda.is_available():
        assert "--device cpu" in refused(make_data(), tmp_path / "out", device="cuda")

    def no_kernels(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available\nCompile with `TORCH_USE")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # "available", and of no use
    with monkeypatch.context() as patch:
        patch.setattr(torch, "ones", no_kernels)
        said = refused(make_data(), tmp_path / "out")
        assert "no kernel image is available): --device cpu" in said
    sgd = dataclasses.replace(TINY, epochs=1, optimizer="sgd")
    train_to_folder(sgd, make_data(), tmp_path / "o", device="cpu")


def test_what_it_learns_from_is_said_before_it_is_learned(tmp_path, capsys):
    data = dataclasses.replace(make_data(), notes=("left out: 40 × .heic",))
    train_to_folder(dataclasses.replace(TINY, epochs=1), data, tmp_path / "out")
    said = capsys.readouterr().out
    assert said.startswith(f"{describe(data)}\nleft out: 40 × .heic\nnetwork cifar_resnet8")


# one folder, one training


@pytest.mark.trouble("two in one place")
def test_a_second_training_in_the_same_folder_is_refused_and_harms_nothing(tmp_path, finished):
    def second(model, history):
        for resume in (False, True):
            said = refused(make_data(), tmp_path / "out", resume=resume)
            assert f"another process trains in {tmp_path / 'out'}" in said

    _, result = train_to_folder(TINY, make_data(), tmp_path / "out", after_epoch=[second])
    assert without_times(result["history"]) == without_times(finished[2]["history"])
    assert not (tmp_path / "out" / ".lock").exists()


AN_EPOCH_MORE = """
def stop(model, history):
    sys.exit(f"EPOCH {len(history)}")

recipe = replace(RECIPE, epochs=300)
train_to_folder(recipe, quarters(), given["folder"], resume=True, after_epoch=[stop])
"""


@pytest.mark.trouble("two in one place")
@pytest.mark.process
def test_the_lock_of_a_killed_training_vanishes_with_it(tmp_path, forker):
    folder = tmp_path / "out"
    process = forker.start(LONG, folder=str(folder), epochs=300, resume=False)
    while not (folder / CHECKPOINT).exists():
        time.sleep(0.01)
    process.send(signal.SIGSTOP)  # so that it is there for as long as another one asks
    status, said = forker.run(LONG, folder=str(folder), epochs=300, resume=True)
    assert status == 1 and "another process trains in" in said
    process.send(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    _, said = forker.run(AN_EPOCH_MORE, folder=str(folder))
    assert re.search(r"^SystemExit: EPOCH ([2-9]|\d\d)", said, re.M), said


@pytest.mark.trouble("paths and letters")
def test_a_tilde_is_the_readers_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    train_to_folder(dataclasses.replace(TINY, epochs=1), make_data(), "~/mine")
    assert load_trained("~/mine/best.safetensors")[1]["classes"] == list("abcdefghij")
    assert (tmp_path / "mine" / "README.md").exists()


def test_a_damaged_history_is_named_with_the_way_out(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "out")
    for text in ('{"settings": ', "[]", "{}"):
        (tmp_path / "out" / "history.json").write_text(text)
        said = refused(make_data(), tmp_path / "out", resume=True)
        assert "history.json is damaged" in said and "another folder (--out)" in said


@pytest.mark.trouble("one file's fault")
@pytest.mark.process
def test_lack_of_memory_for_a_batch_is_told_in_one_line(tmp_path, forker):
    code = """
from resnet_helpers import __main__ as command_line
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 600_000_000, resource.RLIM_INFINITY))
command_line.main(given["arguments"])
"""
    options = "--recipe smoke --network resnet50 --image-size 256 --batch-size 320 --device cpu"
    arguments = ["train", *options.split(), "--data", "sample", "--out", str(tmp_path / "out")]
    status, said = forker.run(code, arguments=arguments)
    assert status == 1
    assert "SystemExit: error: not enough memory (" in said and "a smaller --batch-size" in said


@pytest.mark.trouble("paths and letters")
def test_where_it_ran_is_told_without_git_and_without_proc(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(provenance.subprocess, "run", missing)
    monkeypatch.setattr(Path, "read_text", missing)
    told = provenance.machine()
    assert told["commit"] == "unknown" and isinstance(told["processor"], str)


def test_the_number_of_threads_is_the_recipes_and_put_back(tmp_path):
    before = torch.get_num_threads()
    recipe = dataclasses.replace(TINY, threads=before + 1, epochs=1, limit=40)
    _, result = train_to_folder(recipe, make_data(), tmp_path / "out")
    assert result["provenance"]["threads"] == before + 1
    assert torch.get_num_threads() == before


# weights that are refused


@pytest.mark.trouble("a state from another machine")
def test_a_truncated_checkpoint_is_refused_in_one_line(finished, tmp_path):
    whole = (finished[0] / "best.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for size in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut.safetensors is damaged, or") as caught:
            load_trained(path)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.trouble("a state from another machine")
def test_the_checkpoint_of_another_network_is_refused_in_one_line(finished):
    with pytest.raises(ValueError, match="weights of another network than this") as caught:
        load_weights(cifar_resnet(14), finished[0] / "best.safetensors")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.trouble("a state from another machine")
def test_a_pickle_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("a pickle was run",))

    for name in ("bomb.pt", "bomb.safetensors"):
        torch.save({"conv1.0.weight": Bomb()}, tmp_path / name)
        with pytest.raises(ValueError, match=f"{name} is damaged, or holds something else"):
            load_weights(cifar_resnet(8), tmp_path / name)
    with pytest.raises(ValueError, match=r"bomb.safetensors is damaged, or"):
        load_trained(tmp_path / "bomb.safetensors")


@pytest.mark.trouble("a state from another machine")
def test_weights_without_their_settings_are_named(tmp_path):
    path = tmp_path / "bare.safetensors"
    safetensors.torch.save_file(cifar_resnet(8).state_dict(), path)
    with pytest.raises(ValueError, match="doesn't say which network it is of"):
        load_trained(path)
