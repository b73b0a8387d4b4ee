"""Small networks on one GPU: side by side, each step of each a CUDA graph.

A step of ResNet-20 is some three hundred kernels, and Python takes longer to start one than it
runs. A graph is captured once and starts them all with one call [1]. What is computed is what
``fit`` computes, from the same batches in the same order.

References:
    [1] PyTorch documentation, "CUDA semantics", section "CUDA Graphs".
"""

import contextlib
import copy
import math
import time
from dataclasses import replace

import torch
from torch import nn

from resnet_helpers._files import write_atomically
from resnet_helpers.data import Split
from resnet_helpers.experiments.fit import (
    NotFinite,
    loader_for,
    network_for,
    precision,
    share_for,
)
from resnet_helpers.training import descend, optimizer_for, unpickle
from resnet_helpers.transforms import channel_statistics

MEASURED = 1000  # test images a batch


def fit_on_gpu(recipes, data, keep=None, after_epoch=(), device="cuda"):
    """Train several networks at once on all of ``data.train``; measure them on ``data.test``.

    Args:
        recipes: a dictionary from name to ``Recipe``, with as many epochs and images a batch, of
            sgd and a schedule by steps. Those of one seed learn from the same batches.
        data: a ``Dataset`` of images of the recipes' size.
        keep: a path: all that is needed to go on, written after each tenth epoch and the last,
            and read if it is there.
        after_epoch: functions, called with each name, its network and its history.
        device: "cpu" computes the same without graphs, to be tested.

    Returns:
        A dictionary from name to history, a dictionary an epoch: ``train_loss`` and
        ``train_error`` (means while the weights change), ``test_loss``, ``test_error``, and
        ``seconds`` so far, of all networks together.

    Raises:
        NotFinite: a loss isn't a finite number any more.
    """
    torch.backends.cudnn.benchmark = True  # kernels are chosen once, since sizes don't change
    ((epochs, batch_size),) = {(recipe.epochs, recipe.batch_size) for recipe in recipes.values()}
    statistics = channel_statistics(data.train.images)
    train, test = (
        Split(split.images.to(device), split.labels.to(device)) for split in (data.train, data.test)
    )
    loaders = {
        recipe.seed: loader_for(recipe, train, statistics, learn=True)
        for recipe in recipes.values()
    }
    steps = epochs * math.ceil(len(train) / batch_size)
    sizes = {min(batch_size, len(train)), len(train) % batch_size} - {0}
    measured = replace(next(iter(recipes.values())), batch_size=MEASURED)
    to_measure = list(loader_for(measured, test, statistics))
    learners = {
        name: _Learner(recipe, len(data.classes), to_measure, sizes, steps)
        for name, recipe in recipes.items()
    }
    histories = {name: [] for name in learners}
    if keep and keep.exists():
        histories = _read(keep, learners, loaders)
    while len(next(iter(histories.values()))) < epochs:
        start = time.perf_counter()
        for batches in zip(*loaders.values(), strict=True):
            of_seed = dict(zip(loaders, batches, strict=True))
            for learner in learners.values():
                learner.learn(*of_seed[learner.recipe.seed])
        for learner in learners.values():
            learner.measure()
        for name, learner in learners.items():
            before = histories[name][-1]["seconds"] if histories[name] else 0.0
            row = learner.means(len(train), len(test))
            row["seconds"] = round(before + time.perf_counter() - start, 2)
            histories[name].append(row)
            for look in after_epoch:
                look(name, learner.model, histories[name])
        if keep and len(histories[name]) in (*range(0, epochs, 10), epochs):
            _write(keep, learners, loaders, histories)
    return histories


class _Learner:
    """One network, its optimiser, and its graphs: a step for each size of batch, and a test."""

    def __init__(self, recipe, classes, to_measure, sizes, steps):
        like, labels = to_measure[0]
        self.recipe, self.steps, self.taken = recipe, steps, 0
        self.model = network_for(recipe, classes).to(like.device)
        self.opt = optimizer_for(self.model, recipe)
        self.highest = self.opt.param_groups[0]["lr"]
        # A graph reads the rate anew only where it is a tensor, which needs the fused optimiser.
        self.rate = torch.zeros((), device=like.device)
        self.opt.param_groups[0] |= {"lr": self.rate, "fused": True}
        self.loss_func = nn.CrossEntropyLoss(reduction="sum")
        # Rows: training, test. Columns: summed loss, right answers.
        self.totals = torch.zeros(2, 2, dtype=torch.float64, device=like.device)
        self.to_measure = to_measure
        self.batches = {
            size: (like[:1].repeat(size, 1, 1, 1), labels[:1].repeat(size)) for size in sizes
        }
        self.stream = torch.cuda.Stream() if like.is_cuda else None
        first = copy.deepcopy(self.model.state_dict())
        self.graphs = {size: self._graph(lambda size=size: self._step(size)) for size in sizes}
        self.graphs["test"] = self._graph(self._test)
        # What came before a graph was captured doesn't count.
        self.model.load_state_dict(first)
        self.totals.zero_()
        for state in self.opt.state.values():
            state["momentum_buffer"].zero_()

    def learn(self, images, labels):
        """One step, on the network's own stream: it may still run when this returns."""
        share = share_for(self.recipe)(self.taken / self.steps)
        self.taken += 1
        size = len(labels)
        with self._on_stream():
            if self.stream:
                self.stream.wait_stream(torch.cuda.default_stream())
                for tensor in (images, labels):
                    tensor.record_stream(self.stream)
            for kept, new in zip(self.batches[size], (images, labels), strict=True):
                kept.copy_(new)
            self.rate.fill_(self.highest * share)
            self.graphs[size]()

    def measure(self):
        """Measure on the test images, on the network's own stream."""
        with self._on_stream():
            self.graphs["test"]()

    def means(self, trained, tested):
        """The epoch's row, and all totals at zero again."""
        if self.stream:
            self.stream.synchronize()
        (train_loss, train_right), (test_loss, test_right) = self.totals.tolist()
        self.totals.zero_()
        if not math.isfinite(train_loss + test_loss):
            raise NotFinite(self.taken - 1)
        return {
            "train_loss": train_loss / trained,
            "train_error": 1 - train_right / trained,
            "test_loss": test_loss / tested,
            "test_error": 1 - test_right / tested,
        }

    def _step(self, size):
        images, labels = self.batches[size]
        with precision(self.recipe, self.model):
            logits = self.model.train()(images)
            loss = self.loss_func(logits, labels)
            descend(loss, self.opt)
        self._add(0, logits, labels, loss)

    @torch.no_grad()
    def _test(self):
        with precision(self.recipe, self.model):
            for images, labels in self.to_measure:
                logits = self.model.eval()(images)
                self._add(1, logits, labels, self.loss_func(logits, labels))

    @torch.no_grad()
    def _add(self, row, logits, labels, loss):
        self.totals[row, 0] += loss
        self.totals[row, 1] += (logits.argmax(1) == labels).sum()

    def _on_stream(self):
        return torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext()

    def _graph(self, work):
        """``work`` as a function that starts all its kernels at once, on the GPU."""
        if self.stream:
            self.stream.wait_stream(torch.cuda.current_stream())
        with self._on_stream():
            for _ in range(3):  # the libraries choose their kernels, the optimiser makes its state
                work()
        if self.stream is None:
            return work
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            work()
        return graph.replay


def _write(path, learners, loaders, histories):
    path.parent.mkdir(parents=True, exist_ok=True)
    everything = {
        "histories": histories,
        "orders": [loader.generator.get_state() for loader in loaders.values()],
        "taken": [learner.taken for learner in learners.values()],
        "models": [learner.model.state_dict() for learner in learners.values()],
        "momenta": [_momenta(learner) for learner in learners.values()],
    }
    write_atomically(path, lambda beside: torch.save(everything, beside))


def _read(path, learners, loaders):
    kept = unpickle(path.read_bytes())
    for loader, order in zip(loaders.values(), kept["orders"], strict=True):
        loader.generator.set_state(order)
    parts = zip(learners.values(), kept["taken"], kept["models"], kept["momenta"], strict=True)
    for learner, learner.taken, weights, momenta in parts:
        learner.model.load_state_dict(weights)
        for state, momentum in zip(_momenta(learner), momenta, strict=True):
            state.copy_(momentum)
    return kept["histories"]


def _momenta(learner):
    return [state["momentum_buffer"] for state in learner.opt.state.values()]
