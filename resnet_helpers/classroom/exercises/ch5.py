"""Checkers for chapter 5: STL10 and normalisation."""

import math
from functools import partial

import numpy as np
import torch

from resnet_helpers import transforms

from ._kit import call, checker, compare, expect, number, refuse, short


@checker("Above 1: the divisor falls short of the std, so what is left is too wide.")
def check_normalised_std(prediction):
    """Exercise 5.1: the std of images that were divided by the mean of stds."""
    known = prediction in ("below 1", "exactly 1", "above 1")
    expect(known, f"{short(prediction)}: choose 'below 1', 'exactly 1' or 'above 1'.")
    problems = {
        "Not quite: dividing by a number makes the std 1 only if that number is the std. Is the "
        "mean of the images' stds the std of all pixels?": prediction == "exactly 1",
        "The other way: the mean of the images' stds is smaller than the std of all pixels. What "
        "happens when you divide by too small a number?": prediction == "below 1",
    }
    refuse(problems)


@checker("The law of total variance: the mean of the variances plus the variance of the means.")
def check_total_std(total_std):
    """Exercise 5.2: the std of all pixels from each image's mean and std."""
    rng = np.random.default_rng(0)
    for count in (2, 7, 100):
        low, high = rng.uniform(0, 0.5, (count, 1)), rng.uniform(0.5, 1, (count, 1))
        images = rng.uniform(low, high, (count, 50))
        means, stds, right = images.mean(1), images.std(1), images.std()
        given = number(call(total_std, means, stds))
        mean_variance = (stds**2).mean()
        traps = {
            "is the mean of the stds, the lecture notes' way: variances add up, "
            "stds don't.": stds.mean(),
            "is the root of the mean variance. The images' means differ as well, and their "
            "variance is missing.": math.sqrt(mean_variance),
            "is the variance. Take its root.": right**2,
            "is what comes from n − 1 in the variance of the means. All images are here, so "
            "divide by n.": math.sqrt(mean_variance + means.var(ddof=1)),
            f"for {count} images, where all their pixels give {right:.4f}.": ...,
        }
        compare(given, right, traps, f"{given:.4f} ", partial(math.isclose, rel_tol=1e-9))


@checker("The picture is back, every colour in its place.")
def check_to_picture(to_picture):
    """Exercise 5.3: one normalised image back into a picture that matplotlib shows unclipped."""
    images = torch.randint(0, 256, (4, 3, 12, 10), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    mean, std = (0.45, 0.44, 0.41), (0.26, 0.25, 0.27)
    for image, normalised in zip(images, transforms.normalize(images, mean, std), strict=True):
        given = np.asarray(call(to_picture, normalised, mean, std))
        shape = given.shape
        expect(shape != (3, 12, 10), "the shape is (3, H, W) still: matplotlib wants (H, W, 3).")
        expect(shape == (12, 10, 3), f"the shape is {shape}: expected (H, W, 3), here (12, 10, 3).")
        right, as_it_was = image.permute(1, 2, 0).numpy() / 255, normalised.permute(1, 2, 0).numpy()
        off = np.abs(given - right).max()
        near = partial(np.allclose, given, rtol=0, atol=1e-4)
        unchanged, turned_round = near(as_it_was), near((as_it_was + mean) * std)
        in_bytes = near(255 * right, atol=1)
        problems = {
            "the numbers are the normalised ones still: undo the std, then the mean.": unchanged,
            "the range is 0 to 255: for floats, matplotlib wants 0 to 1.": in_bytes,
            "the order is turned round: multiply by std first, then add the mean.": turned_round,
            f"the colours are off by up to {off:.2f} of the full range.": not near(right),
        }
        refuse(problems)


@checker("Each picture stands upright.")
def check_decode(decode):
    """Exercise 5.4: images out of the bytes of an STL10 file, which are column-major."""
    for count in (3, 2):
        images = np.random.default_rng(0).integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        columns_first = images.transpose(0, 1, 3, 2)
        given = np.asarray(call(decode, columns_first.tobytes()))
        fits = given.shape == images.shape
        expect(fits, f"the shape is {given.shape}: {count} images are {images.shape}.")
        traps = {
            "rows and columns are exchanged: the pictures lie on their side, mirrored. The file "
            "holds one column after the other.": columns_first,
            "the pixels are out of order: a file is image, channel, column, row.": ...,
        }
        compare(given, images, traps, same=np.array_equal)
