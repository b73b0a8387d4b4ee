"""The benchmarks: both sides compute the same, and ours is faster."""

import functools
import statistics

import numpy as np
import pytest
import torch
from torchvision.transforms import ToTensor

from benchmarks import __main__ as benchmarks
from benchmarks import measure, notes
from resnet_helpers import transforms
from resnet_helpers.data import load
from resnet_helpers.networks import cifar_resnet


@pytest.fixture(scope="module")
def images():
    return load("sample").train


def test_statistics_of_5000_images_are_the_notes_and_numpys(images):
    mean, mean_of_stds = notes.channel_statistics(notes.ImagesOneByOne(images, ToTensor()))
    ours = transforms.channel_statistics(images.images)
    assert len(images) == 5000
    assert ours.mean == pytest.approx(mean, rel=0, abs=1e-6)
    assert ours.mean_of_stds == pytest.approx(mean_of_stds, rel=0, abs=1e-6)
    for channel in range(3):
        values = images.images[:, channel].numpy() / np.float64(255)
        assert ours.mean[channel] == pytest.approx(values.mean(), rel=1e-12)
        assert ours.std[channel] == pytest.approx(values.std(), rel=1e-12)


def median_ratio(pairs):
    ratios = [book / notes for notes, book in pairs]
    print(f"times as fast as the notes': {', '.join(f'{ratio:.1f}' for ratio in ratios)}")
    return statistics.median(ratios)


def test_statistics_of_5000_images_take_a_tenth_of_the_notes_time(images):
    assert median_ratio(measure.statistics_speed(images, 5)) >= 10


@pytest.mark.parametrize(("size", "tolerance"), [(96, 1e-5), (224, 0.02)])
def test_both_loaders_deliver_the_same_images(images, size, tolerance):
    few = measure.first(images, 32)
    theirs, ours = measure.notes_loader(few, size), measure.book_loader(few, size)
    theirs.dataset.transform.transforms.pop()  # no mirroring
    ours.augment = None
    # Another order in each: by the mean of an image it is found again.
    batches = []
    for loader in (theirs, ours):
        ((batch, _),) = loader
        batches.append(batch[batch.mean((1, 2, 3)).argsort()])
    # The notes enlarge floats, the book bytes, which are rounded once more.
    assert (batches[0] - batches[1]).abs().max() < tolerance


@pytest.fixture
def one_thread():
    """Two threads wait for each other: on a busy machine that hides how fast the code is."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_the_loader_is_four_times_as_fast_at_96_and_three_times_at_224(images):
    assert median_ratio(measure.loader_speed(images, 96, 960, 5)) >= 4
    assert median_ratio(measure.loader_speed(images, 224, 320, 5)) >= 3


def test_a_row_of_the_table_has_the_medians_and_the_range_of_the_ratios():
    pairs = [(10.0, 20.0), (100.0, 500.0), (50.0, 150.0)]
    assert benchmarks.row("loader", pairs) == "| loader | 50 | 150 | 3.00 (2.00 to 5.00) |"


def test_every_training_benchmark_runs(images):
    build = functools.partial(cifar_resnet, 8, width=2)
    for benchmark in (measure.training_speed, measure.bare_speed):
        pairs = benchmark(build, images, 96, 64, 2)
        assert len(pairs) == 2 and all(speed > 0 for pair in pairs for speed in pair)
