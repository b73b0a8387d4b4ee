"""What is timed: each benchmark alternates between the notes' code and the book's.

A benchmark returns a list of (notes, book) pairs, one for each repeat, both in the same unit.
Timings on one machine wobble from minute to minute; ratios of neighbours wobble less.
"""

import time

import torch
from torch import nn
from torchvision.transforms import ToTensor

from benchmarks import notes
from resnet_helpers import pixels
from resnet_helpers.datasets import Split
from resnet_helpers.training import BatchLoader, loss_epoch

BATCH = 32


def seconds(function, *arguments):
    """How long a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def first(split, count):
    """The first images of a split."""
    return Split(split.images[:count], split.labels[:count])


def book_loader(split, size):
    """The book's training loader: whole batches resized, mirrored, normalised, channels last."""
    statistics = pixels.channel_statistics(split.images)

    def transform(images):
        if images.shape[-1] != size:
            images = pixels.resize(images, size)
        images = pixels.normalise(images, statistics.mean, statistics.std)
        return images.contiguous(memory_format=torch.channels_last)

    return BatchLoader(split, BATCH, transform, pixels.random_flip, shuffle=True)


def notes_loader(split, size):
    """The notes' training loader, with the same statistics."""
    statistics = pixels.channel_statistics(split.images)
    return notes.training_loader(split, size, statistics.mean, statistics.std, BATCH)


def exhaust(loader):
    """Take every batch of a loader."""
    for _ in loader:
        pass


def loader_speed(split, size, count, repeats):
    """Images a second that each loader delivers, of images resized to ``size``."""
    part = first(split, count)
    loaders = notes_loader(part, size), book_loader(part, size)
    return [tuple(count / seconds(exhaust, loader) for loader in loaders) for _ in range(repeats)]


def statistics_speed(split, repeats):
    """Images a second whose channel statistics are computed."""
    dataset = notes.ImagesOneByOne(split, ToTensor())
    return [
        (
            len(split) / seconds(notes.channel_statistics, dataset),
            len(split) / seconds(pixels.channel_statistics, split.images),
        )
        for _ in range(repeats)
    ]


def training_speed(build, split, size, count, repeats):
    """Training images a second, loading included: each side's loader, layout and loop."""
    part = first(split, count)
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    theirs, ours = build(), build().to(memory_format=torch.channels_last)
    opts = [torch.optim.Adam(model.parameters(), lr=0.001) for model in (theirs, ours)]
    loaders = notes_loader(part, size), book_loader(part, size)

    def train_theirs():
        notes.train_epoch(theirs.train(), loss_func, loaders[0], opts[0])

    def train_ours():
        loss_epoch(ours.train(), loss_func, loaders[1], opt=opts[1])

    train_theirs(), train_ours()  # the first epoch prepares memory and kernels
    return [(count / seconds(train_theirs), count / seconds(train_ours)) for _ in range(repeats)]


def bare_speed(build, split, size, count, repeats):
    """Training images a second of the bare model on a resident batch, and of the book's loop.

    The bare model does forward, backward and the optimiser's step, and nothing else.
    """
    part = first(split, count)
    loss_func = nn.CrossEntropyLoss(reduction="sum")
    loader = book_loader(part, size)
    images, labels = next(iter(loader))
    model = build().to(memory_format=torch.channels_last).train()
    opt = torch.optim.Adam(model.parameters(), lr=0.001)

    def train_bare():
        for _ in range(len(loader)):
            loss = loss_func(model(images), labels)
            opt.zero_grad()
            loss.backward()
            opt.step()

    def train_book():
        loss_epoch(model, loss_func, loader, opt=opt)

    train_bare()
    return [(count / seconds(train_bare), count / seconds(train_book)) for _ in range(repeats)]
