"""Training replay: two recorded trainings of one network, epoch by epoch."""

import functools

import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from PIL import Image

from resnet_helpers import plotting, transforms
from resnet_helpers.data import sample_set
from resnet_helpers.experiments import load_recording, provenance_line
from resnet_helpers.experiments.recorded import REPLAYED
from resnet_helpers.figures.base import Figure, png_source

RECORDING = "replay-sample"
EPOCHS = 12
RECIPES = {
    "notes-recipe": ("the notes' recipe", plotting.GREY),
    "book-recipe": ("this book's recipe", plotting.GREEN),
}
ABOUT = {
    "notes-recipe": "Adam, 64 pictures a step. The rate is 0.001 at first, and a tenth after 3 "
    "epochs without a lower validation loss. Pictures are mirrored.",
    "book-recipe": "SGD, 32 pictures a step. The rate rises to 0.2 and falls to zero. Pictures are "
    "mirrored and shifted. The truth is smoothed, so the training loss can't fall below 0.50.",
}


class TrainingReplay(Figure):
    """The reader goes through the epochs of two trainings by different recipes (chapters 6, 7).

    Of each epoch: loss and accuracy, the learning rate, what the network says of nine test images
    (the first nine, whatever the answers) and the confusion counts of validation.

    Example:
        >>> values = TrainingReplay().values("book-recipe", 12)
        >>> values["val_accuracy"] > 0.8, values["right"] >= 7
        (True, True)
    """

    name = "replay"
    alt = (
        "Loss and accuracy against the epoch, 1 to 12, of a residual network trained by two "
        "recipes; solid on the training images, dashed on the validation images. The notes' "
        "validation loss jumps up twice, in epochs 5 and 8. From epoch 3 on this book's falls to "
        "the end. After four epochs the notes' recipe is ahead, after twelve this book's."
    )
    epoch = traitlets.Int(1, min=1, max=EPOCHS).tag(sync=True)

    def __init__(self, **kwargs):
        recording = load_recording(RECORDING)
        self._recorded = {recipe: run for (recipe, _), run in recording.items()}
        super().__init__(**kwargs)

    @traitlets.default("data")
    def _data(self):
        size = self._recorded["book-recipe"]["settings"]["image_size"]
        images = transforms.resize(torch.from_numpy(_watched()[0]), size).permute(0, 2, 3, 1)
        return {
            "trainings": [self._training(recipe) for recipe in RECIPES],
            "classes": list(sample_set.CLASSES),
            "images": [png_source(Image.fromarray(image.numpy())) for image in images],
            "truth": _watched()[1],
            "provenance": provenance_line(list(self._recorded.values())),
        }

    def _training(self, recipe):
        epochs = [
            {**self.values(recipe, i), "confusion": seen["confusion"], "top": _top(seen)}
            for i, seen in enumerate(self._recorded[recipe]["watched"], 1)
        ]
        return {"words": RECIPES[recipe][0], "about": ABOUT[recipe], "epochs": epochs}

    def values(self, recipe, epoch):
        """What the figure says of an epoch, 1 being the first.

        Args:
            recipe: "notes-recipe" or "book-recipe".

        Returns:
            A dictionary: mean losses (nats) and accuracies (shares) of training and validation;
            ``learning_rate`` at the epoch's start, as text; ``right``, of the nine test images;
            ``mistake``, the most frequent on validation: true class, answer, how often.
        """
        row, seen = (self._recorded[recipe][name][epoch - 1] for name in ("history", "watched"))
        measures = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
        wrong = np.array(seen["confusion"])
        np.fill_diagonal(wrong, 0)
        true, said = np.unravel_index(wrong.argmax(), wrong.shape)
        return {
            **{name: round(row[name], 4) for name in measures},
            "learning_rate": _decimal(row["learning_rate"]),
            "right": sum(a == b for a, b in zip(seen["answers"], _watched()[1], strict=True)),
            "mistake": [int(true), int(said), int(wrong.max())],
        }

    def still(self):
        figure, axes = plt.subplots(
            2, 2, figsize=(7.2, 4.6), sharex=True, sharey="row", layout="constrained"
        )
        for column, (recipe, (words, colour)) in zip(axes.T, RECIPES.items(), strict=True):
            history = self._recorded[recipe]["history"]
            for axis, measure, factor in zip(column, ("loss", "accuracy"), (1, 100), strict=True):
                for part, name, dash in (("train", "training", "-"), ("val", "validation", "--")):
                    line = [factor * row[f"{part}_{measure}"] for row in history]
                    axis.plot(range(1, len(line) + 1), line, dash, color=colour, label=name)
            column[0].set_title(words)
            column[0].legend()
            column[1].set_xlabel("epoch")
        axes[0, 0].set(ylabel="mean loss (nats)", ylim=(0, None))  # both columns' at once
        axes[1, 0].set(ylabel="accuracy (%)", ylim=(0, 100))
        return figure


@functools.cache
def _watched():
    """The test images that were watched, uint8 (9, 3, 96, 96), and their classes."""
    images, labels = sample_set.draw_split("test", count=REPLAYED)
    return images, labels.tolist()


def _top(seen, count=3):
    """For each image its most probable classes, the answer first: [class, probability, text]."""

    def most_probable(answer, row):
        order = sorted(range(len(row)), key=lambda k: (k != answer, -row[k]))
        # As text too, since JavaScript rounds 0.125 up and Python down.
        return [[k, row[k], f"{row[k]:.2f}"] for k in order[:count]]

    return list(map(most_probable, seen["answers"], seen["probabilities"]))


def _decimal(number):
    """Two significant digits, without an exponent."""
    return np.format_float_positional(number, precision=2, fractional=False, trim="-")
