"""What is timed: each benchmark alternates between the notes' code and the book's.

A benchmark returns a list of (notes, book) pairs, one for each repeat, both in the same unit.
Timings on one machine wobble from minute to minute; ratios of neighbours wobble less.
"""

import time

import torch
from torch import nn
from torchvision.transforms import ToTensor

from benchmarks import notes
from resnet_helpers import transforms
from resnet_helpers.data import BatchLoader, Split, normalizer
from resnet_helpers.training import descend, loss_epoch

BATCH = 32
CLOCK = time.perf_counter
LOSS = nn.CrossEntropyLoss(reduction="sum")


def seconds(function, *arguments):
    """How long a call takes."""
    start = CLOCK()
    function(*arguments)
    return CLOCK() - start


def first(split, count):
    """The first images of a split."""
    return Split(split.images[:count], split.labels[:count])


def book_loader(split, size):
    """The book's training loader: whole batches resized, mirrored, normalised, channels last."""
    normalize = normalizer(split)

    def transform(images):
        return normalize(images if images.shape[-1] == size else transforms.resize(images, size))

    return BatchLoader(split, BATCH, transform, transforms.random_flip, shuffle=True)


def notes_loader(split, size):
    """The notes' training loader, with the same statistics."""
    statistics = transforms.channel_statistics(split.images)
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
            len(split) / seconds(transforms.channel_statistics, split.images),
        )
        for _ in range(repeats)
    ]


def training_speed(build, split, size, count, repeats):
    """Training images a second, loading included: each side's loader, layout and loop.

    Args:
        build: a function that builds the network.
    """
    part = first(split, count)
    sides = notes_epoch(build, part, size), book_epoch(build, part, size)
    for train in sides:
        train()  # the first epoch prepares memory and kernels
    return [tuple(count / seconds(train) for train in sides) for _ in range(repeats)]


def notes_epoch(build, split, size):
    """A function that trains one epoch in the notes' way."""
    model, loader = build().train(), notes_loader(split, size)
    opt = torch.optim.Adam(model.parameters(), lr=0.001)
    return lambda: notes.train_epoch(model, LOSS, loader, opt)


def book_epoch(build, split, size):
    """A function that trains one epoch in the book's way."""
    model = build().to(memory_format=torch.channels_last).train()
    loader = book_loader(split, size)
    opt = torch.optim.Adam(model.parameters(), lr=0.001)
    return lambda: loss_epoch(model, LOSS, loader, opt=opt)


def bare_speed(build, split, size, count, repeats):
    """Training images a second of the bare model on a resident batch, and of the book's loop.

    The bare model does forward, backward and the optimiser's step, and nothing else.
    """
    loader = book_loader(first(split, count), size)
    images, labels = next(iter(loader))
    model = build().to(memory_format=torch.channels_last).train()
    opt = torch.optim.Adam(model.parameters(), lr=0.001)

    def train_bare():
        for _ in range(len(loader)):
            descend(LOSS(model(images), labels), opt)

    def train_book():
        loss_epoch(model, LOSS, loader, opt=opt)

    train_bare()
    return [(count / seconds(train_bare), count / seconds(train_book)) for _ in range(repeats)]
