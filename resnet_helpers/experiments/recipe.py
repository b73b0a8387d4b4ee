"""Recipes: all that decides a training, and the four that have a name.

References:
    [1] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    [2] Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677.
    [3] T. He et al., "Bag of Tricks for Image Classification", arXiv:1812.01187.
    [4] Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567, section 7.
"""

from dataclasses import asdict, dataclass, fields, replace

from resnet_helpers.networks import network_builder

CHOICES = {
    "optimizer": ("adam", "sgd"),
    "schedule": ("plateau", "triangle", "stairs"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class Recipe:
    """All that decides a training, on one machine. Each field is a setting of the command line.

    Attributes:
        network: a name as for ``networks.build_network``: resnet50, resnet18d, plain34,
            cifar_resnet20, …; empty where the network comes from elsewhere.
        width: channels of a CIFAR network's first stage ([1], section 4.2).
        image_size: images are resized to this many pixels on each side; 0 leaves them.
        epochs: passes over the training images.
        batch_size: images a step, of all processes together.
        optimizer: adam, as in the notes, or sgd.
        learning_rate: the highest, for a mean loss.
        momentum: of sgd.
        nesterov: let sgd's momentum look one step ahead, as Nesterov's does.
        weight_decay: the share of a weight that is added to its gradient.
        schedule: plateau, as in the notes: a tenth of the rate after more than ``patience``
            epochs without a lower validation loss; or triangle: the rate rises linearly from 0
            and falls linearly to 0; or stairs: a tenth of it after half of all steps, a hundredth
            after three quarters ([1], section 4.2).
        patience: of the plateau schedule, in epochs.
        warm_up: of the triangle schedule: the share of all steps during which the rate rises.
        flip: mirror half of the training images.
        crop: pixels of zeros around an image, before a window of its size is cut out at random.
        label_smoothing: the share of the truth that is spread over all classes ([4]).
        zero_gamma: start each residual block as the identity ([2], section 5.1).
        channels_last: the faster order of the network's numbers in memory.
        precision: float32, or bfloat16 where PyTorch's autocast finds it good enough.
        compile: let torch.compile join the network's operations: faster, after a minute.
        seed: fixes the initial weights, the order of the images and the augmentation.
        threads: of the processor, for each process; 0 leaves PyTorch's choice. Another number
            adds in another order, so it gives another history.
        limit: use so many images of each split at most, chosen at random; 0 uses all.

    Raises:
        ValueError: a value that can't be; the message names it and what could be.
    """

    network: str = ""
    width: int = 16
    image_size: int = 0
    epochs: int = 12
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "plateau"
    patience: int = 10
    warm_up: float = 0.2
    flip: bool = True
    crop: int = 0
    label_smoothing: float = 0.0
    zero_gamma: bool = False
    channels_last: bool = False
    precision: str = "float32"
    compile: bool = False
    seed: int = 0
    threads: int = 0
    limit: int = 0

    def __post_init__(self):
        if self.network:
            network_builder(self.network, self.width, self.zero_gamma)
        for name, choices in CHOICES.items():
            self._check(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
        for name in ("width", "epochs", "batch_size"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        for name in ("image_size", "patience", "crop", "limit", "threads", "weight_decay"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        for name in ("momentum", "label_smoothing"):
            self._check(name, 0 <= getattr(self, name) < 1, "at least 0 and less than 1")
        can = self.optimizer == "sgd" and self.momentum > 0
        self._check("nesterov", can or not self.nesterov, "False, without sgd and a momentum")
        self._check("learning_rate", self.learning_rate > 0, "a positive number")
        self._check("warm_up", 0 < self.warm_up < 1, "a share between 0 and 1")

    def _check(self, name, good, expected):
        if not good:
            raise ValueError(f"{name}={getattr(self, name)!r}: expected {expected}")

    def __str__(self):
        """All that is in use, Nesterov or not included: "network resnet18d, epochs 10, …"."""
        idle = {"width"} if self.width == 16 else set()
        idle |= {"warm_up"} if self.schedule != "triangle" else set()
        idle |= {"patience"} if self.schedule != "plateau" else set()
        idle |= {"momentum", "nesterov"} if self.optimizer == "adam" else set()
        shown = {name: value for name, value in asdict(self).items() if name not in idle}
        return ", ".join(
            f"{name} {value}"
            for name, value in shown.items()
            if value not in (0, "") or name in ("nesterov", "weight_decay", "seed")
        )

    @classmethod
    def of(cls, settings):
        """The recipe that a recorded run's ``settings`` describe, whichever version wrote them."""
        settings = dict(settings)
        if "nesterov" not in settings:  # it went without saying
            settings["nesterov"] = settings["optimizer"] == "sgd" and settings["momentum"] > 0
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in names})


# The notes' training, number by number. Where they say nothing, PyTorch's default holds.
NOTES = Recipe(network="resnet50", image_size=224, epochs=20)

# What chapter 7 finds, ingredient by ingredient, for a few epochs on a few thousand photographs.
BOOK = Recipe(
    network="resnet18d",
    image_size=96,
    optimizer="sgd",
    learning_rate=0.2,
    nesterov=True,
    weight_decay=5e-4,
    schedule="triangle",
    crop=8,
    label_smoothing=0.1,
    zero_gamma=True,
    channels_last=True,
)

RECIPES = {
    "notes": NOTES,
    "book": BOOK,
    "laptop": replace(
        NOTES, network="cifar_resnet14", image_size=32, epochs=12, batch_size=64, patience=2
    ),
    "smoke": Recipe("cifar_resnet8", image_size=16, epochs=2, batch_size=64, limit=320),
}

# The live experiment's: small networks, trained side by side while the reader waits.
LIVE = Recipe(
    epochs=10,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=1e-4,
    schedule="triangle",
    channels_last=True,
    threads=1,
)
