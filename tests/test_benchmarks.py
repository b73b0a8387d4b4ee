"""The benchmarks: both sides compute the same, and ours is faster."""

import statistics
import time

import numpy as np
import pytest
from torchvision.transforms import ToTensor

from benchmarks import notes
from resnet_helpers import pixels
from resnet_helpers.datasets import load


@pytest.fixture(scope="module")
def images():
    return load("sample").train


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def test_statistics_of_5000_images_are_the_notes_and_numpys(images):
    mean, mean_of_stds = notes.channel_statistics(notes.ImagesOneByOne(images, ToTensor()))
    ours = pixels.channel_statistics(images.images)
    assert len(images) == 5000
    assert ours.mean == pytest.approx(mean, rel=0, abs=1e-6)
    assert ours.mean_of_stds == pytest.approx(mean_of_stds, rel=0, abs=1e-6)
    for channel in range(3):
        values = images.images[:, channel].numpy() / np.float64(255)
        assert ours.mean[channel] == pytest.approx(values.mean(), rel=1e-12)
        assert ours.std[channel] == pytest.approx(values.std(), rel=1e-12)


def test_statistics_of_5000_images_take_a_tenth_of_the_notes_time(images):
    dataset = notes.ImagesOneByOne(images, ToTensor())
    ratios = [
        seconds(notes.channel_statistics, dataset)
        / seconds(pixels.channel_statistics, images.images)
        for _ in range(5)
    ]
    print(f"times as fast as the notes': {', '.join(f'{ratio:.0f}' for ratio in ratios)}")
    assert statistics.median(ratios) >= 10
