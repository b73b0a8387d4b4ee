"""Trainings in processes of their own, which tests can kill."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_helpers import one_thread

# PyTorch takes seconds to import, so one process does, and forks one for each piece of work. What
# it defines is there for the code of all tests.
FORKER = """
import json, os, resource, signal, sys, traceback
from dataclasses import replace
import torch
from resnet_helpers.data import Dataset, Split
from resnet_helpers.experiments import Recipe, checkpoint, recordings
from resnet_helpers.experiments.distributed import LostProcess
from resnet_helpers.experiments.train import Stopped, train_to_folder

RECIPE = Recipe("cifar_resnet8", width=4, image_size=12, epochs=5, batch_size=30, crop=1,
    flip=False, optimizer="sgd", nesterov=True, learning_rate=0.05, schedule="triangle", threads=1)

def split(n, seed, brighter):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 4
    images = torch.randint(0, 120, (n, 3, 12, 12), generator=generator)
    for k, (row, column) in enumerate(((0, 0), (0, 6), (6, 0), (6, 6))):
        images[labels == k, :, row : row + 6, column : column + 6] += brighter
    return Split(images.to(torch.uint8), labels)

def quarters(brighter=20):
    "Images of which one quarter is brighter: which one is the class."
    parts = (split(n, seed, brighter) for seed, n in enumerate((400, 101, 100)))
    return Dataset("quarters", tuple("abcd"), *parts)

def die_at(moment, write):
    "Be killed before, in or after so manyeth a write of a checkpoint; or find the disk full."
    real, left = checkpoint.write_atomically, [write]

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def write_half(function, beside):
        function(beside)
        os.truncate(beside, os.path.getsize(beside) // 2)
        die()

    def watched(path, function):
        left[0] -= 1
        if left[0]:
            return real(path, function)
        if moment == "full disk":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return real(path, function)
        if moment == "before":
            die()
        real(path, (lambda beside: write_half(function, beside)) if moment == "in" else function)
        die()

    checkpoint.write_atomically = watched

for line in sys.stdin:
    order = json.loads(line)
    if isinstance(order, int):
        print(os.waitstatus_to_exitcode(os.waitpid(order, 0)[1]), flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1), os.dup2(said, 2)
        os.environ.update(order["environment"])
        given, status = order["given"], 0
        try:
            exec(order["code"])
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)
"""


class Process:
    """A forked process: ``pid``, ``said`` (what it has printed), and ``wait``."""

    def __init__(self, ask, path, order):
        self.ask, self.path = ask, path
        self.pid = ask({**order, "said": str(path)})

    @property
    def said(self):
        return self.path.read_text() if self.path.exists() else ""

    def send(self, number):
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self):
        """Its exit status; minus the signal's number if it was killed."""
        return self.ask(self.pid)


class Forker:
    """Starts code in forked processes; in the code, ``given`` is a dictionary from the test."""

    def __init__(self, folder):
        self.folder, self.count = Path(folder), 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def ask(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, code, environment=None, **given):
        self.count += 1
        order = {"code": code, "given": given, "environment": environment or {}}
        return Process(self.ask, self.folder / f"{self.count}.txt", order)

    def run(self, code, environment=None, **given):
        """Start and wait: the exit status, and what was printed."""
        process = self.start(code, environment, **given)
        return process.wait(), process.said


@pytest.fixture
def on_one_thread():
    """PyTorch computes on one thread: another number adds in another order."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def forker(tmp_path_factory):
    """A ``Forker``: ``run(code, **given)`` and ``start(code, **given)``."""
    forker = Forker(tmp_path_factory.mktemp("forker"))
    yield forker
    forker.process.kill()  # an orderly end of PyTorch takes seconds
    forker.process.communicate()
