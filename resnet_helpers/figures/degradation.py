"""Degradation explorer: recorded training curves by depth, and one that the reader draws."""

import functools
from typing import NamedTuple

import matplotlib.pyplot as plt
import traitlets

from resnet_helpers import plotting
from resnet_helpers.experiments import load_recording
from resnet_helpers.figures.base import Figure

DEPTHS = (20, 32, 44, 56)
NETWORKS = ("plain", "residual")
MEASURES = ("training", "test")
IMAGES = 50_000  # of one pass
STEP, LAST = 10_000, 4 * IMAGES  # images between two points of a training curve, and in all


class Point(NamedTuple):
    """The error in % of one depth after ``seen`` images, to one decimal: the seeds' mean, range."""

    seen: int
    mean: float
    low: float
    high: float


class DegradationExplorer(Figure):
    """Recorded runs on CIFAR-10: error against passes, by depth and network (chapters 1 and 2).

    With ``predict``, the curve of the deepest chosen network (the residual one, if both are
    chosen) stays hidden until the reader has drawn one: ``prediction`` holds it, a whole number
    of % or None for each point of the curve.

    Example:
        >>> DegradationExplorer().values("plain", 20, "training")[-1]
        Point(seen=200000, mean=32.4, low=32.0, high=33.2)
    """

    name = "degradation"
    alt = (
        "Training error on CIFAR-10 against passes over the training images, 0 to 4. Plain-20 "
        "falls to 32 %, plain-56 stays above it and ends at 64 %, residual-56 falls to 23 %."
    )
    networks = traitlets.Enum((*NETWORKS, "both"), "plain").tag(sync=True)
    depths = traitlets.List(traitlets.Enum(DEPTHS), [20, 56], minlen=1).tag(sync=True)
    measure = traitlets.Enum(MEASURES, "training").tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)
    seen = traitlets.Enum(tuple(range(STEP, LAST + 1, STEP)), LAST).tag(sync=True)
    prediction = traitlets.List(
        traitlets.Int(min=1, max=100, allow_none=True), maxlen=LAST // STEP
    ).tag(sync=True)
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
        seen = {m: [point.seen for point in self.values("plain", 20, m)] for m in MEASURES}
        return {"images": IMAGES, "depths": DEPTHS, "seen": seen, "curves": curves}

    def values(self, network, depth, measure):
        """The points of one curve: what the readout says with the cursor on each of them.

        Args:
            network: "plain" or "residual". depth: 20, 32, 44 or 56.
            measure: "training", running means over 10,000 images each, or "test", after each
                pass.

        Raises:
            ValueError: no such run is recorded.
        """
        curves = [_errors(run, measure) for run in _same(network, depth)]
        points = []
        for same_seen in zip(*curves, strict=True):
            errors = [100 * error for _, error in same_seen]
            three = sum(errors) / len(errors), min(errors), max(errors)
            points.append(Point(same_seen[0][0], *(round(number, 1) for number in three)))
        return points

    def still(self):
        figure, axis = plt.subplots(figsize=(7, 3.8))
        lines = ("plain", 20, ":"), ("plain", 56, "-"), ("residual", 56, "-")
        for network, depth, style in lines:
            points = self.values(network, depth, "training")
            passes = [point.seen / IMAGES for point in points]
            colour = plotting.PLAIN if network == "plain" else plotting.RESIDUAL
            _, mean, low, high = zip(*points, strict=True)
            axis.plot(passes, mean, color=colour, linestyle=style)
            axis.fill_between(passes, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.text(4.06, points[-1].mean, f"{network}-{depth}", va="center")
        axis.set(xlabel="passes over the training images", ylabel="training error (%)")
        axis.set(xlim=(0, 4.8), ylim=(0, 100), xticks=range(5))
        return figure


@functools.cache
def _recording():
    return load_recording("degradation-cifar10")


def _same(network, depth):
    """The runs of one network at one depth, one for each seed."""
    same = [run for key, run in _recording().items() if key[:2] == (network, depth)]
    if not same:
        raise ValueError(
            f"{network}-{depth} isn't recorded: choose plain or residual, 20, 32, 44 or 56 layers"
        )
    return same


def _errors(run, measure):
    """Pairs: the images seen so far, and the error there."""
    if measure == "training":
        return [(point["seen"], point["error"]) for point in run["curve"]]
    if measure == "test":
        return [(IMAGES * (i + 1), row["test_error"]) for i, row in enumerate(run["history"])]
    raise ValueError(f"unknown measure {measure!r}: choose training or test")


def _columns(points):
    return {name: [getattr(point, name) for point in points] for name in ("mean", "low", "high")}
