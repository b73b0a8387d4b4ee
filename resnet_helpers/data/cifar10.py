"""CIFAR-10, downloaded by torchvision: by one process at a time, and with errors that help."""

import http.client
import tarfile

import torch

from resnet_helpers.data.splits import Split
from resnet_helpers.data.stl10 import FetchError, hold


def load(root):
    """The names of the classes, the training split, the test split; fetched where missing.

    Raises:
        FetchError: the archive can't be fetched, or not be written.
    """
    from torchvision.datasets import CIFAR10  # only now: it takes as long to load as PyTorch

    try:
        return _read(CIFAR10, root, download=False)
    except RuntimeError:
        pass  # It isn't there, or not whole.
    try:
        root.mkdir(parents=True, exist_ok=True)
        with hold(root / ".cifar10.lock", f"CIFAR-10: another process is fetching it to {root}"):
            return _read(CIFAR10, root, download=True)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as error:
        raise FetchError(
            f"CIFAR-10 can't be fetched from {CIFAR10.url} into {root}: {_reason(error)}. Try "
            f"again, or put {CIFAR10.filename} (170 MB) there by hand and run the same again. "
            'load("sample") needs no network'
        ) from error


def _reason(error):
    if isinstance(error, RuntimeError):  # torchvision's word: File not found or corrupted.
        return "what came isn't the archive (a line that broke, or a network to sign in to?)"
    return str(error).removeprefix("<urlopen error ").removesuffix(">")


def _read(source, root, download):
    splits = []
    for train in (True, False):
        part = source(root, train=train, download=download)
        images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()
        splits.append(Split(images, torch.tensor(part.targets)))
    return tuple(part.classes), *splits
