"""The book's figures: one style, Okabe and Ito's palette, always on an opaque background.

Its yellow and its pink are darker here, so that each line stands out from paper (3:1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike
from torch import Tensor

from resnet_helpers._check import check_sizes
from resnet_helpers._pictures import show_figures
from resnet_helpers.transforms import check_bytes

# The style sheet figures.css says the first three again, in lower case.
PLAIN, RESIDUAL, GREEN = "#D55E00", "#0072B2", "#009E73"
BLACK, GREY, YELLOW, PINK = "#000000", "#8A8A8A", "#B87A00", "#C46A9C"


def use_style() -> None:
    """Set matplotlib to the book's style for the rest of the session.

    In a notebook a figure comes out as SVG, or with photographs as a JPEG at twice the size, and in
    JupyterLab with the alt text that its cell has.
    """
    show_figures()
    plt.rc("figure", facecolor="white", dpi=110, figsize=(7.2, 3.4))
    plt.rc("figure.constrained_layout", use=True)
    plt.rc("savefig", facecolor="white")
    plt.rc("font", size=10.5)
    plt.rc("axes", grid=True, axisbelow=True)
    plt.rc("axes.spines", top=False, right=False)
    plt.rc("grid", color="#e4e4e4")
    plt.rc("lines", linewidth=2)
    plt.rc("legend", frameon=False)
    plt.rc("image", cmap="Blues")


def show_images(
    images: Tensor, titles: Sequence[str] | None = None, columns: int = 8, pixel_axes: bool = False
) -> Figure:
    """Show a batch of images in a grid.

    Args:
        images: uint8 (N, 3, H, W).
        titles: one for each image.
        columns: of the grid, at most.
        pixel_axes: number the columns and rows of the pixels beside each image.

    Raises:
        ValueError, TypeError: not a batch of uint8 images (the message says how normalised
            floats become bytes again), or another number of titles than of images.
    """
    check_bytes(images)
    check_sizes(images=len(images), columns=columns)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images: expected one for each")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = min(2.1 if pixel_axes else 1.6, 9 / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(side * columns, (side + 0.25) * rows), squeeze=False
    )
    for axis in axes.flat[len(images) :]:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image.permute(1, 2, 0).cpu().numpy())
        axis.grid(False)
        if titles is not None:
            axis.set_title(titles[i], fontsize=10)
        if pixel_axes:
            axis.set(xlabel="column (pixels)", ylabel="row (pixels)")
            axis.label_outer()
        else:
            axis.axis("off")
    return figure


def error_axes(
    *labels: str, loss: str | None = None, xlabel: str = "epoch", top: float = 1
) -> tuple[Figure, list[Axes]]:
    """Panels in a row, against the epoch: a loss in nats, then shares in per cent.

    Args:
        labels: of the vertical axes of the panels for errors or accuracies, each from 0 to
            ``top``, where 1 is 100 %.
        loss: the label of a panel for a loss, which comes first, its height as its lines ask for.
        xlabel: of every panel; its marks are whole numbers.

    Returns:
        The figure and its panels, to be drawn into.
    """
    every = ([loss] if loss else []) + list(labels)
    figure, panels = plt.subplots(1, len(every), figsize=(8.6, 3.6), squeeze=False)
    for axis, label in zip(panels[0], every, strict=True):
        axis.set(xlabel=xlabel, ylabel=label)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axis in panels[0][len(every) - len(labels) :]:
        axis.set_ylim(0, top)
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure, list(panels[0])


def chance(axis: Axes, height: float, label: str = "chance") -> None:
    """Draw the level that guessing reaches: a dotted line across, with its name at the right.

    Args:
        height: for C equally frequent classes, log C as a loss in nats, 1 − 1/C as an error.
    """
    axis.axhline(height, color=BLACK, linestyle=":", linewidth=1)
    place = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points"}
    axis.annotate(label, (1, height), (0, 2), ha="right", va="bottom", fontsize=9, **place)


def plot_history(
    loss_history: Mapping[str, Sequence[float]],
    metric_history: Mapping[str, Sequence[float]],
    color: str = RESIDUAL,
) -> Figure:
    """Draw what ``train_val`` returns: loss, then accuracy, against the epoch.

    Args:
        loss_history, metric_history: each ``{"train": […], "val": […]}``, one number an epoch.
    """
    figure, panels = error_axes("accuracy", loss="mean loss (nats)")
    for axis, history in zip(panels, (loss_history, metric_history), strict=True):
        epochs = range(1, len(history["train"]) + 1)
        axis.plot(epochs, history["train"], color=color, label="training")
        axis.plot(epochs, history["val"], color=color, linestyle="--", label="validation")
        axis.set_ylim(0)
        axis.legend()
    return figure


def plot_confusion(counts: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix.

    Args:
        counts: whole numbers (C, C), a row for each true class, a column for each answer.
        classes: the C names.

    Raises:
        ValueError: counts of another shape.
    """
    numbers = np.asarray(counts)
    if numbers.shape != (len(classes), len(classes)):
        raise ValueError(
            f"counts of shape {numbers.shape}: expected a row and a column for each of the "
            f"{len(classes)} classes"
        )
    figure, axis = plt.subplots(figsize=(6.2, 4.7))
    drawn = axis.imshow(numbers)
    figure.colorbar(drawn, label="images", shrink=0.8)
    axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axis.set_yticks(range(len(classes)), classes)
    axis.set(xlabel="what the network says", ylabel="what it is")
    axis.grid(False)
    for (row, column), count in np.ndenumerate(numbers):
        pale = count < 0.6 * numbers.max()
        axis.text(column, row, count, ha="center", va="center", color="black" if pale else "white")
    return figure


def draw_band(axis: Axes, x: ArrayLike, curves: ArrayLike, **line: Any) -> None:
    """Draw the mean of several curves, and a pale band from the lowest of them to the highest.

    Args:
        x: numbers (N,). curves: (runs, N), one row for each seed.
        line: as for ``axis.plot``.
    """
    runs = np.asarray(curves)
    (drawn,) = axis.plot(x, runs.mean(0), **line)
    axis.fill_between(x, runs.min(0), runs.max(0), color=drawn.get_color(), alpha=0.2, linewidth=0)
