"""Recorded runs: the same history however often they are killed, and never half a file."""

import copy
import dataclasses
import json
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from samples import noise_split
from torch import nn

from resnet_helpers import __main__ as command_line
from resnet_helpers.data import sample_set
from resnet_helpers.experiments import recordings
from resnet_helpers.experiments.recipe import Preset
from resnet_helpers.experiments.recordings import (
    RecipeRun,
    Recording,
    Settings,
    load_run,
    provenance_line,
    record,
)
from resnet_helpers.networks import cifar_plain, cifar_resnet
from resnet_helpers.training import load_weights, triangle
from resnet_helpers.transforms import channel_statistics, normalize

TINY = Settings("residual", 8, seed=3, width=2, epochs=3, batch_size=16, padding=1)

# A process that trains a small run and tells when it has begun and when it is done.
SCRIPT = """
import json, resource, signal, sys, torch
from resnet_helpers.experiments import recordings
from resnet_helpers.data import Split

def split(n, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, 8, 8), generator=generator).to(torch.uint8)
    return Split(images, torch.arange(n) % 10)

state_path, result_path, limit = sys.argv[1:]
settings = recordings.Settings("residual", 8, seed=3, width=2, epochs=12, batch_size=16, padding=1)
if int(limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
print("ready", flush=True)
_, state = recordings.train(settings, split(400, 0), split(50, 1), state_path)
del state["seconds"]
open(result_path, "w").write(json.dumps(state))
"""


def start(state_path, result_path, limit=0):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, state_path, result_path, str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def finish(process):
    """Wait for a process; returns its exit status and what it wrote to stderr."""
    errors = process.communicate()[1]
    return process.returncode, errors


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The result of a run that nobody disturbs, and the seconds it took."""
    folder = tmp_path_factory.mktemp("unbroken")
    began = time.perf_counter()
    assert finish(start(folder / "state.pt", folder / "result.json")) == (0, "")
    return (folder / "result.json").read_bytes(), time.perf_counter() - began


def test_killed_at_ten_random_moments_the_history_is_that_of_the_unbroken_run(tmp_path, unbroken):
    expected, seconds = unbroken
    state_path, result_path = tmp_path / "state.pt", tmp_path / "result.json"
    rng = random.Random(0)
    kills = 0
    for _ in range(10):
        process = start(state_path, result_path)
        time.sleep(rng.uniform(0.02, seconds / 4))
        process.send_signal(signal.SIGKILL)
        kills += finish(process)[0] == -signal.SIGKILL
        if result_path.exists():
            result_path.unlink()
    assert finish(start(state_path, result_path)) == (0, "")
    assert kills >= 3
    assert result_path.read_bytes() == expected


def test_on_a_full_disk_the_error_is_clear_and_the_last_good_state_stays(tmp_path, unbroken):
    state_path, result_path = tmp_path / "state.pt", tmp_path / "result.json"
    process = start(state_path, result_path)
    while not state_path.exists():
        time.sleep(0.01)
    process.kill()
    finish(process)
    good = state_path.read_bytes()
    status, error = finish(start(state_path, result_path, limit=4096))
    assert status == 1
    assert "OSError: the run's state can't be written" in error
    assert "Make room and run the same command again: it goes on after epoch" in error
    assert state_path.read_bytes() == good
    assert finish(start(state_path, result_path)) == (0, "")
    assert result_path.read_bytes() == unbroken[0]


def test_a_damaged_state_is_never_read_as_whole(tmp_path):
    path = tmp_path / "state.pt"
    recordings.train(TINY, noise_split(80), noise_split(20, 1), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"state.pt is damaged .*: remove it to start afresh"):
        recordings.train(TINY, noise_split(80), noise_split(20, 1), path)


def test_a_state_of_other_settings_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    recordings.train(TINY, noise_split(80), noise_split(20, 1), path)
    other = Settings("residual", 8, seed=3, width=2, epochs=4, batch_size=16, padding=1)
    with pytest.raises(ValueError, match="state of a run with other settings"):
        recordings.train(other, noise_split(80), noise_split(20, 1), path)


def test_a_state_of_other_images_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    recordings.train(TINY, noise_split(80), noise_split(20, 1), path)
    with pytest.raises(ValueError, match="state of a run with other data"):
        recordings.train(TINY, noise_split(80, seed=2), noise_split(20, 1), path)


def test_the_curve_is_the_history_in_finer_steps(tmp_path):
    settings = dataclasses.replace(TINY, curve_steps=2)
    _, state = recordings.train(
        settings, noise_split(80), noise_split(20, 1), tmp_path / "state.pt"
    )
    # 80 images in batches of 16: points after steps 2, 4 and 5 of each of three epochs.
    assert [p["seen"] for p in state["curve"]] == [32, 64, 80, 112, 144, 160, 192, 224, 240]
    for epoch, row in enumerate(state["history"]):
        first, second, third = state["curve"][3 * epoch : 3 * epoch + 3]
        for kind in ("loss", "error"):
            mean = (2 * first[kind] + 2 * second[kind] + third[kind]) / 5
            assert row[f"train_{kind}"] == pytest.approx(mean)


def test_each_step_is_sgds_on_the_mean_loss_with_the_settings_numbers(tmp_path):
    settings = Settings(
        "plain", 8, seed=1, width=2, epochs=1, batch_size=16, padding=0, weight_decay=0.2
    )
    data = noise_split(64)
    model, _ = recordings.train(settings, data, noise_split(20, 1), tmp_path / "state.pt")

    torch.manual_seed(1)
    expected = cifar_plain(8, 2)
    opt = torch.optim.SGD(
        expected.parameters(), settings.learning_rate, momentum=0.9, weight_decay=0.2
    )
    statistics = channel_statistics(data.images)
    generator = torch.Generator().manual_seed(1)
    order = torch.randperm(64, generator=generator)
    for step, chosen in enumerate(order.split(16)):
        # The loader draws the crop's places (all zero here), then the flips.
        torch.randint(0, 1, (2, 16, 1), generator=generator)
        flip = torch.rand(16, generator=generator) < 0.5
        images = data.images[chosen]
        images = torch.where(flip[:, None, None, None], images.flip(3), images)
        logits = expected.train()(normalize(images, statistics.mean, statistics.std))
        opt.param_groups[0]["lr"] = settings.learning_rate * triangle(step / 4, settings.warm_up)
        opt.zero_grad()
        nn.functional.cross_entropy(logits, data.labels[chosen]).backward()
        opt.step()
    for a, b in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


def test_the_rate_rises_to_its_highest_and_falls_to_zero():
    shares = [triangle(progress, 0.2) for progress in (0, 0.1, 0.2, 0.6, 1)]
    assert shares == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_plain_and_residual_runs_have_the_same_number_of_parameters_and_schedule():
    for recording in recordings.RECORDINGS.values():
        names = [recordings.run_name(run) for run in recording.runs]
        assert len(set(names)) == len(names)
        assert set(recording.checkpoints) <= set(names)
    degradation = recordings.RECORDINGS["degradation-cifar10"].runs
    assert len({(s.epochs, s.learning_rate, s.batch_size) for s in degradation}) == 1


# record


@pytest.fixture
def tiny_recording(tmp_path, monkeypatch):
    other = Settings("plain", 8, seed=3, width=2, epochs=2, batch_size=16, padding=1)
    recording = Recording("images", "random noise", (TINY, other), ("residual-8-seed3",))
    monkeypatch.setattr(recordings, "RECORDINGS", {"tiny": recording})
    for split, count in (("train", 30), ("test", 10)):
        for k, name in enumerate(("ant", "bee")):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (8, 8), (120 * k + i, 7 * i % 256, 9 * i % 256)).save(
                    folder / f"{i}.png"
                )
    return f"folder:{tmp_path / 'images'}"


def test_record_writes_settings_history_norms_and_provenance(tmp_path, tiny_recording):
    record("tiny", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    run = load_run("tiny", "residual-8-seed3", tmp_path / "out")
    assert Settings(**run["settings"]) == TINY
    assert run["parameters"] == sum(p.numel() for p in cifar_resnet(8, 2).parameters())
    assert len(run["history"]) == 3
    assert set(run["history"][0]) == {"train_loss", "train_error", "test_loss", "test_error"}
    assert set(run["gradient_norms"]) == {"0", "1", "2", "3"}
    made = run["provenance"]
    assert (made["training_images"], made["test_images"]) == (60, 20)
    assert made["command"] == "python -m resnet_helpers record tiny --data DATA"
    for fact in ("date", "commit", "torch", "processor", "seconds", "data"):
        assert made[fact] not in (None, ""), fact
    line = provenance_line([run])
    assert "1 run on random noise, 60 training images, 3 epochs, seed 3" in line
    assert str(tmp_path) not in json.dumps(run)
    assert list((tmp_path / "states").rglob("*.pt")) == []


def test_the_runs_that_were_made_are_loaded_together_and_have_one_line(tmp_path, tiny_recording):
    with pytest.raises(FileNotFoundError, match="residual-8-seed3 of tiny isn't recorded"):
        recordings.load_recording("tiny", tmp_path / "out")
    record("tiny", tiny_recording, "plain-*", tmp_path / "out", tmp_path / "states")
    assert list(recordings.load_recording("tiny", tmp_path / "out")) == [("plain", 8, 3)]
    record("tiny", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    recorded = recordings.load_recording("tiny", tmp_path / "out")
    assert list(recorded) == [("residual", 8, 3), ("plain", 8, 3)]
    assert recorded["plain", 8, 3] == load_run("tiny", "plain-8-seed3", tmp_path / "out")
    with pytest.raises(ValueError, match="all of one recording and one schedule"):
        provenance_line(list(recorded.values()))  # 3 epochs and 2
    twice = [recorded["plain", 8, 3], copy.deepcopy(recorded["plain", 8, 3])]
    for run, seed in zip(twice, (4, 3), strict=True):
        run["settings"]["seed"] = seed
        run["provenance"]["seconds"] = 90
    line = provenance_line(twice)
    assert "2 runs on random noise" in line and "seed 3, 4; 3 minutes in all" in line


def test_record_keeps_the_weights_of_the_runs_that_ask_for_it(tmp_path, tiny_recording):
    record("tiny", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    (weights,) = (tmp_path / "out" / "tiny").glob("*.safetensors")
    assert weights.stem == "residual-8-seed3"
    load_weights(cifar_resnet(8, 2), weights)


def test_what_is_recorded_is_not_made_again(tmp_path, tiny_recording, monkeypatch):
    record("tiny", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    monkeypatch.setattr(recordings, "train", None)
    record("tiny", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")


def test_a_recipe_is_recorded_by_name_with_its_choice_and_its_test(
    tmp_path, tiny_recording, monkeypatch
):
    preset = Preset("cifar_resnet8", image_size=8, epochs=2, batch_size=16, seed=5)
    recording = Recording("images", "random noise", (RecipeRun("quick", preset),), ("quick-seed5",))
    monkeypatch.setattr(recordings, "RECORDINGS", {"recipes": recording})
    record("recipes", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    run = recordings.load_recording("recipes", tmp_path / "out")["quick", 5]
    assert Preset(**run["settings"]) == preset
    assert len(run["history"]) == 2 and 1 <= run["best_epoch"] <= 2
    assert sum(map(sum, run["test"]["confusion"])) == 20
    assert run["provenance"]["images"] == {"train": 48, "validation": 12, "test": 20}
    assert str(tmp_path) not in json.dumps(run)
    assert "1 run on random noise, 48 training images, 2 epochs, seed 5" in provenance_line([run])
    weights = tmp_path / "out" / "recipes" / "quick-seed5.safetensors"
    load_weights(cifar_resnet(8, num_classes=2), weights)
    assert list((tmp_path / "states" / "recipes").iterdir()) == []


def test_a_replay_keeps_what_the_network_said_after_each_epoch(
    tmp_path, tiny_recording, monkeypatch
):
    preset = Preset("cifar_resnet8", image_size=8, epochs=2, batch_size=16, threads=1)
    recording = Recording("images", "random noise", (RecipeRun("quick", preset, replay=True),))
    monkeypatch.setattr(recordings, "RECORDINGS", {"replay": recording})
    record("replay", tiny_recording, folder=tmp_path / "out", state_folder=tmp_path / "states")
    run = load_run("replay", "quick-seed0", tmp_path / "out")
    assert len(run["watched"]) == 2
    for row, seen in zip(run["history"], run["watched"], strict=True):
        ant, bee = seen["confusion"]
        assert (sum(ant), sum(bee)) == (6, 6)
        assert row["val_accuracy"] == pytest.approx((ant[0] + bee[1]) / 12)
        assert len(seen["probabilities"]) == recordings.REPLAYED
        for answer, probabilities in zip(seen["answers"], seen["probabilities"], strict=True):
            assert probabilities[answer] == max(probabilities)
            assert sum(probabilities) == pytest.approx(1, abs=0.002)
            assert probabilities == [round(p, 3) for p in probabilities]


def test_the_replayed_images_of_the_sample_set_are_of_nine_classes():
    _, labels = sample_set.draw_split("test", count=recordings.REPLAYED)
    assert len(set(labels.tolist())) == 9


def test_only_chooses_runs_by_name(tmp_path, tiny_recording):
    record("tiny", tiny_recording, "plain-*", tmp_path / "out", tmp_path / "states")
    assert [p.name for p in (tmp_path / "out" / "tiny").iterdir()] == ["plain-8-seed3.json"]
    with pytest.raises(ValueError, match=r"no run of tiny fits 'x\*': its runs are residual-8"):
        record("tiny", tiny_recording, "x*", tmp_path / "out", tmp_path / "states")


def test_a_run_that_is_not_there_is_named_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="plain-8-seed0 of tiny isn't recorded: python -m"):
        load_run("tiny", "plain-8-seed0", tmp_path)


def test_the_command_line_lists_and_names_what_is_wrong(capsys, tiny_recording):
    command_line.main(["record", "--list"])
    printed = capsys.readouterr().out
    assert "tiny: needs images" in printed and "plain-8-seed3: not recorded yet" in printed
    with pytest.raises(SystemExit, match="error: unknown recording 'huge': choose one of tiny"):
        command_line.main(["record", "huge", "--data", tiny_recording])
    with pytest.raises(SystemExit):
        command_line.main(["record", "tiny"])
    assert "say which recording and --data, or --list" in capsys.readouterr().err


def test_recorded_states_lie_in_the_cache_folder_by_default(tiny_recording, empty_cache, tmp_path):
    record("tiny", tiny_recording, "plain-*", tmp_path / "out")
    assert list((empty_cache / "unfinished" / "tiny").iterdir()) == []
