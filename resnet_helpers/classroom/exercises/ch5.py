"""Checkers for chapter 5: STL10 and normalisation."""

import math
from functools import partial

import numpy as np
import torch

from resnet_helpers import transforms

from ._kit import call, checker, compare, expect, number, refuse, short


@checker("Exactly 1: each image has variance 1, and their means no longer differ.")
def check_normalised_std(prediction):
    """Exercise 5.1: the std of all pixels of images that each have mean 0 and std 1."""
    word = str(prediction).strip(" .").lower()
    known = word in ("below 1", "exactly 1", "above 1")
    expect(known, f"{short(prediction)}: choose 'below 1', 'exactly 1' or 'above 1'.")
    problems = {
        "Not quite: a mean of stds falls short, but only where the stds or the means differ. Put "
        "the images' new means and stds into the law.": word == "below 1",
        "Not quite: the std of all pixels is larger than the mean of stds only where the images "
        "differ in brightness or contrast. Do they still?": word == "above 1",
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
        given = number(call(total_std, means.copy(), stds.copy()))
        mean_variance, summed_root = (stds**2).mean(), math.sqrt((stds**2).sum() + means.var())
        traps = {
            "is the mean of the stds, the lecture notes' way: variances add up, "
            "stds don't.": stds.mean(),
            "is the root of the mean variance. The images' means differ as well, and their "
            "variance is missing.": math.sqrt(mean_variance),
            "is the std of the images' means. What varies inside them is missing.": means.std(),
            "is the variance. Take its root.": right**2,
            "is the sum of two stds. Add their squares, then take the root.": {
                stds.mean() + means.std(),
                math.sqrt(mean_variance) + means.std(),
            },
            "comes from the square of the mean std. Square each std first, then take the "
            "mean.": math.sqrt(stds.mean() ** 2 + means.var()),
            "comes from the *sum* of the variances. Take their mean.": summed_root,
            "is what comes from n − 1 in the variance of the means. All images are here, so "
            "divide by n.": math.sqrt(mean_variance + means.var(ddof=1)),
            f"for {count} images, where all their pixels give {right:.4f}.": ...,
        }
        compare(given, right, traps, f"{given:.4f} ", partial(math.isclose, rel_tol=1e-4))


@checker("The picture is back, every colour in its place.")
def check_to_picture(to_picture):
    """Exercise 5.3: one normalised image back into a picture that matplotlib shows unclipped."""
    images = torch.randint(0, 256, (4, 3, 12, 10), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    mean, std = (0.45, 0.44, 0.41), (0.26, 0.25, 0.27)
    for image, normalised in zip(images, transforms.normalize(images, mean, std), strict=True):
        given = _array(call(to_picture, normalised.clone(), mean, std))
        shape = given.shape
        turned = {
            "the shape is (3, H, W) still: matplotlib expects (H, W, 3).": shape == (3, 12, 10),
            "height and width are exchanged: move the channels to the end, and leave the order of "
            "the other two.": shape == (10, 12, 3),
            f"the shape is {shape}: expected (H, W, 3), here (12, 10, 3).": shape != (12, 10, 3),
        }
        refuse(turned)
        right = image.permute(1, 2, 0).numpy() / 255
        as_it_was = normalised.permute(1, 2, 0).double().numpy()
        off = np.abs(given - right).max()
        near = partial(np.allclose, given, rtol=0, atol=5e-4)  # an eighth of a byte's step
        problems = {
            "the numbers are the normalised ones still: undo the std, then the mean.": near(
                as_it_was
            )
            or near(as_it_was.clip(0, 1)),
            "the range is 0 to 255: for floats, matplotlib expects 0 to 1.": near(
                255 * right, atol=1
            ),
            "the order is turned round: multiply by std first, then add the mean.": near(
                (as_it_was + mean) * std
            ),
            "that normalises once more: multiply by std and add the mean.": near(
                (as_it_was - mean) / std
            ),
            "the mean is missing: after multiplying by std, add it.": near(as_it_was * std)
            or near((as_it_was * std).clip(0, 1)),
            "the colours are exchanged: blue stands where red belongs.": near(right[:, :, ::-1]),
            f"the colours are off by up to {off:.2g} of the full range.": not near(right),
        }
        refuse(problems)


@checker("Each picture stands upright.")
def check_decode(decode):
    """Exercise 5.4: images out of the bytes of an STL10 file, which are column-major."""
    for count in (3, 2):
        images = np.random.default_rng(0).integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        columns_first = images.transpose(0, 1, 3, 2)
        raw = columns_first.tobytes()
        given = _array(call(decode, raw))
        shape, flat = given.shape, np.frombuffer(raw, np.uint8)
        fits = {
            "the bytes are still in a row: reshape them.": shape == flat.shape,
            "the channels are the last axis: expected N×3×96×96.": shape == (count, 96, 96, 3),
            f"the shape is {shape}: {count} images are {images.shape}.": shape != images.shape,
        }
        refuse(fits)
        interleaved = flat.reshape(-1, 96, 96, 3).transpose(0, 3, 1, 2)
        traps = {
            "rows and columns are exchanged: the pictures lie on their side, mirrored. The file "
            "holds one column after the other.": columns_first,
            "the three colours were read as one pixel's: the file holds all of red, then all of "
            "green, then all of blue.": interleaved,
            "the numbers are divided by 255: expected bytes, 0 to 255.": images / 255,
            "the pixels are out of order: a file is image, channel, column, row.": ...,
        }
        compare(given, images, traps, same=np.array_equal)


def _array(result):
    """A picture or pictures as an array, from whatever holds numbers."""
    if isinstance(result, torch.Tensor):
        result = result.detach().cpu()
    array = np.asarray(result)
    expect(array.dtype.kind in "biuf", f"{short(result)}: expected an array of numbers.")
    return array
