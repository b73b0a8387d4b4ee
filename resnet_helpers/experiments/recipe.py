"""Presets: whole trainings under a name, and the networks that they train.

References:
    [1] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    [2] Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677.
    [3] T. He et al., "Bag of Tricks for Image Classification", arXiv:1812.01187.
    [4] Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567, section 7.
"""

import functools
import re
from dataclasses import dataclass, replace

from resnet_helpers import networks

OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("plateau", "triangle")
IMAGENET_FAMILY = re.compile(r"resnet(18|34|50|101|152)")
D_VARIANTS = re.compile(IMAGENET_FAMILY.pattern + "d")
PLAIN_TWINS = ("plain18", "plain34")
CIFAR_FAMILY = re.compile(r"cifar_(resnet|plain)(\d+)")


@dataclass(frozen=True)
class Preset:
    """All that decides a training, on one machine. Each field can be set on the command line.

    Attributes:
        network: "resnet18" to "resnet152"; the same with a d, "resnet18d", for their D variants
            ([3]); "plain18", "plain34"; or of the CIFAR family "cifar_resnet14",
            "cifar_plain20", … ([1], section 4.2; 16 channels wide).
        image_size: images are resized to this many pixels on each side.
        epochs, batch_size: passes over the training images; images a step, of all processes.
        optimizer: "adam", as in the notes, or "sgd" (with Nesterov's momentum).
        learning_rate: the highest, for a mean loss.
        momentum: of sgd. weight_decay: of both.
        schedule: "plateau", as in the notes: a tenth of the rate after more than ``patience``
            epochs without a lower validation loss; or "triangle": the rate rises linearly during
            the first ``warm_up`` of all steps, and falls linearly to zero during the others.
        flip: mirror half of the training images. crop: pixels of zeros around an image, before a
            window of its size is cut out at random.
        label_smoothing: the share of the truth that is spread over all classes ([4]).
        zero_gamma: start each residual block as the identity ([2], section 5.1).
        channels_last: the faster order of the network's numbers in memory.
        mixed_precision: half precision where a GPU gains by it; on a CPU it must be False.
        sync_batch_norm: with several GPUs: batch statistics over all of them, not of each alone.
        seed: fixes the initial weights, the order of the images and the augmentation.
        threads: of the processor, for each process; 0 leaves PyTorch's choice. Another number
            adds in another order, so it gives another history.
        limit: use so many images of each split at most, chosen at random; 0 uses all.

    Raises:
        ValueError: a value that can't be; the message names it and what could be.
    """

    network: str = "resnet18"
    image_size: int = 96
    epochs: int = 12
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "plateau"
    patience: int = 10
    warm_up: float = 0.2
    flip: bool = True
    crop: int = 0
    label_smoothing: float = 0.0
    zero_gamma: bool = False
    channels_last: bool = False
    mixed_precision: bool = False
    sync_batch_norm: bool = False
    seed: int = 0
    threads: int = 0
    limit: int = 0

    def __post_init__(self):
        build_network_of(self.network)
        for name, choices in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}: choose one of {', '.join(choices)}"
                )
        for name in ("image_size", "epochs", "batch_size"):
            _check(self, name, getattr(self, name) >= 1, "at least 1")
        for name in ("patience", "crop", "limit", "threads", "momentum", "weight_decay"):
            _check(self, name, getattr(self, name) >= 0, "at least 0")
        _check(self, "learning_rate", self.learning_rate > 0, "a positive number")
        _check(self, "warm_up", 0 < self.warm_up < 1, "a share between 0 and 1")
        _check(self, "label_smoothing", 0 <= self.label_smoothing < 1, "a share of less than 1")


def build_network(preset, num_classes):
    """The network of a preset, its initial weights drawn from PyTorch's global generator."""
    options = {"zero_gamma": True} if preset.zero_gamma else {}
    return build_network_of(preset.network)(num_classes=num_classes, **options)


def build_network_of(name):
    """The function that builds a network by its name.

    Raises:
        ValueError: no network has this name.
    """
    if IMAGENET_FAMILY.fullmatch(name) or name in PLAIN_TWINS:
        return getattr(networks, name)
    if found := D_VARIANTS.fullmatch(name):
        return functools.partial(networks.resnet_d, int(found[1]))
    if found := CIFAR_FAMILY.fullmatch(name):
        build = {"resnet": networks.cifar_resnet, "plain": networks.cifar_plain}[found[1]]
        return functools.partial(build, int(found[2]))
    raise ValueError(
        f"network={name!r}: choose resnet18, 34, 50, 101 or 152, one of these with a d "
        f"(resnet18d), {' or '.join(PLAIN_TWINS)}, or of the CIFAR family, such as "
        "cifar_resnet20 or cifar_plain20"
    )


def _check(preset, name, good, expected):
    if not good:
        raise ValueError(f"{name}={getattr(preset, name)!r}: expected {expected}")


# The notes' training, number by number. Where they say nothing, PyTorch's default holds.
NOTES = Preset(network="resnet50", image_size=224, epochs=20)

# What chapter 6 finds, ingredient by ingredient, for a few epochs on a few thousand photographs.
BOOK = Preset(
    network="resnet18d",
    optimizer="sgd",
    learning_rate=0.2,
    weight_decay=5e-4,
    schedule="triangle",
    crop=8,
    label_smoothing=0.1,
    zero_gamma=True,
    channels_last=True,
)

PRESETS = {
    "notes": NOTES,
    "book": BOOK,
    # Meant for ten minutes of a T4, by arithmetic and not by measurement: 400,000 images in all,
    # at no less than 700 a second. Twice the batch, so twice the rate ([2]).
    "colab": replace(
        BOOK,
        network="resnet50d",
        epochs=80,
        batch_size=64,
        learning_rate=0.4,
        mixed_precision=True,
    ),
    "laptop": Preset("cifar_resnet14", image_size=32, batch_size=64, patience=2),
    "smoke": Preset("cifar_resnet8", image_size=16, epochs=2, batch_size=64, limit=320),
}
