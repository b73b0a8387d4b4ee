"""CIFAR-10, downloaded by torchvision: by one process at a time, and with errors that help."""

import http.client
import tarfile

import torch
import torchvision

from resnet_helpers.data.splits import Split
from resnet_helpers.data.stl10 import FetchError, hold


def load(root):
    """The names of the classes, the training split, the test split; fetched where missing.

    Raises:
        FetchError: the archive can't be fetched, or not be written.
    """
    try:
        return _read(root, download=False)
    except RuntimeError:
        pass  # It isn't there, or not whole.
    try:
        root.mkdir(parents=True, exist_ok=True)
        with hold(root / ".cifar10.lock", f"CIFAR-10: another process is fetching it to {root}"):
            return _read(root, download=True)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as error:
        source = torchvision.datasets.CIFAR10
        raise FetchError(
            f"CIFAR-10 can't be fetched from {source.url} into {root}: {_reason(error)}. Try "
            f"again, or put {source.filename} (170 MB) there by hand and run the same again. "
            'load("sample") needs no network'
        ) from error


def _reason(error):
    if isinstance(error, RuntimeError):  # torchvision's word: File not found or corrupted.
        return "what came isn't the archive (a line that broke, or a network to sign in to?)"
    return str(error).removeprefix("<urlopen error ").removesuffix(">")


def _read(root, download):
    splits = []
    for train in (True, False):
        part = torchvision.datasets.CIFAR10(root, train=train, download=download)
        images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()
        splits.append(Split(images, torch.tensor(part.targets)))
    return tuple(part.classes), *splits
