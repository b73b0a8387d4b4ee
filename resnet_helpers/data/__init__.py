"""Where images come from. Whatever the source, ``load`` gives uint8 images in memory, in splits.

splits       Split and Dataset, the forms of all that follows; cut and join
batches      BatchLoader: batches of a split, shuffled, augmented, normalised
sample_set   "sample": a stand-in for STL10, drawn on this machine and cached
stl10        "stl10": its labelled images alone, fetched by a download that resumes (_resumable)
cifar10      "cifar10", downloaded by torchvision
pictures     from a picture's file to bytes, the same for training and for use
folder       "folder:PATH": the reader's own images
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path

from platformdirs import user_cache_path

from resnet_helpers import transforms
from resnet_helpers._check import check_sizes
from resnet_helpers.data import cifar10, folder, sample_set, stl10
from resnet_helpers.data.batches import BatchLoader, normalizer
from resnet_helpers.data.pictures import read_image
from resnet_helpers.data.splits import Dataset, Split, cut, describe, join

__all__ = [
    "BatchLoader",
    "Dataset",
    "Split",
    "cache_folder",
    "cut",
    "describe",
    "join",
    "load",
    "normalizer",
    "read_image",
]


def load(name: str, validation=0.2, seed=0, image_size: int | None = None, root=None) -> Dataset:
    """Load a data set into memory.

    Validation is cut from the training images, and chooses; test is for the last measurement.

    Args:
        name: "sample", drawn on this machine and cached; "stl10", its labelled images alone,
            fetched by ``stl10.fetch``; "cifar10", downloaded by torchvision; or "folder:PATH",
            your own images: PATH/train/CLASS/* and PATH/test/CLASS/* (and PATH/validation), or
            PATH/CLASS/* from which a fifth of each class is cut as test.
        validation: the share of each class's training images that is cut off as validation,
            unless a folder brings its own.
        seed: fixes the sample set's pixels and every cut.
        image_size: pixels on each side of every image. A folder's images are cropped to a square
            and resized as they are read; those of the other sets go through
            ``transforms.resize``. By default images stay as they are, and a folder's must all
            have one size.
        root: where downloads and the drawn sample set lie; by default the cache folder.

    Returns:
        A ``Dataset``. Its notes, such as what was left out, also go to stderr.

    Raises:
        ValueError: an unknown name, a share outside (0, 1), a seed or size that isn't a whole
            number of at least 0 or 1, or images that can't be used.
        FileNotFoundError: a folder that isn't there or holds no images.
        PermissionError: images that may not be read.
        stl10.FetchError: STL10 or CIFAR-10 isn't on this machine and can't be fetched.
    """
    if not 0 < validation < 1:
        raise ValueError(f"validation={validation}: expected a share between 0 and 1, such as 0.2")
    check_sizes(least=0, seed=seed)
    if image_size is not None:
        check_sizes(image_size=image_size)
    root = cache_folder() if root is None else Path(root).expanduser()
    held_out, unseen, notes = None, None, []
    if name == "sample":
        train, test, unseen = sample_set.load(seed, root)
        classes = sample_set.CLASSES
    elif name == "stl10":
        classes, train, test = stl10.load(root)
    elif name == "cifar10":
        classes, train, test = cifar10.load(root)
    elif isinstance(name, str) and name.startswith("folder:"):
        path = name.removeprefix("folder:")
        classes, train, held_out, test, notes = folder.load(path, image_size, seed)
    else:
        raise ValueError(
            f"unknown data set {name!r}: choose 'sample', 'stl10', 'cifar10' or 'folder:PATH'"
        )
    learn = [train, held_out] if held_out else cut(train, validation, seed)
    splits = [*learn, test, unseen]
    if image_size is not None:
        # No split, or an empty one, stays as it is.
        splits = [s and Split(transforms.resize(s.images, image_size), s.labels) for s in splits]
    for note in notes:
        print(f"{name}: {note}", file=sys.stderr)
    return Dataset(name, classes, *splits, notes=tuple(notes))


def cache_folder() -> Path:
    """The user's cache folder for this package; the variable RESNET_HELPERS_CACHE moves it.

    Where no home folder is known, a warning says so, and it is a temporary one.
    """
    moved = os.environ.get("RESNET_HELPERS_CACHE")
    try:
        return Path(moved).expanduser() if moved else user_cache_path("resnet_helpers")
    except (RuntimeError, KeyError) as error:
        folder = Path(tempfile.gettempdir(), "resnet_helpers")
        warnings.warn(
            f"no home folder is known ({error}): data sets are kept in {folder} for as long as "
            "that lasts; set RESNET_HELPERS_CACHE to a folder that can be written",
            stacklevel=2,
        )
        return folder
