"""Statistics and transforms of whole batches of images, on whatever device they lie.

An image batch is (N, 3, H, W): bytes (uint8, 0 to 255) as stored, floats once normalised.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from resnet_helpers._check import check_batch_shape, check_sizes


@dataclass(frozen=True)
class ChannelStatistics:
    """Statistics of each colour channel, in units of the full range (0 to 1), as tuples (3,).

    Attributes:
        mean: over all pixels of all images.
        std: the standard deviation over all pixels of all images.
        mean_of_stds: the mean over the images of each image's own standard deviation. The
            lecture notes use it as the std, which it isn't: it falls short of it.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    mean_of_stds: tuple[float, ...]


def image_histograms(images: Tensor) -> Tensor:
    """How often each image's each channel has each value: int64 (N, 3, 256), on the CPU.

    Args:
        images: uint8 (N, 3, H, W).

    Raises:
        ValueError, TypeError: not a batch of uint8 images.
    """
    check_bytes(images)
    channels = images.flatten(2).flatten(0, 1).cpu().numpy()
    counts = np.empty((len(channels), 256), np.int64)
    for row, values in zip(counts, channels, strict=True):
        row[:] = np.bincount(values, minlength=256)
    return torch.from_numpy(counts).reshape(-1, 3, 256)


def channel_statistics(images: Tensor) -> ChannelStatistics:
    """Exact channel statistics of uint8 images (N, 3, H, W), in one pass over the pixels.

    Sums of bytes and of their squares are whole numbers, and only the last few divisions are in
    float64, so nothing is lost to rounding on the way.

    Raises:
        ValueError, TypeError: not a batch of at least one uint8 image.

    Example:
        Two images, one black and one white: each is of one colour, so its own std is 0.

        >>> images = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
        >>> channel_statistics(images.expand(2, 3, 4, 4))
        ChannelStatistics(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), mean_of_stds=(0.0, 0.0, 0.0))
    """
    counts, values = image_histograms(images).numpy(), np.arange(256)
    if images.numel() == 0:
        raise ValueError(f"no images in shape {tuple(images.shape)}: a mean needs at least one")
    sums, squares = counts @ values, counts @ values**2  # int64 (N, 3) each
    pixels = images[0, 0].numel()
    # n·Σx² − (Σx)² is a whole number: the subtraction that ruins floats is exact here.
    of_images = np.sqrt(pixels * squares - sums**2) / pixels / 255
    n = pixels * len(images)
    totals = list(zip(sums.sum(0).tolist(), squares.sum(0).tolist(), strict=True))
    mean = tuple(s / n / 255 for s, _ in totals)
    std = tuple((n * q - s * s) ** 0.5 / n / 255 for s, q in totals)
    return ChannelStatistics(mean, std, tuple(of_images.mean(0).tolist()))


def normalize(images: Tensor, mean: ArrayLike, std: ArrayLike) -> Tensor:
    """(x/255 − mean)/std for each channel: uint8 (N, 3, H, W) to float32 of the same shape.

    A channel of std 0, which has one value alone, becomes 0. The result has the images' order in
    memory: channels first or channels last.

    Args:
        mean, std: three numbers each, in units of the full range (0 to 1).

    Raises:
        ValueError, TypeError: not a batch of uint8 images; not three means and stds, or stds
            below 0 or all 0.
    """
    check_bytes(images)
    means, stds = _channels(images, mean=mean, std=std)
    # In place, on the copy that float() makes: fresh memory for each step would cost more time
    # than the arithmetic.
    normalized = images.float()
    values, means, stds = _broadcastable(normalized, means, stds)
    values.div_(255).sub_(means).div_(stds)
    return normalized


def unnormalize(images: Tensor, mean: ArrayLike, std: ArrayLike) -> Tensor:
    """The inverse of ``normalize``: floats (N, 3, H, W) to uint8 of the same shape.

    What lies between two bytes is rounded, what lies outside 0 to 255 is clipped.

    Args:
        mean, std: as they were given to ``normalize``.

    Raises:
        ValueError: not a batch of images; not three means and stds, or stds below 0 or all 0.
    """
    check_batch_shape(images)
    means, stds = _channels(images, mean=mean, std=std)
    return ((images * stds + means) * 255).round().clamp(0, 255).to(torch.uint8)


def resize(images: Tensor, size: int) -> Tensor:
    """Shrink or enlarge uint8 (N, 3, H, W) to uint8 (N, 3, size, size), by torchvision.

    Bilinear; where it shrinks, antialiased: each new pixel is an average over all of the old
    ones that it covers. An image that isn't square is stretched.

    Raises:
        ValueError, TypeError: not a batch of uint8 images; a size below 1 pixel.
    """
    check_bytes(images)
    check_sizes(size=size)
    from torchvision.transforms.v2 import functional as tv  # only now: slow to load

    return tv.resize(images, [size, size], antialias=True)


def random_flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirror each image left to right with probability 1/2.

    Args:
        images: any type, (N, 3, H, W); the result is a copy of the same type and shape.
        generator: a CPU generator that decides which; None: PyTorch's own.

    Raises:
        ValueError: not a batch of images.
    """
    check_batch_shape(images)
    flip = torch.rand(len(images), generator=generator) < 0.5
    if images.is_cuda:  # where one image at a time takes longer than all at once
        return torch.where(flip.to(images.device)[:, None, None, None], images.flip(3), images)
    flipped = images.clone()
    for i in torch.nonzero(flip).flatten().tolist():
        flipped[i] = images[i].flip(2)
    return flipped


def random_crop(images: Tensor, padding: int, generator: torch.Generator | None = None) -> Tensor:
    """Pad each image with zeros on all sides and cut its old size out again at a random place.

    Args:
        images: any type, (N, 3, H, W); the result is a copy of the same type and shape.
        padding: pixels on each side, at least 0.
        generator: a CPU generator that chooses the places; None: PyTorch's own.

    Raises:
        ValueError: a negative padding, or not a batch of images.
    """
    check_batch_shape(images)
    check_sizes(least=0, padding=padding)
    n, _, height, width = images.shape
    places = torch.randint(0, 2 * padding + 1, (2, n), generator=generator)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    if images.is_cuda:
        tops, lefts = places.to(images.device)
        return _windows(padded, tops, lefts, height, width)
    cropped = torch.empty_like(images)
    for i, (top, left) in enumerate(places.T.tolist()):
        cropped[i] = padded[i, :, top : top + height, left : left + width]
    return cropped


def _windows(padded, tops, lefts, height, width):
    """A window of each image, all at once, channels last: what a GPU is fast at, and a CPU not."""
    image, rows, columns = (
        torch.arange(size, device=padded.device) for size in (len(padded), height, width)
    )
    rows, columns = tops[:, None] + rows, lefts[:, None] + columns
    pixels = padded.permute(0, 2, 3, 1)[image[:, None, None], rows[:, :, None], columns[:, None]]
    return pixels.permute(0, 3, 1, 2)


def check_bytes(images: Tensor) -> None:
    """Raise a ValueError unless this is a batch (N, 3, H, W), a TypeError unless it is uint8."""
    check_batch_shape(images)
    if images.dtype != torch.uint8:
        raise TypeError(
            f"images of type {images.dtype}: expected uint8, 0 to 255, as stored; "
            "unnormalize() turns normalised floats back into bytes"
        )


def _broadcastable(images, means, stds):
    """Images (N, 3, H, W), means and stds (3, 1, 1), in shapes in which arithmetic is fast.

    With the channels first in memory these are the shapes. With the channels last, numbers would
    be applied three at a time, so a whole line of pixels becomes one row: the images
    (N, H, 3·W), the means and stds (3·W,), repeated for each pixel. The images stay a view.
    """
    if images.is_contiguous() or not images.is_contiguous(memory_format=torch.channels_last):
        return images, means, stds
    width = images.shape[3]
    lines = images.permute(0, 2, 3, 1).flatten(2)
    return lines, means.flatten().repeat(width), stds.flatten().repeat(width)


def _channels(images, **statistics):
    """Means and stds as float32 (3, 1, 1), where the images lie."""
    for name, given in statistics.items():
        numbers = torch.as_tensor(given, dtype=torch.float32).flatten()
        if len(numbers) != 3:
            raise ValueError(f"{name} has {len(numbers)} numbers: expected three, one a channel")
        if name == "std" and not numbers.any():
            raise ValueError("std=[0, 0, 0]: all images are of one colour, with nothing to learn")
        if name == "std" and (numbers < 0).any():
            raise ValueError(f"std={numbers.tolist()}: expected three positive numbers")
        if name == "std":
            numbers = numbers.where(numbers != 0, 1)
        yield numbers.to(images.device)[:, None, None]
