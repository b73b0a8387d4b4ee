"""Whole trainings: what they write, that they can be killed, and what they refuse."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import random
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch
from PIL import Image
from samples import noise_split
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import __main__ as command_line
from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader, Dataset
from resnet_helpers.experiments import fit
from resnet_helpers.experiments.recipe import Preset
from resnet_helpers.networks import cifar_resnet
from resnet_helpers.training import load_weights, predict, train_val

TINY = Preset("cifar_resnet8", image_size=12, epochs=3, batch_size=40, crop=1)

# A process that trains a small run; the arguments are the folder and "resume" or "".
SCRIPT = """
import sys, torch
from resnet_helpers.experiments import fit
from resnet_helpers.data import Dataset, Split
from resnet_helpers.experiments.recipe import Preset

def split(n, seed):
    images = torch.randint(0, 256, (n, 3, 12, 12), generator=torch.Generator().manual_seed(seed))
    return Split(images.to(torch.uint8), torch.arange(n) % 10)

folder, resume = sys.argv[1:]
preset = Preset("cifar_resnet8", image_size=12, epochs=15, batch_size=40, crop=1, optimizer="sgd",
    learning_rate=0.05, schedule="triangle", label_smoothing=0.1, threads=1)
data = Dataset("noise", tuple("abcdefghij"), split(600, 0), split(100, 1), split(100, 2))
print("ready", flush=True)
try:
    fit.fit(preset, data, folder, resume=bool(resume))
except fit.Stopped as stopped:
    print("STOPPED", stopped)
"""


def make_data(size=12):
    splits = (noise_split(n, seed, size) for seed, n in enumerate((200, 60, 80)))
    return Dataset("noise", tuple("abcdefghij"), *splits)


def start(folder, resume=""):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder, resume],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def outcome(folder):
    """What must be equal of two trainings: weights, and all numbers but the times."""
    result = json.loads((folder / fit.HISTORY).read_text())
    for row in result["history"]:
        del row["seconds"]
    weights = hashlib.sha256((folder / fit.WEIGHTS).read_bytes()).hexdigest()
    return result["history"], result["test"], result["best_epoch"], weights


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small training that is done: its folder, its model, its result."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    model, result = fit.fit(TINY, make_data(), folder)
    return folder, model, result


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "out"
    process = start(folder)
    began = time.perf_counter()
    errors = process.communicate()[1]
    assert (process.returncode, errors) == (0, "")
    return outcome(folder), time.perf_counter() - began


# what is written


def test_the_folder_holds_history_table_curves_weights_and_card(finished):
    folder, _, result = finished
    assert {path.name for path in folder.iterdir()} == {
        "history.json",
        "history.csv",
        "curves.png",
        "best.safetensors",
        "README.md",
    }
    assert json.loads((folder / "history.json").read_text()) == json.loads(json.dumps(result))
    assert [row["epoch"] for row in result["history"]] == [1, 2, 3]
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_loss"]) for row in rows] == [r["val_loss"] for r in result["history"]]
    with Image.open(folder / "curves.png") as picture:
        assert picture.width > 500


def test_the_model_card_says_what_the_network_is_and_what_made_it(finished):
    folder, _, result = finished
    card = (folder / "README.md").read_text()
    for fact in (
        "cifar_resnet8, trained on noise",
        "75,290 parameters, 10 classes",
        "(a, b, c, d, e, f, g, h, i, j)",
        "200 training images",
        result["provenance"]["digest"],
        f"{result['test']['accuracy']:.1%} ±",
        "| batch_size | 40 |",
        result["provenance"]["processor"],
    ):
        assert fact in card, fact
    code = card.split("```python\n")[1].split("```")[0]
    scope = {"images": noise_split(5, 7, 20).images}
    with contextlib.chdir(folder):
        exec(code, scope)
    assert len(scope["names"]) == 5 and set(scope["names"]) <= set("abcdefghij")


def test_the_kept_weights_give_the_accuracy_and_the_confusion_that_are_reported(finished):
    folder, _, result = finished
    model, about = fit.load_trained(folder / "best.safetensors")
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


def test_the_notes_recipe_is_what_train_val_does_with_the_notes_dictionary(tmp_path):
    preset = dataclasses.replace(TINY, crop=0, patience=0)
    data = make_data()
    _, result = fit.fit(preset, data, tmp_path / "ours")

    torch.manual_seed(0)
    model = cifar_resnet(8)
    statistics = transforms.channel_statistics(data.train.images)

    def loader(split, **options):
        return BatchLoader(
            split,
            40,
            lambda x: transforms.normalize(x, statistics.mean, statistics.std),
            seed=0,
            **options,
        )

    opt = torch.optim.Adam(model.parameters(), lr=0.001)
    params = {
        "num_epochs": 3,
        "optimizer": opt,
        "loss_func": nn.CrossEntropyLoss(reduction="sum"),
        "train_dl": loader(data.train, augment=transforms.random_flip, shuffle=True),
        "val_dl": loader(data.validation),
        "sanity_check": False,
        "lr_scheduler": ReduceLROnPlateau(opt, mode="min", factor=0.1, patience=0),
        "path2weights": tmp_path / "theirs.safetensors",
    }
    with contextlib.redirect_stdout(io.StringIO()):
        _, losses, metrics = train_val(model, params)
    for part in ("train", "val"):
        ours = [row[f"{part}_loss"] for row in result["history"]]
        assert ours == pytest.approx(losses[part], rel=1e-4)
        ours = [row[f"{part}_accuracy"] for row in result["history"]]
        assert ours == pytest.approx(metrics[part], abs=0.021)  # two of 100, were rounding to flip


def test_test_images_take_no_part_in_what_is_chosen(tmp_path):
    data = make_data()
    others = dataclasses.replace(data, test=noise_split(80, 99, 12))
    results = [fit.fit(TINY, d, tmp_path / str(i))[1] for i, d in enumerate((data, others))]
    histories = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in result["history"]]
        for result in results
    ]
    assert histories[0] == histories[1]
    assert results[0]["test"] != results[1]["test"]


def test_the_rate_in_the_history_is_the_presets_whatever_the_optimiser(tmp_path):
    for optimizer in ("adam", "sgd"):
        preset = dataclasses.replace(TINY, optimizer=optimizer, learning_rate=0.01, epochs=1)
        _, result = fit.fit(preset, make_data(), tmp_path / optimizer)
        assert result["history"][0]["learning_rate"] == pytest.approx(0.01)


def test_limit_cuts_every_split_and_large_images_are_shrunk(tmp_path):
    preset = dataclasses.replace(TINY, limit=50, epochs=1)
    _, result = fit.fit(preset, make_data(size=24), tmp_path / "out")
    assert result["provenance"]["images"] == {"train": 50, "validation": 50, "test": 50}


# stopping and going on


def test_killed_at_ten_random_moments_all_is_as_in_the_unbroken_training(tmp_path, unbroken):
    expected, seconds = unbroken
    folder = tmp_path / "out"
    rng = random.Random(1)
    kills = 0
    for _ in range(10):
        process = start(folder, resume="resume")
        time.sleep(rng.uniform(0.02, seconds / 5))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        for path in folder.glob("*.safetensors"):
            safetensors.torch.load_file(path)  # whole, whenever one looks
        if (folder / "README.md").exists():
            break
    if not (folder / "README.md").exists():
        process = start(folder, resume="resume")
        assert process.communicate()[1] == ""
    assert kills >= 3
    assert outcome(folder) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_asked_to_stop_it_says_what_is_kept_and_how_to_go_on(tmp_path, unbroken, number):
    folder = tmp_path / "out"
    process = start(folder)
    while not (folder / fit.STATE).exists():
        time.sleep(0.01)
    process.send_signal(number)
    printed, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    stopped = printed.splitlines()[-1]
    assert f"stopped by {number.name}. In {folder} epoch" in stopped
    assert "the same command with --resume (in Python: resume=True) goes on" in stopped
    process = start(folder, resume="resume")
    printed, errors = process.communicate()
    assert errors == "" and "going on after epoch" in printed
    assert outcome(folder) == unbroken[0]


def test_an_unfinished_training_is_not_begun_anew_by_mistake(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / fit.STATE).write_bytes(b"")
    with pytest.raises(ValueError, match=r"holds an unfinished training: --resume .* goes on"):
        fit.fit(TINY, make_data(), folder)


def test_a_finished_training_is_not_overwritten(finished):
    before = outcome(finished[0])
    with pytest.raises(ValueError, match="holds a finished training: choose another folder"):
        fit.fit(TINY, make_data(), finished[0])
    other = dataclasses.replace(TINY, epochs=4)
    with pytest.raises(ValueError, match="finished training of other settings or images"):
        fit.fit(other, make_data(), finished[0], resume=True)
    assert outcome(finished[0]) == before


def test_resumed_a_finished_training_is_returned_as_it_is(finished):
    model, result = fit.fit(TINY, make_data(), finished[0], resume=True)
    assert result == json.loads(json.dumps(finished[2]))
    for a, b in zip(model.parameters(), finished[1].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """The folder of a training that broke off after its first epoch."""
    monkeypatch.setattr(fit._Training, "finish", None)
    folder = tmp_path / "out"
    with pytest.raises(TypeError):
        fit.fit(dataclasses.replace(TINY, epochs=1), make_data(), folder)
    monkeypatch.undo()
    return folder


def test_what_is_watched_is_kept_for_each_epoch_and_changes_nothing(finished, tmp_path):
    def watch(logits, confusion):
        images = make_data().validation.images
        return {"says": logits(images).argmax(1).tolist(), "confusion": confusion.tolist()}

    _, result = fit.fit(TINY, make_data(), tmp_path / "out", watch=watch)
    assert "watched" not in finished[2]
    assert outcome(tmp_path / "out") == outcome(finished[0])
    labels = make_data().validation.labels
    for row, seen in zip(result["history"], result["watched"], strict=True):
        says, confusion = torch.tensor(seen["says"]), torch.tensor(seen["confusion"])
        assert (says == labels).double().mean().item() == pytest.approx(row["val_accuracy"])
        places = 10 * labels + says
        assert torch.equal(confusion, torch.bincount(places, minlength=100).reshape(10, 10))


def test_what_was_watched_survives_a_training_that_is_cut_off(tmp_path):
    epochs = []

    def watch(logits, confusion):
        epochs.append(confusion.tolist())
        if len(epochs) == 3:
            raise InterruptedError
        return confusion.tolist()

    with pytest.raises(InterruptedError):
        fit.fit(TINY, make_data(), tmp_path / "out", watch=watch)
    _, result = fit.fit(TINY, make_data(), tmp_path / "out", resume=True, watch=watch)
    assert len(epochs) == 4  # the third was watched twice, since it wasn't kept
    assert result["watched"] == [*epochs[:2], epochs[3]]
    assert fit.fit(TINY, make_data(), tmp_path / "out", resume=True)[1] == result


def test_watching_cannot_begin_in_the_middle(interrupted):
    preset = dataclasses.replace(TINY, epochs=1)
    with pytest.raises(ValueError, match="state of a run with other watched epochs"):
        fit.fit(preset, make_data(), interrupted, resume=True, watch=lambda *_: None)


def test_other_settings_are_refused_by_name(interrupted):
    with pytest.raises(ValueError, match=r"other settings \(epochs 1, now 3\)"):
        fit.fit(TINY, make_data(), interrupted, resume=True)


def test_other_images_are_refused(interrupted):
    data = dataclasses.replace(make_data(), train=noise_split(200, 5, 12))
    with pytest.raises(ValueError, match="state of a run with other images"):
        fit.fit(dataclasses.replace(TINY, epochs=1), data, interrupted, resume=True)


def test_a_loss_that_is_no_longer_finite_stops_with_its_batch_kept(tmp_path, monkeypatch):
    preset = dataclasses.replace(TINY, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(FloatingPointError) as caught:
        fit.fit(preset, make_data(), tmp_path / "out")
    message = str(caught.value)
    assert "epoch 1, step 2: the loss is no longer finite" in message
    assert "Try a tenth of the learning rate" in message and "nothing is kept" in message
    batch = safetensors.torch.load_file(tmp_path / "out" / fit.BAD_BATCH)
    assert batch["images"].shape == (40, 3, 12, 12) and batch["labels"].shape == (40,)
    assert not batch["logits"].isfinite().all()


# checkpoints that are refused


def test_a_truncated_checkpoint_is_refused_in_one_line(finished, tmp_path):
    whole = (finished[0] / "best.safetensors").read_bytes()
    path = tmp_path / "cut.safetensors"
    for size in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut.safetensors is damaged, or") as caught:
            fit.load_trained(path)
        assert len(str(caught.value).splitlines()) == 1


def test_the_checkpoint_of_another_network_is_refused_in_one_line(finished):
    with pytest.raises(ValueError, match="weights of another network than this") as caught:
        load_weights(cifar_resnet(14), finished[0] / "best.safetensors")
    assert len(str(caught.value).splitlines()) == 1


def test_a_pickle_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("a pickle was run",))

    for name in ("bomb.pt", "bomb.safetensors"):
        torch.save({"conv1.0.weight": Bomb()}, tmp_path / name)
        with pytest.raises(ValueError, match=f"{name} is damaged, or holds something else"):
            load_weights(cifar_resnet(8), tmp_path / name)
    with pytest.raises(ValueError, match=r"bomb.safetensors is damaged, or"):
        fit.load_trained(tmp_path / "bomb.safetensors")


def test_weights_without_their_settings_are_named(tmp_path):
    path = tmp_path / "bare.safetensors"
    safetensors.torch.save_file(cifar_resnet(8).state_dict(), path)
    with pytest.raises(ValueError, match="doesn't say which network it is of"):
        fit.load_trained(path)


# the command line


def test_the_full_notes_preset_runs_end_to_end_on_a_few_images(tmp_path, capsys):
    folder = tmp_path / "out"
    arguments = ["--data", "sample", "--epochs", "1", "--limit", "64", "--out", str(folder)]
    command_line.main(["train", "--preset", "notes", *arguments])
    settings = json.loads((folder / "history.json").read_text())["settings"]
    assert (settings["network"], settings["image_size"]) == ("resnet50", 224)
    assert "test accuracy" in capsys.readouterr().out


def test_a_readers_own_photographs_of_all_sizes_train_with_one_command(tmp_path):
    rng = random.Random(0)
    for k, name in enumerate(("cats", "dogs", "axolotls")):
        folder = tmp_path / "mine" / name
        folder.mkdir(parents=True)
        for i in range(20):
            size = (rng.randint(20, 60), rng.randint(20, 60))
            Image.new("RGB", size, (80 * k, 5 * i, 7 * i)).save(folder / f"{i}.png")
    with contextlib.chdir(tmp_path):
        command_line.main(["train", "--preset", "smoke", "--data", "folder:mine"])
    card = (tmp_path / "trained" / "smoke-mine" / "README.md").read_text()
    assert "trained on folder:mine" in card and "(axolotls, cats, dogs)" in card


def test_the_command_line_names_what_is_wrong(tmp_path):
    train = ["train", "--preset", "smoke", "--data", "sample", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match="error: epochs=0: expected at least 1"):
        command_line.main([*train, "--epochs", "0"])
    with pytest.raises(SystemExit, match="error: mixed_precision=True needs a GPU"):
        command_line.main([*train, "--mixed-precision"])
    with pytest.raises(SystemExit, match="error: sync_batch_norm=True needs a GPU"):
        command_line.main([*train, "--sync-batch-norm"])
