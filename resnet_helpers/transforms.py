"""Statistics and transforms of whole batches of images, on whatever device they lie.

An image batch is (N, 3, H, W): bytes (uint8, 0 to 255) as stored, floats once normalised.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms.v2 import functional as tv


@dataclass(frozen=True)
class ChannelStatistics:
    """Statistics of each colour channel, in units of the full range (0 to 1), as tuples (3,).

    Attributes:
        mean: over all pixels of all images.
        std: the standard deviation over all pixels of all images.
        mean_of_stds: the mean over the images of each image's own standard deviation. The
            lecture notes use it as the std, which it isn't: it falls short of it.
    """

    mean: tuple
    std: tuple
    mean_of_stds: tuple


def image_histograms(images):
    """How often each image's each channel has each value: int64 (N, 3, 256), on the CPU."""
    check_bytes(images)
    channels = images.flatten(2).flatten(0, 1).cpu().numpy()
    counts = np.empty((len(channels), 256), np.int64)
    for row, values in zip(counts, channels, strict=True):
        row[:] = np.bincount(values, minlength=256)
    return torch.from_numpy(counts).reshape(-1, 3, 256)


def channel_statistics(images):
    """Exact channel statistics of uint8 images (N, 3, H, W), in one pass over the pixels.

    Sums of bytes and of their squares are whole numbers, and only the last few divisions are in
    float64, so nothing is lost to rounding on the way.

    Raises:
        ValueError, TypeError: not a batch of at least one uint8 image.
    """
    check_bytes(images)
    if len(images) == 0:
        raise ValueError("no images: a mean needs at least one")
    sums, squares = _sums_and_squares(images.flatten(2).cpu().numpy())
    pixels = images[0, 0].numel()
    # n·Σx² − (Σx)² is a whole number: the subtraction that ruins floats is exact here.
    of_images = np.sqrt(pixels * squares - sums**2) / pixels / 255
    total = pixels * len(images)
    means, stds = [], []
    for channel in range(3):
        s, q = int(sums[:, channel].sum()), int(squares[:, channel].sum())
        means.append(s / total / 255)
        stds.append((total * q - s * s) ** 0.5 / total / 255)
    return ChannelStatistics(tuple(means), tuple(stds), tuple(of_images.mean(0).tolist()))


def normalize(images, mean, std):
    """(x/255 − mean)/std for each channel: uint8 (N, 3, H, W) to float32 of the same shape.

    Args:
        mean, std: three numbers each, in units of the full range (0 to 1).

    Raises:
        ValueError, TypeError: not a batch of uint8 images; not three means and positive stds.
    """
    check_bytes(images)
    mean, std = _channels(mean, "mean", images), _channels(std, "std", images)
    if (std <= 0).any():
        raise ValueError(f"std={std.flatten().tolist()}: expected three positive numbers")
    # In place, on the copy that float() makes: fresh memory for each step would cost more time
    # than the arithmetic.
    normalised = images.float()
    values, mean, std = _rows(normalised, mean, std)
    values.div_(255).sub_(mean).div_(std)
    return normalised


def unnormalize(images, mean, std):
    """The inverse of ``normalise``: floats (N, 3, H, W) to uint8, rounded and clipped."""
    _check_shape(images)
    mean, std = _channels(mean, "mean", images), _channels(std, "std", images)
    return ((images * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)


def resize(images, size):
    """Shrink or enlarge uint8 images to size × size, bilinear and antialiased, by torchvision."""
    check_bytes(images)
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"size={size!r}: expected a whole number of pixels, at least 1")
    return tv.resize(images, [size, size], antialias=True)


def random_flip(images, generator=None):
    """Mirror each image left to right with probability 1/2. Any type, same shape."""
    _check_shape(images)
    flip = torch.rand(len(images), generator=generator) < 0.5
    flipped = images.clone()
    for i in torch.nonzero(flip).flatten().tolist():
        flipped[i] = images[i].flip(2)
    return flipped


def random_crop(images, padding, generator=None):
    """Pad each image with zeros on all sides and cut its old size out again at a random place.

    Args:
        images: any type, (N, 3, H, W); the result has the same type and shape.
        padding: pixels on each side, at least 0.
        generator: a CPU ``torch.Generator`` that chooses the places.

    Raises:
        ValueError: a negative padding, or not a batch of images.
    """
    _check_shape(images)
    if padding < 0:
        raise ValueError(f"padding={padding}: expected 0 or more pixels")
    n, _, height, width = images.shape
    places = torch.randint(0, 2 * padding + 1, (2, n, 1), generator=generator)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    cropped = torch.empty_like(images)
    for i, (top, left) in enumerate(places.flatten(1).T.tolist()):
        cropped[i] = padded[i, :, top : top + height, left : left + width]
    return cropped


def check_bytes(images):
    """Raise an error that names the way out unless this is a batch of uint8 images."""
    _check_shape(images)
    if images.dtype != torch.uint8:
        raise TypeError(
            f"images of type {images.dtype}: expected uint8, 0 to 255, as stored; "
            "unnormalize() turns normalised floats back into bytes"
        )


def _check_shape(images):
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"images of shape {tuple(images.shape)}: expected (N, 3, H, W); one image becomes a "
            "batch by image.unsqueeze(0), and (N, H, W, 3) by images.permute(0, 3, 1, 2)"
        )


def _sums_and_squares(images):
    """The sum of bytes and of their squares, for each row of (N, 3, pixels): int64 (N, 3) each."""
    pixels = images.shape[2]
    # In pieces of 256: as many squares of bytes add up to less than 2²⁴, and so far float32, the
    # fastest type, holds every whole number. Pixels that fill up the last piece stay zero.
    pieces = np.zeros((3, -(-pixels // 256), 256), np.float32)
    row = pieces.reshape(3, -1)[:, :pixels]
    ones = np.ones(256, np.float32)
    sums, squares = np.empty((2, len(images), 3), np.int64)
    for i, image in enumerate(images):
        row[:] = image
        sums[i] = (pieces @ ones).sum(1, dtype=np.float64)
        squares[i] = np.vecdot(pieces, pieces).sum(1, dtype=np.float64)
    return sums, squares


def _rows(images, mean, std):
    """Images, and a mean and std for each channel, in shapes that are fast to compute with.

    With the channels last in memory, three numbers would have to be applied three at a time:
    as rows of a whole line of pixels they are applied many at a time. Views, not copies.
    """
    if images.is_contiguous() or not images.is_contiguous(memory_format=torch.channels_last):
        return images, mean, std
    width = images.shape[3]
    rows = images.permute(0, 2, 3, 1).flatten(2)
    return rows, mean.flatten().repeat(width), std.flatten().repeat(width)


def _channels(numbers, name, images):
    numbers = torch.as_tensor(numbers, dtype=torch.float32, device=images.device).flatten()
    if len(numbers) != 3:
        raise ValueError(f"{name} has {len(numbers)} numbers: expected three, one a channel")
    return numbers[:, None, None]
