"""Several processes: the numbers of one, and a clear end when one is lost."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from resnet_helpers.data import BatchLoader, Split

# A small training; the arguments are its folder, a JSON dictionary of settings, and "no norm" to
# take batch norm out of the network, or "".
SCRIPT = """
import json, sys, torch
from resnet_helpers.experiments import fit
from resnet_helpers.analysis import without_batch_norm
from resnet_helpers.data import Dataset, Split
from resnet_helpers.experiments.distributed import LostProcess
from resnet_helpers.experiments.recipe import Preset

folder, settings, change = sys.argv[1:]
brighter = 60 if change == "no norm" else 20  # without batch norm it learns slowly

def split(n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 4
    images = torch.randint(0, 120, (n, 3, 12, 12), generator=generator)
    for k, (row, column) in enumerate(((0, 0), (0, 6), (6, 0), (6, 6))):
        images[labels == k, :, row : row + 6, column : column + 6] += brighter
    return Split(images.to(torch.uint8), labels)

if change == "no norm":
    build = fit.build_network
    fit.build_network = lambda *a: without_batch_norm(build(*a))
preset = Preset("cifar_resnet8", image_size=12, batch_size=30, crop=1, flip=False,
    optimizer="sgd", schedule="triangle", threads=1, **json.loads(settings))
data = Dataset("quarters", tuple("abcd"), split(400, 0), split(101, 1), split(100, 2))
try:
    fit.fit(preset, data, folder, resume=True)
except LostProcess as lost:
    sys.exit(f"LOST {lost}")
except fit.Stopped as stopped:
    sys.exit(f"STOPPED {stopped}")
"""


def start(folder, settings, count, change=""):
    """A training in so many processes; two at least are started by torchrun."""
    script = folder.parent / "train.py"
    script.write_text(SCRIPT)
    python = [sys.executable]
    if count > 1:
        python += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.Popen(
        [*python, script, folder, json.dumps(settings), change],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def train(folder, settings, count, change=""):
    process = start(folder, settings, count, change)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads((folder / "history.json").read_text())


def test_the_shares_of_a_batch_are_the_batch():
    split = Split(torch.randint(0, 255, (23, 3, 4, 4)).to(torch.uint8), torch.arange(23))

    def labels(share):
        loader = BatchLoader(split, 10, lambda x: x, shuffle=True, seed=3, share=share)
        return [batch[1].tolist() for batch in loader]

    for whole, *parts in zip(labels((0, 1)), *(labels((k, 3)) for k in range(3)), strict=True):
        assert all(part == whole[k::3] for k, part in enumerate(parts))


def test_a_last_batch_that_cannot_be_shared_is_named():
    split = Split(torch.zeros(21, 3, 4, 4, dtype=torch.uint8), torch.zeros(21, dtype=torch.int64))
    with pytest.raises(ValueError, match="the last batch has 1, too few for 2 processes"):
        BatchLoader(split, 10, lambda x: x, share=(0, 2))


def test_without_batch_norm_two_processes_give_the_losses_of_one(tmp_path):
    settings = {"epochs": 3, "learning_rate": 0.02}
    one = train(tmp_path / "one", settings, 1, "no norm")
    two = train(tmp_path / "two", settings, 2, "no norm")
    assert (one["provenance"]["processes"], two["provenance"]["processes"]) == (1, 2)
    for alone, together in zip(one["history"], two["history"], strict=True):
        for name in ("train_loss", "val_loss"):
            assert together[name] == pytest.approx(alone[name], rel=0, abs=1e-4)
    assert one["history"][-1]["train_loss"] < one["history"][0]["train_loss"] - 0.01
    assert two["test"]["loss"] == pytest.approx(one["test"]["loss"], rel=0, abs=1e-4)


def test_with_batch_norm_two_processes_reach_the_accuracy_of_one(tmp_path):
    def accuracies(count):
        results = [
            train(
                tmp_path / f"{count}-{seed}",
                {"epochs": 3, "learning_rate": 0.05, "seed": seed},
                count,
            )
            for seed in range(3)
        ]
        return [result["history"][-1]["val_accuracy"] for result in results]

    one, two = accuracies(1), accuracies(2)
    print(f"one process {one}, two processes {two}")
    spread = max(max(one) - min(one), max(two) - min(two), 0.03)
    assert min(one) > 0.4  # a blind guess has 0.25
    assert abs(statistics.mean(one) - statistics.mean(two)) <= spread


def children_of(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sorted(int(child) for child in listed)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes through /proc")
@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_the_others_say_so_and_one_or_two_go_on(tmp_path, victim):
    settings = {"epochs": 40, "learning_rate": 0.05}
    folder = tmp_path / "out"
    process = start(folder, settings, 2)
    while not (folder / "state.pt").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    os.kill(children_of(process.pid)[victim], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "LOST process" in errors or "STOPPED stopped by SIGTERM" in errors
    assert f"In {folder} epoch" in errors and "with as many processes as you like" in errors
    # Forty epochs would be long: what matters is that the next ones come.
    for count in (1, 2):
        copy = tmp_path / f"{count}"
        shutil.copytree(folder, copy)
        before = len(json.loads((copy / "history.json").read_text())["history"])
        process = start(copy, settings, count)
        while len(json.loads((copy / "history.json").read_text())["history"]) < before + 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.terminate()
        process.communicate(timeout=60)
