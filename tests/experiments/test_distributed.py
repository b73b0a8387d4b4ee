"""Several processes: the numbers of one, and a clear end when one is lost."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import pytest
import torch

pytestmark = pytest.mark.process

# What each of the processes does; ``given["norm"]`` is False to take batch norm out.
TRAIN = """
if not given["norm"]:
    from resnet_helpers.analysis import without_batch_norm
    from resnet_helpers.experiments import fit as module
    build = module.build_network
    module.build_network = lambda *arguments: without_batch_norm(build(*arguments))
data = quarters(20 if given["norm"] else 60)  # without batch norm it learns slowly
try:
    train_to_folder(replace(RECIPE, **given["changes"]), data, given["folder"], resume=True)
except LostProcess as lost:
    sys.exit(f"LOST {lost}")
except Stopped as stopped:
    sys.exit(f"STOPPED {stopped}")
"""


@pytest.fixture
def start(forker):
    """A function that starts a training in so many processes, as torchrun does."""

    def start(folder, count, norm=True, **changes):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment |= {"WORLD_SIZE": str(count), "TORCHELASTIC_RUN_ID": "test"}
        given = {"folder": str(folder), "norm": norm, "changes": changes}
        return [
            forker.start(TRAIN, environment | {"RANK": str(rank)} if count > 1 else {}, **given)
            for rank in range(count)
        ]

    return start


@pytest.fixture
def train(start):
    """A function that trains to the end: the result."""

    def train(folder, count, **options):
        for process in start(folder, count, **options):
            assert process.wait() == 0, process.said
        return json.loads((folder / "history.json").read_text())

    return train


def epochs_kept(folder):
    path = folder / "checkpoint.pt"
    return len(torch.load(path, weights_only=True)["history"]) if path.exists() else 0


def test_without_batch_norm_two_processes_give_the_losses_of_one(tmp_path, train):
    options = {"norm": False, "epochs": 3, "learning_rate": 0.02}
    one, two = (train(tmp_path / str(count), count, **options) for count in (1, 2))
    assert (one["provenance"]["processes"], two["provenance"]["processes"]) == (1, 2)
    for alone, shared in zip(one["history"], two["history"], strict=True):
        for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
            assert shared[name] == pytest.approx(alone[name], rel=0, abs=1e-4)
    assert one["history"][-1]["train_loss"] < one["history"][0]["train_loss"] - 0.01
    assert two["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=0, abs=1e-4)
    assert two["test"]["confusion"] == one["test"]["confusion"]


def test_with_batch_norm_two_processes_reach_the_accuracy_of_one(tmp_path, train):
    def accuracies(count):
        results = [
            train(tmp_path / f"{count}-{seed}", count, width=16, epochs=3, seed=seed)
            for seed in range(3)
        ]
        return [result["history"][-1]["val_accuracy"] for result in results]

    one, two = accuracies(1), accuracies(2)
    spread = max(max(one) - min(one), max(two) - min(two), 0.03)
    assert min(one) > 0.4  # a blind guess has 0.25
    assert abs(statistics.mean(one) - statistics.mean(two)) <= spread, (one, two)


@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_the_other_says_so_and_one_or_two_go_on(tmp_path, start, victim):
    folder = tmp_path / "out"
    processes = start(folder, 2, epochs=200)
    while not (folder / "checkpoint.pt").exists():
        time.sleep(0.02)
    processes[victim].send(signal.SIGKILL)
    survivor = processes[1 - victim]
    assert (processes[victim].wait(), survivor.wait()) == (-signal.SIGKILL, 1)
    assert f"LOST process {1 - victim} of 2 got no answer from another one" in survivor.said
    assert f"{folder} keeps all whole epochs" in survivor.said
    assert "with as many processes as you like" in survivor.said
    # Two hundred epochs would be long: what matters is that the next ones come.
    for count in (1, 2):
        copy = tmp_path / f"{count}"
        shutil.copytree(folder, copy)
        before = epochs_kept(copy)
        processes = start(copy, count, epochs=200)
        while epochs_kept(copy) < before + 2:
            time.sleep(0.05)
        for process in processes:
            process.send(signal.SIGTERM)
        assert [process.wait() for process in processes] == [1] * count
        assert "STOPPED stopped by SIGTERM" in "".join(process.said for process in processes)


def test_an_error_that_all_processes_meet_is_told_by_all(tmp_path, start):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint.pt").write_text("damaged")
    for process in start(tmp_path / "out", 2):
        assert process.wait() == 1
        assert "checkpoint.pt is damaged, or no checkpoint" in process.said


def test_torchrun_starts_the_train_command_in_two_processes(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["-m", "resnet_helpers", "train", "--recipe", "smoke", "--data", "sample"]
    settings = ["--limit", "64", "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "out")]
    run = subprocess.run(
        [*torchrun, *command, *settings],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    result = json.loads((tmp_path / "out" / "history.json").read_text())
    assert result["provenance"]["processes"] == 2
    assert run.stdout.count("best epoch 1") == 1
