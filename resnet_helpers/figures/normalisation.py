"""Normalisation explorer: an image's values raw, centred and scaled, and what imshow clips."""

import base64
import functools

import matplotlib.pyplot as plt
import numpy as np
import traitlets

from resnet_helpers import plotting
from resnet_helpers.data import load
from resnet_helpers.figures.base import Figure
from resnet_helpers.transforms import channel_statistics, image_histograms, resize

PLACES = (235, 822, 2460, 1350)  # the lecture notes' first; a dark, a bright and a yellow one
SIDE = 48  # the images are shrunk to so many pixels, so that a page stays small
BIN = 8  # bytes in a bar of the histograms
CHANNELS = ("red", "green", "blue")
STAGES = ("raw", "centred", "scaled")
DIVISORS = ("std", "mean_of_stds")


class NormalisationExplorer(Figure):
    """One image of the sample set, its three histograms, and what imshow shows (chapter 5).

    State: ``image`` (0 to 3), ``stage``, the ``divisor`` of the last stage (the true std or the
    lecture notes' mean of stds), ``undo`` (un-normalise before showing) and ``mark`` (stripes
    over clipped pixels, which the figure alone draws).

    Example:
        >>> values = NormalisationExplorer(stage="scaled").values()
        >>> f"{values.shape}, from {values.min():.2f} to {values.max():.2f}"
        '(3, 48, 48), from -1.74 to 1.96'
    """

    name = "normalisation"
    alt = (
        "Upper row: a small picture as stored, and the histograms of its red, green and blue "
        "values, all between 0 and 1. Lower row: the same picture normalised, which imshow shows "
        "dark and harsh, and its histograms: the same shapes, now from about minus 2 to plus 2, "
        "for the most part outside the band from 0 to 1 that imshow keeps."
    )
    image = traitlets.Int(0, min=0, max=len(PLACES) - 1).tag(sync=True)
    stage = traitlets.Enum(STAGES, "raw").tag(sync=True)
    divisor = traitlets.Enum(DIVISORS, "std").tag(sync=True)
    undo = traitlets.Bool(False).tag(sync=True)
    mark = traitlets.Bool(False).tag(sync=True)

    @traitlets.default("data")
    def _data(self):
        return _sample()

    def stored(self):
        """The image as stored: uint8 (3, 48, 48)."""
        raw = base64.b64decode(self.data["pictures"][self.image]["bytes"])
        return np.frombuffer(raw, np.uint8).reshape(3, SIDE, SIDE)

    def recipe(self):
        """What the stage subtracts, then divides by: two float64 arrays (3, 1, 1)."""
        training = self.data["training"]
        mean = training["mean"] if self.stage != "raw" else [0.0] * 3
        std = training[self.divisor] if self.stage == "scaled" else [1.0] * 3
        return np.array(mean)[:, None, None], np.array(std)[:, None, None]

    def values(self):
        """The image's values at the stage: float64 (3, 48, 48)."""
        mean, std = self.recipe()
        return (self.stored() / 255 - mean) / std

    def shown(self):
        """The bytes that imshow shows: uint8 (3, 48, 48)."""
        values = self.values()
        if self.undo:
            mean, std = self.recipe()
            values = values * std + mean
        return np.floor(values.clip(0, 1) * 255 + 0.5).astype(np.uint8)

    def still(self):
        figure, axes = plt.subplots(
            2, 2, figsize=(7.2, 4.4), layout="constrained", width_ratios=(1, 2)
        )
        rows = ("raw", "as stored", "byte / 255"), ("scaled", "normalised", "normalised value")
        for (picture, panel), (stage, title, xlabel) in zip(axes, rows, strict=True):
            now = NormalisationExplorer(image=self.image, stage=stage)
            picture.imshow(now.shown().transpose(1, 2, 0), interpolation="nearest")
            picture.set_title(title)
            picture.axis("off")
            panel.axvspan(0, 1, color="#eeeeee")
            colours = (plotting.PLAIN, plotting.GREEN, plotting.RESIDUAL)
            for values, name, colour in zip(now.values(), CHANNELS, colours, strict=True):
                panel.hist(values.ravel(), 32, histtype="step", color=colour, label=name)
            panel.set(xlabel=xlabel, ylabel="pixels")
        axes[0, 1].legend(frameon=False)
        return figure


@functools.cache
def _sample():
    """What the figure needs of the sample set, as JSON can carry it."""
    data = load("sample")
    whole = channel_statistics(data.train.images)
    heap = _binned(data.train.images).sum(0)
    training = {name: np.round(getattr(whole, name), 6).tolist() for name in ("mean", *DIVISORS)}
    training["histogram"] = np.round((heap / heap[0].sum()).tolist(), 5).tolist()
    images = resize(data.train.images[list(PLACES)], SIDE)
    pictures = []
    for place, image in zip(PLACES, images, strict=True):
        own = channel_statistics(image[None])
        name = data.classes[data.train.labels[place]]
        raw = base64.b64encode(image.numpy().tobytes()).decode()
        (histogram,) = _binned(image[None]).tolist()
        pictures.append(
            {"name": name, "bytes": raw, "mean": own.mean, "std": own.std, "histogram": histogram}
        )
    return {"pictures": pictures, "training": training}


def _binned(images):
    """How often each image's each channel has a value in each bin: (N, 3, bins)."""
    return image_histograms(images).unflatten(2, (-1, BIN)).sum(3)
