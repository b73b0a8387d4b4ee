"""Degradation explorer: recorded training curves by depth, and one that the reader draws."""

import functools
import itertools
from typing import NamedTuple

import matplotlib.pyplot as plt
import traitlets

from resnet_helpers import plotting
from resnet_helpers.experiments import load_recording, runs_of
from resnet_helpers.figures.base import Figure

DEPTHS = (20, 56)
NETWORKS = ("plain", "residual")
MEASURES = ("training", "test")
PASSES = 30


class Point(NamedTuple):
    """The error in % after so many passes, to one decimal: the seeds' mean, and their range."""

    passes: int
    mean: float
    low: float
    high: float


class DegradationExplorer(Figure):
    """Recorded runs on CIFAR-10: error against passes, by depth and network (chapters 1 and 2).

    With ``predict``, the curve of the deepest chosen network (the residual one, if both are
    chosen) stays hidden until the reader has drawn one: ``prediction`` holds it, a whole number
    of % or None for each pass.

    Example:
        >>> DegradationExplorer().values("plain", 20, "training")[-1]
        Point(passes=30, mean=10.3, low=10.3, high=10.4)
    """

    name = "degradation"
    alt = (
        "Training error on CIFAR-10 against passes over the training images, 1 to 30. Plain-20 "
        "ends at 10 %, plain-56 above it, at 21 %; residual-20 at 8 %, residual-56 lower, at 4 %."
    )
    networks = traitlets.Enum((*NETWORKS, "both"), "plain").tag(sync=True)
    depths = traitlets.List(traitlets.Enum(DEPTHS), [20, 56], minlen=1).tag(sync=True)
    measure = traitlets.Enum(MEASURES, "training").tag(sync=True)
    predict = traitlets.Bool(True).tag(sync=True)
    passes = traitlets.Int(1, min=1, max=PASSES).tag(sync=True)
    prediction = traitlets.List(traitlets.Int(min=1, max=100, allow_none=True), maxlen=PASSES).tag(
        sync=True
    )
    revealed = traitlets.Bool(False).tag(sync=True)

    @traitlets.default("data")
    def _data(self):
        curves = {
            f"{network}-{depth}": {
                "seeds": len(_same(network, depth)),
                **{measure: _columns(self.values(network, depth, measure)) for measure in MEASURES},
            }
            for network in NETWORKS
            for depth in DEPTHS
        }
        return {"passes": PASSES, "depths": DEPTHS, "curves": curves}

    def values(self, network, depth, measure):
        """The points of one curve: what the readout says with the cursor on each of them.

        Args:
            network: "plain" or "residual". depth: 20 or 56.
            measure: "training", the mean over a pass, or "test", after it.

        Raises:
            ValueError: no such run is recorded.
        """
        if measure not in MEASURES:
            raise ValueError(f"unknown measure {measure!r}: choose training or test")
        row_name = {"training": "train_error", "test": "test_error"}[measure]
        points = []
        for rows in zip(*(run["history"] for run in _same(network, depth)), strict=True):
            errors = [100 * row[row_name] for row in rows]
            three = sum(errors) / len(errors), min(errors), max(errors)
            points.append(Point(len(points) + 1, *(round(number, 1) for number in three)))
        return points

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.8))
        for network, depth in itertools.product(NETWORKS, DEPTHS):
            passes, mean, low, high = zip(*self.values(network, depth, "training"), strict=True)
            colour = plotting.PLAIN if network == "plain" else plotting.RESIDUAL
            axis.plot(passes, mean, color=colour, linestyle=":" if depth == 20 else "-")
            axis.fill_between(passes, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.text(PASSES + 0.5, mean[-1], f"{network}-{depth}", va="center")
        axis.set(xlabel="passes over the training images", ylabel="training error (%)")
        axis.set(xlim=(0, 36), ylim=(0, 100), xticks=range(0, 31, 5))
        return figure


@functools.cache
def _recording():
    return load_recording("degradation-cifar10-long")


def _same(network, depth):
    """The runs of one network at one depth, one for each seed."""
    if same := runs_of(_recording(), network, depth):
        return same
    raise ValueError(f"{network}-{depth} isn't recorded: choose plain or residual, 20 or 56 layers")


def _columns(points):
    return {name: [getattr(point, name) for point in points] for name in ("mean", "low", "high")}
