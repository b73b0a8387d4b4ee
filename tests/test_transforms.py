"""Statistics and transforms, against NumPy, PyTorch and torchvision."""

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from samples import noise_images

from resnet_helpers import transforms
from resnet_helpers.transforms import normalize, random_flip, unnormalize

BATCHES = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 5), st.just(3), st.integers(1, 7), st.integers(1, 7))
).map(torch.from_numpy)


@given(BATCHES)
@settings(deadline=None)
def test_mean_and_std_are_those_of_all_pixels(images):
    statistics = transforms.channel_statistics(images)
    values = images.numpy().astype(np.float64) / 255
    assert statistics.mean == pytest.approx(values.mean((0, 2, 3)), rel=1e-12, abs=1e-15)
    assert statistics.std == pytest.approx(values.std((0, 2, 3)), rel=1e-10, abs=1e-12)


@pytest.mark.trouble("pixels")
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_constant_channel_becomes_0_and_comes_back(layout):
    images = noise_images(6).contiguous(memory_format=layout)
    images[:, 1] = 77
    statistics = transforms.channel_statistics(images)
    normalised = normalize(images, statistics.mean, statistics.std)
    assert statistics.std[1] == 0 and normalised[:, 1].abs().max() < 1e-6
    assert normalised[:, 0].std() == pytest.approx(1, abs=0.01)
    assert torch.equal(unnormalize(normalised, statistics.mean, statistics.std), images)


@given(BATCHES)
@settings(deadline=None)
def test_mean_of_stds_is_the_notes_number_and_never_above_the_std(images):
    statistics = transforms.channel_statistics(images)
    per_image = (images.numpy().astype(np.float64) / 255).std((2, 3))
    assert statistics.mean_of_stds == pytest.approx(per_image.mean(0), rel=1e-10, abs=1e-12)
    for short, whole in zip(statistics.mean_of_stds, statistics.std, strict=True):
        assert short <= whole + 1e-12


def test_statistics_are_exact_where_single_precision_fails():
    images = torch.full((40, 3, 96, 96), 255, dtype=torch.uint8)
    images[0, :, 0, 0] = 254
    n = 40 * 96 * 96
    statistics = transforms.channel_statistics(images)
    assert statistics.std[0] == pytest.approx(((n - 1) / n**2) ** 0.5 / 255, rel=1e-14)


def test_statistics_do_not_depend_on_how_batches_are_counted():
    images = noise_images(600, 4)
    small = transforms.image_histograms(images[:10])
    assert torch.equal(transforms.image_histograms(images)[:10], small)
    assert (small.sum(2) == 16).all()


def test_statistics_of_no_images_say_so():
    with pytest.raises(ValueError, match="no images"):
        transforms.channel_statistics(torch.zeros(0, 3, 4, 4, dtype=torch.uint8))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalize_is_torchvisions_in_every_layout(layout):
    # Height and width differ, so that lines and columns of pixels can't be confused.
    images = noise_images(6)[:, :, :, :5].contiguous(memory_format=layout)
    before, mean, std = images.clone(), (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    given = transforms.normalize(images, mean, std)
    expected = torchvision.transforms.Normalize(mean, std)(images.float() / 255)
    assert torch.allclose(given, expected, rtol=0, atol=1e-6)
    assert given.is_contiguous(memory_format=layout)
    assert torch.equal(images, before)


def test_both_layouts_give_the_same_bits():
    images, mean, std = noise_images(6), (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    last = images.contiguous(memory_format=torch.channels_last)
    first = transforms.normalize(images, mean, std)
    assert torch.equal(transforms.normalize(last, mean, std), first)


@given(BATCHES, st.floats(0, 1), st.floats(0.01, 2))
@settings(deadline=None)
def test_unnormalise_gives_back_every_byte(images, mean, std):
    normalised = transforms.normalize(images, [mean] * 3, [std] * 3)
    assert torch.equal(transforms.unnormalize(normalised, [mean] * 3, [std] * 3), images)


def test_unnormalize_rounds_and_clips():
    floats = torch.tensor([-1.0, 0.1, 0.5, 2.0]).reshape(1, 1, 1, 4).expand(1, 3, 1, 4)
    bytes_ = transforms.unnormalize(floats, [0] * 3, [1] * 3)
    assert bytes_[0, 0, 0].tolist() == [0, 26, 128, 255]  # 25.5 and 127.5 go to the even byte


def test_normalised_by_the_own_statistics_the_mean_is_0_and_the_std_1():
    images = noise_images(50)
    statistics = transforms.channel_statistics(images)
    x = transforms.normalize(images, statistics.mean, statistics.std)
    assert x.mean((0, 2, 3)).abs().max() < 1e-5
    assert (x.std((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-5


@given(BATCHES, st.integers(0, 100))
@settings(deadline=None)
def test_random_flip_leaves_each_image_or_its_mirror(images, seed):
    flipped = transforms.random_flip(images, torch.Generator().manual_seed(seed))
    for before, after in zip(images, flipped, strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))


def test_random_flip_mirrors_about_half():
    images = noise_images(2000, 2)
    flipped = transforms.random_flip(images, torch.Generator().manual_seed(0))
    share = (flipped != images).flatten(1).any(1).float().mean()
    assert 0.45 < share < 0.55


@given(BATCHES, st.integers(0, 3), st.integers(0, 100))
@settings(deadline=None)
def test_random_crop_cuts_a_window_out_of_the_padded_image(images, padding, seed):
    cropped = transforms.random_crop(images, padding, torch.Generator().manual_seed(seed))
    height, width = images.shape[2:]
    padded = torch.nn.functional.pad(images, [padding] * 4)
    for whole, part in zip(padded, cropped, strict=True):
        windows = whole.unfold(1, height, 1).unfold(2, width, 1)
        assert (windows == part[:, None, None]).all(dim=(0, 3, 4)).any()


def test_random_crop_reaches_every_place_and_each_image_its_own():
    images = torch.zeros(400, 3, 3, 3, dtype=torch.uint8)
    images[:, :, 1, 1] = 1
    cropped = transforms.random_crop(images, 1, torch.Generator().manual_seed(0))
    places = {tuple(torch.nonzero(image[0]).flatten().tolist()) for image in cropped}
    assert len(places) == 9


def test_the_same_generator_gives_the_same_augmentation():
    images = noise_images(6)
    for function in (transforms.random_flip, lambda x, g: transforms.random_crop(x, 2, g)):
        first, again = (function(images, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, again)


@pytest.mark.parametrize("size", [32, 20, 150])
def test_resize_is_pillows_antialiased_bilinear(size):
    images = noise_images(2, 96)
    resized = transforms.resize(images, size)
    assert resized.shape == (2, 3, size, size) and resized.dtype == torch.uint8
    for image, ours in zip(images, resized, strict=True):
        pillow = Image.fromarray(image.permute(1, 2, 0).numpy())
        expected = np.asarray(pillow.resize((size, size), Image.Resampling.BILINEAR))
        difference = ours.permute(1, 2, 0).numpy().astype(int) - expected
        assert np.abs(difference).max() <= 1  # each rounds once more, in its own place


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: transforms.resize(x, 0), ValueError, "size=0: expected a whole number"),
        (lambda x: transforms.random_crop(x, -1), ValueError, "padding=-1: expected a whole"),
        (lambda x: normalize(x, [0.5], [0.2] * 3), ValueError, "mean has 1 numbers"),
        (lambda x: normalize(x, [0.5] * 3, [0, -1, 1]), ValueError, "three positive numbers"),
        (lambda x: normalize(x, [0.5] * 3, [0] * 3), ValueError, "all images are of one colour"),
        (lambda x: unnormalize(x, [0.5] * 3, [1, 1, -1]), ValueError, "three positive numbers"),
        (lambda x: normalize(x[0], [0.5] * 3, [1] * 3), ValueError, r"\(3, 8, 8\): exp"),
        (lambda x: random_flip(x.permute(0, 2, 3, 1)), ValueError, r"images.permute\(0, 3"),
        (lambda x: normalize(x.float(), [0] * 3, [1] * 3), TypeError, "32: expected uint8"),
        (lambda x: transforms.channel_statistics(x / 255), TypeError, "expected uint8, 0 to 255"),
    ],
)  # fmt: skip
def test_bad_batches_are_named_with_the_way_out(call, error, message):
    with pytest.raises(error, match=message):
        call(noise_images(6))
