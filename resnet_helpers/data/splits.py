"""What a data set is once it lies in memory: splits of images and labels, cut and joined."""

from dataclasses import dataclass

import torch

from resnet_helpers.transforms import check_bytes


@dataclass(frozen=True)
class Split:
    """Images and their labels; a ValueError or TypeError if they have another shape or type."""

    images: torch.Tensor  # uint8 (N, 3, H, W)
    labels: torch.Tensor  # int64 (N,), indices into the data set's classes

    def __post_init__(self):
        check_bytes(self.images)
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels of type {self.labels.dtype} and shape {tuple(self.labels.shape)}: "
                f"expected int64 ({len(self.images)},), one for each image"
            )

    def __len__(self):
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """What ``load`` returns."""

    name: str  # as given to ``load``
    classes: tuple[str, ...]  # the names of the labels 0, 1, 2, …
    train: Split  # for learning
    validation: Split  # for choosing
    test: Split  # for the last measurement
    unseen: Split | None = None  # designs that no other split shows; the sample set's alone


def cut(split: Split, share: float, seed: int = 0) -> tuple[Split, Split]:
    """Cut a share off each class at random: returns (the rest, what was cut off).

    A class of n images loses round(share · n) of them; both parts keep the split's order.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        members = torch.nonzero(split.labels == label).flatten()
        order = torch.randperm(len(members), generator=generator)
        chosen[members[order[: round(share * len(members))]]] = True
    rest = Split(split.images[~chosen], split.labels[~chosen])
    return rest, Split(split.images[chosen], split.labels[chosen])


def join(first: Split, second: Split) -> Split:
    """The images and labels of both splits in one; all images must have one size."""
    return Split(torch.cat([first.images, second.images]), torch.cat([first.labels, second.labels]))
