"""What a data set is once it lies in memory: splits of images and labels, cut and joined."""

import hashlib
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
    notes: tuple[str, ...] = ()  # what its reader should know, such as files that were left out


def describe(data: Dataset) -> str:
    """A data set's classes and the images of each in every split: at most ten lines."""
    splits = {
        name: getattr(data, name).labels.bincount(minlength=len(data.classes)).tolist()
        for name in ("train", "validation", "test")
    }
    lines = [f"{data.name}: {len(data.classes)} classes; images for {', '.join(splits)}:"]
    rows = list(zip(data.classes, *splits.values(), strict=True))
    shown = rows if len(rows) < 9 else rows[:7]
    lines += [f"  {name}: {', '.join(map(str, counts))}" for name, *counts in shown]
    if rest := rows[len(shown) :]:
        spans = [f"{min(column)} to {max(column)}" for column in list(zip(*rest, strict=True))[1:]]
        lines.append(f"  {len(rest)} more: {', '.join(spans)}")
    return "\n".join([*lines, f"  all: {', '.join(str(sum(s)) for s in splits.values())}"])


def picture_keys(images: torch.Tensor) -> list[bytes]:
    """A key for each of the images (N, 3, H, W): two have one key only if all bytes are equal."""
    return [hashlib.sha256(image.contiguous().numpy()).digest() for image in images.cpu()]


def cut(split: Split, share: float, seed: int = 0) -> tuple[Split, Split]:
    """Cut a share off each class at random: returns (the rest, what was cut off).

    A class of n images loses round(share · n) of them, or fewer: images equal in every byte stay
    together. Both parts keep the split's order.
    """
    generator = torch.Generator().manual_seed(seed)
    groups = {}  # by picture, the images that show it
    for i, key in enumerate(picture_keys(split.images)):
        groups.setdefault(key, []).append(i)
    groups = {members[0]: members for members in groups.values()}
    firsts = torch.tensor(list(groups), dtype=torch.int64)
    chosen = torch.zeros(len(split), dtype=torch.bool)
    labels = split.labels.tolist()
    for label in sorted(set(labels)):
        own = split.labels == label
        target = round(share * int(own.sum()))
        room = target - int(chosen[own].sum())
        order = firsts[own[firsts]]
        order = order[torch.randperm(len(order), generator=generator)].tolist()
        of_class = {first: sum(labels[i] == label for i in groups[first]) for first in order}
        for first in order:
            if of_class[first] <= room:
                chosen[groups[first]] = True
                room -= of_class[first]
        if room == target > 0 and len(order) > 1:
            chosen[groups[min(order, key=of_class.get)]] = True
    rest = Split(split.images[~chosen], split.labels[~chosen])
    return rest, Split(split.images[chosen], split.labels[chosen])


def join(first: Split, second: Split) -> Split:
    """The images and labels of both splits in one; all images must have one size."""
    return Split(torch.cat([first.images, second.images]), torch.cat([first.labels, second.labels]))
