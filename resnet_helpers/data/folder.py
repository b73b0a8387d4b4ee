"""The reader's own images: a folder for each class."""

from pathlib import Path

import torch
from torchvision.datasets import ImageFolder

from resnet_helpers.data.pictures import read_image
from resnet_helpers.data.splits import Split, cut


def load(path, image_size, seed):
    """Read PATH/train/CLASS/* and PATH/test/CLASS/*, or cut a fifth of PATH/CLASS/* off as test.

    Returns:
        The names of the classes, the training split, the test split.

    Raises:
        ValueError, FileNotFoundError: as ``data.load``.
    """
    path = Path(path).expanduser()
    if not (path / "train").is_dir():
        classes, everything = _read_classes(path, image_size)
        return classes, *cut(everything, 0.2, seed)
    classes, train = _read_classes(path / "train", image_size)
    test_classes, test = _read_classes(path / "test", image_size)
    if classes != test_classes:
        odd = sorted(set(classes) ^ set(test_classes))
        raise ValueError(f"{path}: train and test must hold the same classes; differing: {odd}")
    return classes, train, test


def _read_classes(path, image_size):
    try:
        folder = ImageFolder(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} holds no images where they are looked for: expected at least one image in "
            f"every class folder, as in {path}/CLASS/image.jpg. {error}"
        ) from error
    images = []
    for file, _ in folder.samples:
        images.append(read_image(file, image_size))
        if images[-1].shape != images[0].shape:
            (_, height, width), (_, first_height, first_width) = images[-1].shape, images[0].shape
            raise ValueError(
                f"{file} is {width}×{height} pixels but the first image is "
                f"{first_width}×{first_height}: choose one size for all, such as "
                "load(..., image_size=96)"
            )
    return tuple(folder.classes), Split(torch.stack(images), torch.tensor(folder.targets))
