"""The normalisation explorer: its numbers are the sample set's, by mouse, by keyboard, by link."""

import logging
import math
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from browsing import follow, link_to, random_figures, resize

from resnet_helpers import transforms
from resnet_helpers.data import load
from resnet_helpers.figures.normalisation import DIVISORS, SIDE, NormalisationExplorer

IMAGES = range(4)
MIDDLES = """canvas => {
  const cell = canvas.width / 48, {data} = canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.width);
  return [...Array(48 * 48).keys()].map(i => {
    const at = (Math.floor(i / 48) * cell + 4) * canvas.width + (i % 48) * cell + 4;
    return [...data.slice(4 * at, 4 * at + 3)];
  });
}"""
STRIPED = """canvas => {
  const wide = canvas.width, cell = wide / 48;
  const {data} = canvas.getContext("2d").getImageData(0, 0, wide, wide);
  const pixels = new Uint32Array(data.buffer);
  return [...Array(48 * 48).keys()].map(i => {
    const first = Math.floor(i / 48) * cell * wide + (i % 48) * cell;
    return [...Array(cell ** 2).keys()].some(
      k => pixels[first + Math.floor(k / cell) * wide + k % cell] !== pixels[first]);
  });
}"""


class Channel(NamedTuple):
    """What the table says of one channel, and how many of its values imshow clips."""

    mean: float
    std: float
    training_mean: float
    training_std: float
    below: int
    above: int


def channels(figure):
    mean, std = (numbers.ravel() for numbers in figure.recipe())
    training = figure.data["training"]
    means, stds = (np.array(training["mean"]) - mean) / std, np.array(training["std"]) / std
    clips = not figure.undo
    return [
        Channel(x.mean(), x.std(), *numbers, clips * (x < 0).sum(), clips * (x > 1).sum())
        for x, *numbers in zip(figure.values(), means, stds, strict=True)
    ]


def fixed(x):
    text = f"{abs(x):.3f}"
    return f"−{text}" if x < 0 and float(text) else text


def percent(count, total):
    return f"{math.floor(1000 * count / total + 0.5) / 10:.1f}\u00a0%"


def expected(figure):
    return [
        [
            *map(fixed, (c.mean, c.std, c.training_mean, c.training_std)),
            percent(c.below + c.above, SIDE**2),
        ]
        for c in channels(figure)
    ]


def table(page):
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    return [list(column) for column in zip(*rows, strict=True)]


def said(page):
    return page.locator(".rh-readout").inner_text()


def spoken(figure):
    """What the readout must say: how much is clipped, and the training split's statistics."""
    found = channels(figure)
    below, above = sum(c.below for c in found), sum(c.above for c in found)
    yield f"imshow clips {below + above:,} of 6,912 values"
    if below + above:
        share = percent(below + above, 3 * SIDE**2)
        yield f"({share}): {below:,} below 0, {above:,} above 1."
    for numbers in zip(*[(c.training_mean, c.training_std) for c in found], strict=True):
        yield ", ".join(map(fixed, numbers))


def shown(page):
    """The middle of each pixel of the image that the canvas shows: (3, 48, 48)."""
    middles = page.get_by_role("img").evaluate(MIDDLES)
    return np.array(middles).T.reshape(3, SIDE, SIDE)


def lost(figure):
    """Which pixels imshow clips, in one of their values or more: (48, 48)."""
    values = figure.values()
    outside = (values < 0) | (values > 1)
    return outside.any(0) & (not figure.undo)


def test_the_statistics_are_the_training_splits_to_six_digits():
    images = load("sample").train.images.numpy()
    training = NormalisationExplorer().data["training"]
    for channel in range(3):
        heap = images[:, channel].reshape(len(images), -1)
        counts = np.bincount(heap.ravel(), minlength=256)
        levels = np.arange(256) / 255
        mean = np.average(levels, weights=counts)
        std = np.average((levels - mean) ** 2, weights=counts) ** 0.5
        of_images = np.mean([row.std() / 255 for row in heap])
        assert training["mean"][channel] == pytest.approx(mean, abs=6e-7)
        assert training["std"][channel] == pytest.approx(std, abs=6e-7)
        assert training["mean_of_stds"][channel] == pytest.approx(of_images, abs=6e-7)
        shares = counts.reshape(-1, 8).sum(1) / heap.size
        assert np.allclose(training["histogram"][channel], shares, rtol=0, atol=6e-6)


@pytest.mark.parametrize("image", IMAGES)
def test_a_pictures_own_numbers_are_those_of_its_bytes(image):
    figure = NormalisationExplorer(image=image)
    picture, stored = figure.data["pictures"][image], figure.stored()
    assert np.allclose(picture["mean"], (stored / 255).mean((1, 2)), rtol=0, atol=1e-12)
    assert np.allclose(picture["std"], (stored / 255).std((1, 2)), rtol=0, atol=1e-12)
    for counts, channel in zip(picture["histogram"], stored, strict=True):
        assert counts == np.histogram(channel, bins=32, range=(0, 256))[0].tolist()


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("image", IMAGES)
def test_scaled_values_are_the_packages_and_un_normalise_to_every_byte(image, divisor):
    figure = NormalisationExplorer(image=image, stage="scaled", divisor=divisor, undo=True)
    batch = torch.tensor(figure.stored())[None]
    statistics = figure.data["training"]["mean"], figure.data["training"][divisor]
    normalised = transforms.normalize(batch, *statistics)
    assert np.allclose(figure.values(), normalised[0], rtol=0, atol=1e-5)
    assert torch.equal(transforms.unnormalize(normalised, *statistics), batch)
    assert np.array_equal(figure.shown(), figure.stored())


def test_the_true_std_gives_the_training_split_std_1_and_the_notes_std_gives_more():
    for divisor, fits in (("std", lambda x: x == 1), ("mean_of_stds", lambda x: x > 1.02)):
        found = channels(NormalisationExplorer(stage="scaled", divisor=divisor))
        assert all(channel.training_mean == 0 for channel in found)
        assert all(fits(channel.training_std) for channel in found)


def test_what_is_clipped_is_what_matplotlib_clips(caplog):
    figure = NormalisationExplorer(stage="scaled")
    values = figure.values().transpose(1, 2, 0)
    drawing, axis = plt.subplots()
    with caplog.at_level(logging.WARNING, logger="matplotlib.image"):
        clipped = np.asarray(axis.imshow(values).get_array())
    plt.close(drawing)
    assert "Clipping input data to the valid range" in caplog.text
    assert (clipped != values).sum() == sum(c.below + c.above for c in channels(figure))
    assert np.allclose(figure.shown().transpose(1, 2, 0) / 255, clipped, rtol=0, atol=0.5 / 255)


def test_twenty_random_settings_show_pythons_numbers(show_figure):
    page = show_figure(NormalisationExplorer())
    for figure in random_figures(NormalisationExplorer):
        follow(page, link_to(figure))
        assert table(page) == expected(figure)
        assert all(words in said(page) for words in spoken(figure))
        if figure.mark:
            striped = page.get_by_role("img").evaluate(STRIPED)
            assert striped == lost(figure).ravel().tolist()
        else:
            assert np.array_equal(shown(page), figure.shown())


def test_stages_change_by_mouse_and_the_numbers_follow(show_figure):
    page = show_figure(NormalisationExplorer())
    assert "imshow clips 0 of 6,912 values" in said(page)
    page.get_by_text("centred and scaled").click()
    page.get_by_text("the lecture notes’ std").click()
    figure = NormalisationExplorer(stage="scaled", divisor="mean_of_stds")
    assert table(page) == expected(figure)
    assert np.array_equal(shown(page), figure.shown())
    page.get_by_label("un-normalise before showing").click()
    assert "imshow clips 0 of 6,912 values, and shows 6,912 of them as stored" in said(page)
    assert np.array_equal(shown(page), figure.stored())


def test_image_and_stage_change_by_arrow_keys_and_the_numbers_follow(show_figure):
    page = show_figure(NormalisationExplorer())
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    figure = NormalisationExplorer(image=1, stage="centred")
    assert table(page) == expected(figure)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert np.array_equal(shown(page), figure.stored())
    page.keyboard.press("Space")
    assert np.array_equal(shown(page), figure.shown())


def test_the_marked_pixels_are_counted(show_figure):
    figure = NormalisationExplorer(stage="scaled", mark=True)
    page = show_figure(figure)
    assert page.get_by_text(f"Striped: {lost(figure).sum():,} pixels").is_visible()


def test_the_std_can_be_chosen_only_where_it_is_used(show_figure):
    page = show_figure(NormalisationExplorer(stage="centred"))
    assert page.get_by_label("the true std").is_disabled()
    page.get_by_label("centred and scaled").check()
    assert page.get_by_label("the true std").is_enabled()


def test_on_a_phone_the_table_needs_no_scrolling(show_figure):
    page = show_figure(NormalisationExplorer(stage="scaled", mark=True))
    for width in (320, 360, 560):
        resize(page, width)
        box = page.locator("table").bounding_box()
        assert box["x"] + box["width"] <= width - 24
