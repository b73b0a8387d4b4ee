"""The reader's own images: a folder for each class, looked at before it is believed."""

import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

import torch
from PIL import Image
from tqdm import tqdm

from resnet_helpers.data.pictures import patience, read_image
from resnet_helpers.data.splits import Split, cut, picture_keys

# What systems and programs leave in folders, besides names that begin with a dot or an at sign.
_LITTER = {"__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini"}
_LITTER |= {"$recycle.bin", "#recycle", "system volume information", "lost+found", "icon\r"}
# Words in a folder's name that say which split it is.
_ROLES = dict.fromkeys(("train", "training", "trainset"), "train")
_ROLES |= dict.fromkeys(("val", "valid", "validation", "valset"), "validation")
_ROLES |= dict.fromkeys(("test", "testing", "tests", "testset"), "test")
# Formats that Pillow knows by name, but that aren't pictures or need another program.
_NOT_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"}


@dataclass
class _Folder:
    """What is in a folder, but for litter."""

    path: Path
    pictures: list[Path] = field(default_factory=list)  # in it directly
    folders: list["_Folder"] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)  # by ending, at any depth

    @property
    def name(self):
        # macOS writes é as e and an accent.
        return normalize("NFC", self.path.name)

    @property
    def role(self):
        """The split that its name speaks of, or None."""
        words = re.findall("[a-z]+", self.name.casefold())
        return next((_ROLES[word] for word in words if word in _ROLES), None)

    def all_pictures(self):
        """The paths of the pictures in it, at any depth."""
        return self.pictures + [path for f in self.folders for path in f.all_pictures()]

    def classes(self):
        """The folders in it that hold pictures."""
        return [folder for folder in self.folders if folder.all_pictures()]


def load(path, image_size, seed):
    """Read PATH/train/CLASS/* and PATH/test/CLASS/*, or cut a fifth of PATH/CLASS/* off as test.

    Returns:
        The names of the classes; the splits train, validation (None unless there is a folder of
        it) and test; what is to be said of them, one line each.

    Raises:
        ValueError, OSError: as ``data.load``.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} {'is a file' if root.exists() else 'is not there'}: " + _expected(root)
        )
    _check_utf8(root)
    tree = _scan(root, _endings(), (root.resolve(),))
    folders = _find_splits(tree)
    files = {role: _find_classes(f, tree.left_out) for role, f in (folders or {"": tree}).items()}
    every = sorted(set().union(*files.values()))
    if lacking := [f"{r} lacks {c!r}" for r in files for c in every if c not in files[r]]:
        raise ValueError(f"{root}: all splits must hold the same classes; {_few(lacking)}")
    notes = [f"left out: {_count(tree.left_out)}"] if tree.left_out else []
    splits = _read(files, image_size)
    if folders:
        parts = [splits.get(role) for role in ("train", "validation", "test")]
        notes += _find_copies(splits)
    else:
        train, test = cut(splits[""], 0.2, seed)
        parts = [train, None, test]
    return tuple(every), *parts, notes


def _scan(path, endings, above):
    """Look through a folder. ``above``: real paths that a link must not lead into again."""
    found = _Folder(path)
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        inner, ending = path / entry.name, Path(entry.name).suffix.lower()
        if entry.name.startswith((".", "@")) or entry.name.casefold() in _LITTER:
            continue
        if not entry.is_dir():
            if ending in endings:
                found.pictures.append(inner)
            else:
                found.left_out[ending or "without an ending"] += 1
            continue
        target = inner.resolve() if entry.is_symlink() else None
        if target and any(a.is_relative_to(target) or target.is_relative_to(a) for a in above):
            found.left_out["link to a folder that is read anyway"] += 1
            continue
        found.folders.append(_scan(inner, endings, (*above, target) if target else above))
        found.left_out += found.folders[-1].left_out
    return found


def _endings():
    """The endings of the files that are read as pictures."""
    known = Image.registered_extensions().items()
    return {end for end, kind in known if kind in Image.OPEN and kind not in _NOT_PICTURES}


def _find_splits(tree):
    """The splits' folders by role, or none where the class folders lie in the folder itself."""
    named = [folder for folder in tree.classes() if folder.role]
    splits = {folder.role: folder for folder in named if folder.classes()}
    if not splits and len({folder.role for folder in named}) < 2:
        return {}  # A class may be called train.
    names = ", ".join(folder.name for folder in named)
    missing = [role for role in ("train", "test") if role not in splits]
    if flat := [folder.name for folder in named if not folder.classes()]:
        fault = f"of {names} no class folders with images are in {_few(flat)}"
    elif len(splits) < len(named):
        fault = f"of {names} two are for the same split"
    elif missing:
        fault = f"beside {names} there is no folder {missing[0]}"
    else:
        for other in tree.classes():
            if not other.role:
                tree.left_out[f"image in {other.name}"] += len(other.all_pictures())
        return splits
    raise ValueError(f"{tree.path}: {fault}: {_expected(tree.path)}")


def _find_classes(folder, left_out):
    """A dictionary from the name of each class to the paths of its pictures, in order."""
    classes = {}
    for inner in folder.folders:
        _check_utf8(inner.name)
        classes.setdefault(inner.name, []).extend(inner.all_pictures())
    if not classes or not all(classes.values()):
        where = _few([name for name in classes if not classes[name]]) or "class folders"
        hint = f" (left out: {_count(folder.left_out)})" if folder.left_out else ""
        raise FileNotFoundError(
            f"{folder.path} holds no images in {where}{hint}: {_expected(folder.path)}, and at "
            "least one image in every class folder"
        )
    if len(classes) == 1:
        (name,), hint, inner = classes, "", folder.folders[0]
        while len(inner.folders) == 1:
            inner = inner.folders[0]
        if names := [f.name for f in inner.classes()]:
            hint = f", unless you mean the folders in it ({_few(names)}): folder:{inner.path}"
        raise ValueError(
            f"{folder.path} holds one class alone, {name}: there is nothing to learn{hint}"
        )
    for inner in folder.folders:
        if len({f.role for f in inner.classes()} - {None}) > 1:
            raise ValueError(f"{inner.path} holds splits: {_expected(folder.path)}")
    for picture in folder.pictures:
        left_out[f"{picture.suffix.lower()} outside the class folders"] += 1
    return dict(sorted(classes.items()))


def _read(files, image_size):
    """A split for each role; one error names whatever can't be read."""
    paths = [p for classes in files.values() for pictures in classes.values() for p in pictures]
    images, faults = None, []
    read = _read_in_turn(paths, image_size)
    bar = tqdm(read, desc="images", total=len(paths), leave=False, delay=2, disable=None)
    for i, (path, image) in enumerate(zip(paths, bar, strict=True)):
        if isinstance(image, Exception):
            faults.append(image)
            continue
        if images is None:
            images = image.new_empty((len(paths), *image.shape))
        if image.shape != images.shape[1:]:
            (height, width), (first_height, first_width) = image.shape[1:], images.shape[2:]
            raise ValueError(
                f"{path} is {width}×{height} pixels but the first image is "
                f"{first_width}×{first_height}: choose one size for all, such as "
                "load(..., image_size=96)"
            )
        images[i] = image
    if faults:
        kind = next((ValueError for f in faults if isinstance(f, ValueError)), type(faults[0]))
        listed = "".join(f"\n  {fault}" for fault in [*faults[:5], "…"][: len(faults)])
        raise kind(f"{len(faults)} of {len(paths)} images can't be used:{listed}")
    splits = {}
    for role, classes in files.items():
        labels = [label for label, names in enumerate(classes.values()) for _ in names]
        # A copy, so that to keep one split isn't to keep them all.
        splits[role] = Split(images[: len(labels)].clone(), torch.tensor(labels))
        images = images[len(labels) :]
    return splits


def _read_in_turn(paths, image_size):
    """Each file's image, or the error that it gives; read by threads, a few files ahead."""

    def attempt(path):
        try:
            return read_image(path, image_size)
        except (ValueError, PermissionError, FileNotFoundError) as error:
            return error

    # Decoding lets go of Python. Four large pictures at once are as many as memory should hold.
    with patience(), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), 32):
            yield from pool.map(attempt, paths[start : start + 32])


def _find_copies(splits):
    """One line, or none, about images that stand in two splits."""
    known, found = set(), []
    for role in sorted(splits, key=("train", "validation", "test").index):
        keys = picture_keys(splits[role].images)
        if copies := sum(key in known for key in keys):
            found.append(f"{copies} of {len(keys)} in {role}")
        known.update(keys)
    return [f"exact copies of another split's images: {', '.join(found)}"] if found else []


def _check_utf8(name):
    try:
        str(name).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the folder's name {str(name)!a} isn't UTF-8, and can't be written down: rename it, "
            "or unpack its archive again with its encoding, as by unzip -O cp1252"
        ) from error


def _expected(path):
    return (
        f"expected {path}/CLASS/image.jpg, or {path}/train/CLASS/image.jpg and "
        f"{path}/test/CLASS/image.jpg (and {path}/validation, if you have it)"
    )


def _few(things):
    """The first five of some words, and how many more there are."""
    return ", ".join([*things[:5], *[f"and {len(things) - 5} more"] * (len(things) > 5)])


def _count(counter):
    return _few([f"{number} × {what}" for what, number in counter.most_common()])
