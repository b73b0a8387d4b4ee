"""The book's figures: one style, one palette, always on an opaque background."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from resnet_helpers.transforms import check_bytes

# Okabe and Ito's palette, which colour-blind readers can tell apart.
PLAIN = "#D55E00"
RESIDUAL = "#0072B2"
BLACK, GREY, GREEN, YELLOW, PINK = "#000000", "#999999", "#009E73", "#E69F00", "#CC79A7"


def use_style():
    """Set matplotlib to the book's style for the rest of the session."""
    plt.rcParams.update(
        {
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.dpi": 110,
            "figure.figsize": (7.2, 3.4),
            "figure.constrained_layout.use": True,
            "font.size": 10.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e4e4",
            "lines.linewidth": 2,
            "legend.frameon": False,
            "image.cmap": "Blues",
        }
    )


def show_images(images, titles=None, columns=8):
    """Show a batch of uint8 images (N, 3, H, W) in a grid, each with its title.

    Raises:
        TypeError: normalised floats; the message says how to turn them back into bytes.
    """
    check_bytes(images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = min(1.6, 9 / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(side * columns, (side + 0.25) * rows), squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        axis.imshow(image.permute(1, 2, 0).numpy())
        if titles is not None:
            axis.set_title(titles[i], fontsize=8.5)
    return figure


def plot_history(loss_history, metric_history, colour=RESIDUAL):
    """Draw what ``train_val`` returns: loss, then accuracy, against the epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4))
    panels = ((left, loss_history, "mean loss (nats)"), (right, metric_history, "accuracy"))
    for axis, history, label in panels:
        epochs = range(1, len(history["train"]) + 1)
        axis.plot(epochs, history["train"], color=colour, label="training")
        axis.plot(epochs, history["val"], color=colour, linestyle="--", label="validation")
        axis.set(xlabel="epoch", ylabel=label, ylim=(0, None))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend()
    right.yaxis.set_major_formatter(PercentFormatter(1))
    right.set_ylim(0, 1)
    return figure


def plot_confusion(counts, classes):
    """Draw a confusion matrix: counts (classes, classes), a row for each true class."""
    counts = np.asarray(counts)
    figure, axis = plt.subplots(figsize=(6.2, 5.4))
    drawn = axis.imshow(counts)
    figure.colorbar(drawn, label="images", shrink=0.8)
    axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axis.set_yticks(range(len(classes)), classes)
    axis.set(xlabel="what the network says", ylabel="what it is")
    axis.grid(False)
    for (row, column), count in np.ndenumerate(counts):
        pale = count < 0.6 * counts.max()
        axis.text(column, row, count, ha="center", va="center", color="black" if pale else "white")
    return figure


def draw_band(axis, x, curves, **line):
    """Draw the mean of several curves, and a pale band from the lowest of them to the highest.

    Args:
        x: numbers (N,). curves: (runs, N), one row for each seed.
        line: as for ``axis.plot``.
    """
    curves = np.asarray(curves)
    (drawn,) = axis.plot(x, curves.mean(0), **line)
    axis.fill_between(
        x, curves.min(0), curves.max(0), color=drawn.get_color(), alpha=0.2, linewidth=0
    )
