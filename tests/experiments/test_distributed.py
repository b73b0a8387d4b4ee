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
import safetensors.torch
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

    def start(folder, count, norm=True, code=TRAIN, apart=False, **changes):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment |= {"WORLD_SIZE": str(count), "TORCHELASTIC_RUN_ID": "test"}
        given = {"norm": norm, "changes": changes}
        return [
            forker.start(
                code,
                environment | {"RANK": str(rank)} if count > 1 else {},
                folder=str(folder / str(rank) if apart else folder),
                **given,
            )
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


SPOILT = """
from resnet_helpers.experiments import fit as module
rank = int(os.environ["RANK"])
data = quarters()
def spoil(images):  # what one process gets of its third step, or its second validation batch
    count[0] += 1
    return images * float("nan") if (rank, count[0]) == (1, given["changes"]["at"]) else images
count = [0]
real = module.transform_for
def spoilt(*arguments):
    transform = real(*arguments)
    return lambda images: spoil(transform(images))
module.transform_for = spoilt
try:
    train_to_folder(RECIPE, data, given["folder"])
except module.NotFinite as error:
    sys.exit(f"NOT FINITE {error}")
"""


@pytest.mark.trouble("asked for at the end")
@pytest.mark.parametrize(("at", "where"), [(3, "step 3"), (14 + 2, "measuring")])
def test_a_loss_that_isnt_finite_in_one_process_is_told_by_all(tmp_path, start, at, where):
    folder = tmp_path / "out"
    processes = start(folder, 2, code=SPOILT, at=at)
    assert [process.wait() for process in processes] == [1, 1]
    for process in processes:
        assert f"NOT FINITE epoch 1, {where}: the loss is no longer finite" in process.said
        assert f"--learning-rate 0.005 --out {folder}-slower" in process.said
    batch = safetensors.torch.load_file(folder / "bad-batch.safetensors")
    assert batch["images"].shape == (15, 3, 12, 12) and batch["labels"].shape == (15,)
    assert batch["images"].isnan().all()
    assert not (folder / "checkpoint.pt").exists()


@pytest.mark.trouble("asked for at the end")
def test_one_image_left_over_is_measured_by_some_process(tmp_path, train):
    # 101 validation images: with a batch size of 50 or 25 one is left over.
    options = {"norm": False, "epochs": 1, "batch_size": 50}
    one, two = (train(tmp_path / str(count), count, **options) for count in (1, 2))
    assert two["history"][0]["val_loss"] == pytest.approx(one["history"][0]["val_loss"], abs=1e-4)
    assert sum(map(sum, two["test"]["confusion"])) == 100


@pytest.mark.trouble("asked for at the end")
def test_two_machines_need_no_common_disk(tmp_path, start, train):
    for process in start(tmp_path / "apart", 2, apart=True, epochs=2):
        assert process.wait() == 0, process.said
    assert {path.name for path in (tmp_path / "apart" / "0").iterdir()} >= {"best.safetensors"}
    assert not (tmp_path / "apart" / "1").exists()
    apart = json.loads((tmp_path / "apart" / "0" / "history.json").read_text())
    assert apart["test"] == train(tmp_path / "together", 2, epochs=2)["test"]
    # Finished, it is returned as it is, to both.
    for process in start(tmp_path / "apart", 2, apart=True, epochs=2):
        assert process.wait() == 0, process.said


@pytest.mark.trouble("asked for at the end")
def test_what_the_start_finds_wanting_is_told_by_all(tmp_path, start):
    for process in start(tmp_path / "out", 2, batch_size=57):  # 400 images: 7 batches and 1
        assert process.wait() == 1
        assert "the last batch has 1, too few for batch norm in 2 process(es)" in process.said
        assert "choose --batch-size 56, or fewer processes" in process.said
    different = "data = quarters(20 + int(os.environ['RANK']))\n"
    different += "train_to_folder(RECIPE, data, given['folder'])"
    for process in start(tmp_path / "other", 2, code=different):
        assert process.wait() == 1
        assert "ValueError: the processes have different images" in process.said
    (tmp_path / "file").write_text("")
    for process in start(tmp_path / "file" / "out", 2):
        assert process.wait() == 1
        assert "can't be written" in process.said


@pytest.mark.trouble("asked for at the end")
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
