"""Checkers for the reader's answers: each says what is wrong, not only that it's wrong.

A checker takes an answer (a number, a function, a network) and returns a ``Verdict``, which a
notebook shows as one line. An answer that is still ``...`` is no mistake.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
import torchvision
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from resnet_helpers import pixels
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.networks import count_parameters


@dataclass(frozen=True)
class Verdict:
    """What a checker says of an answer."""

    passed: bool
    message: str

    def __repr__(self):
        return f"{'✓' if self.passed else '✗'} {self.message}"


class _Unanswered(Verdict):
    def __repr__(self):
        return f"· {self.message}"


class _Wrong(Exception):
    """Carries the sentence that says what is wrong with an answer."""


class _Missing(Exception):
    """The answer isn't written yet."""


def _checker(check):
    """Turn a function that raises ``_Wrong`` and returns praise into one that returns a verdict."""

    @functools.wraps(check)
    def verdict(answer):
        try:
            if answer is ... or answer is None:
                raise _Missing
            return Verdict(True, check(answer))
        except _Missing:
            return _Unanswered(False, "Not answered yet: replace the ... and run the cell again.")
        except _Wrong as wrong:
            return Verdict(False, str(wrong))

    return verdict


def _call(function, *arguments):
    """The reader's function on these arguments; what it raises becomes a sentence."""
    shown = ", ".join(_short(argument) for argument in arguments)
    try:
        result = function(*arguments)
    except Exception as error:
        raise _Wrong(
            f"{function.__name__}({shown}) raised {type(error).__name__}: {error}"
        ) from error
    if result is None or result is ...:
        raise _Missing
    return result


def _short(value):
    if isinstance(value, torch.Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, nn.Module):
        return type(value).__name__
    if isinstance(value, type):
        return value.__name__
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


# Chapter 4: the whole network


@_checker
def check_stage_shapes(shapes):
    """Exercise 4.1: the output shape (C, H, W) of each stage of ResNet-50 at 96×96."""
    right = {
        "conv1": (64, 24, 24),
        "conv2_x": (256, 24, 24),
        "conv3_x": (512, 12, 12),
        "conv4_x": (1024, 6, 6),
        "conv5_x": (2048, 3, 3),
    }
    for stage, expected in right.items():
        if stage not in shapes:
            raise _Wrong(
                f"{stage} is missing: expected a shape (C, H, W) for each of {list(right)}."
            )
        if shapes[stage] is ...:
            raise _Missing
        given = tuple(shapes[stage])
        if given == expected:
            continue
        if stage != "conv1" and given[0] * 4 == expected[0]:
            raise _Wrong(
                f"{stage}: {given[0]} channels is the narrow middle of a bottleneck. What leaves "
                "the block is four times as wide."
            )
        if given[0] == expected[0]:
            raise _Wrong(
                f"{stage}: the channels are right, the size {given[1:]} isn't. conv1 halves "
                "it twice (stride 2, then pooling), conv2_x never, each later stage once."
            )
        raise _Wrong(f"{stage}: {given} isn't its output shape. Start from table 1.")
    return "All five shapes are right: only the first block of a stage changes the size."


@_checker
def check_depth(depth):
    """Exercise 4.2: the depth of a network from its block and its numbers of blocks."""
    cases = {
        18: (BasicBlock, [2, 2, 2, 2]),
        34: (BasicBlock, [3, 4, 6, 3]),
        50: (BottleNeck, [3, 4, 6, 3]),
        101: (BottleNeck, [3, 4, 23, 3]),
        152: (BottleNeck, [3, 8, 36, 3]),
    }
    for expected, (block, num_block) in cases.items():
        given = _call(depth, block, num_block)
        if given == expected:
            continue
        if given == expected - 2:
            raise _Wrong(
                f"{given} for {block.__name__} {num_block}: the blocks are counted, but not the "
                "first convolution and the last linear layer."
            )
        if given == sum(num_block) * 2 + 2 and block is BottleNeck:
            raise _Wrong(
                f"{given} for BottleNeck {num_block}: a bottleneck has three convolutions."
            )
        raise _Wrong(f"{given} for {block.__name__} {num_block}: expected {expected}.")
    return "18, 34, 50, 101, 152: the number in a network's name is the depth of its main path."


@_checker
def check_block_parameters(basic_block_parameters):
    """Exercise 4.3: the number of parameters of a basic block, by a formula."""
    for channels in ((64, 64, 1), (64, 128, 2), (128, 128, 1), (8, 24, 1)):
        given = _call(basic_block_parameters, *channels)
        block = BasicBlock(*channels)
        expected = count_parameters(block)
        if given == expected:
            continue
        missing = expected - given
        shortcut = count_parameters(block.shortcut)
        main_norms, all_norms = 4 * channels[1], (6 if shortcut else 4) * channels[1]
        called = f"basic_block_parameters{channels} is {given}"
        if shortcut and missing == shortcut:
            raise _Wrong(f"{called}: the shortcut's 1×1 convolution and its norm are left out.")
        if missing in (main_norms, all_norms):
            raise _Wrong(f"{called}: the batch norms' γ and β are left out, one pair a channel.")
        if missing == -2 * channels[1]:
            raise _Wrong(f"{called}: the convolutions have no bias here, since a norm follows.")
        more = "fewer" if missing > 0 else "more"
        raise _Wrong(f"{called}: {abs(missing)} {more} than PyTorch counts.")
    return "Exact, with and without a projection."


@_checker
def check_resnet26(model):
    """Exercise 4.4: ResNet-26 for 100 classes, made of bottlenecks."""
    if not isinstance(model, nn.Module):
        raise _Wrong(f"expected a network, got {_short(model)}.")
    reference = torchvision.models.ResNet(
        torchvision.models.resnet.Bottleneck, [2, 2, 2, 2], num_classes=100
    )
    # By name: a bottleneck that the reader wrote is as good as the package's.
    blocks = sum(type(module).__name__ == "BottleNeck" for module in model.modules())
    if blocks == 0:
        raise _Wrong("no BottleNeck inside: two basic blocks a stage make ResNet-18.")
    if blocks != 8:
        raise _Wrong(f"{blocks} bottlenecks make a depth of {3 * blocks + 2}: 26 = 3·8 + 2.")
    if not hasattr(model, "fc") or model.fc.out_features != 100:
        raise _Wrong(f"the last layer has {model.fc.out_features} outputs: expected 100 classes.")
    given, expected = count_parameters(model), count_parameters(reference)
    if given != expected:
        raise _Wrong(
            f"{given:,} parameters, where torchvision's has {expected:,}: spread the eight blocks "
            "evenly, two a stage."
        )
    return f"ResNet-26 with {given:,} parameters, as many as torchvision's."


# Chapter 5: STL10 and normalisation


@_checker
def check_normalised_std(prediction):
    """Exercise 5.1: the std of images that were divided by the mean of stds."""
    if prediction not in ("below 1", "exactly 1", "above 1"):
        raise _Wrong(f"{_short(prediction)}: choose 'below 1', 'exactly 1' or 'above 1'.")
    if prediction == "exactly 1":
        raise _Wrong(
            "Not quite: dividing by a number makes the std 1 only if that number is the std. Is "
            "the mean of the images' stds the std of all pixels?"
        )
    if prediction == "below 1":
        raise _Wrong(
            "The other way: the mean of the images' stds is smaller than the std of all pixels. "
            "What happens when you divide by too small a number?"
        )
    return "Above 1: the divisor falls short of the std, so what is left is too wide."


@_checker
def check_total_std(total_std):
    """Exercise 5.2: the std of all pixels from each image's mean and std."""
    rng = np.random.default_rng(0)
    for count in (2, 7, 100):
        images = rng.uniform(rng.uniform(0, 0.5, (count, 1)), rng.uniform(0.5, 1, (count, 1)),
                             (count, 50))  # fmt: skip
        means, stds = images.mean(1), images.std(1)
        given = float(_call(total_std, means, stds))
        if math.isclose(given, images.std(), rel_tol=1e-9):
            continue
        root_of_mean_variance = math.sqrt((stds**2).mean())
        with_n_minus_1 = math.sqrt((stds**2).mean() + means.var(ddof=1))
        traps = {
            stds.mean(): "the mean of the stds, the lecture notes' way: variances add up, stds "
            "don't.",
            root_of_mean_variance: "the root of the mean variance. The images' means differ as "
            "well, and their variance is missing.",
            images.var(): "the variance. Take its root.",
            with_n_minus_1: "what comes from n − 1 in the variance of the means. All images are "
            "here, so divide by n.",
        }
        for value, trap in traps.items():
            if math.isclose(given, value, rel_tol=1e-9):
                raise _Wrong(f"{given:.4f} is {trap}")
        raise _Wrong(
            f"{given:.4f} for {count} images, where all their pixels give {images.std():.4f}."
        )
    return "The law of total variance: the mean of the variances plus the variance of the means."


@_checker
def check_to_picture(to_picture):
    """Exercise 5.3: one normalised image back into a picture that matplotlib shows unclipped."""
    images = torch.randint(0, 256, (4, 3, 12, 10), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    mean, std = (0.45, 0.44, 0.41), (0.26, 0.25, 0.27)
    for image, normalised in zip(images, pixels.normalise(images, mean, std), strict=True):
        given = np.asarray(_call(to_picture, normalised, mean, std))
        if given.shape == (3, 12, 10):
            raise _Wrong("the shape is (3, H, W) still: matplotlib wants (H, W, 3).")
        if given.shape != (12, 10, 3):
            raise _Wrong(f"the shape is {given.shape}: expected (H, W, 3), here (12, 10, 3).")
        expected = image.permute(1, 2, 0).numpy() / 255
        if np.abs(given - expected).max() < 1e-4:
            continue
        if np.abs(given - normalised.permute(1, 2, 0).numpy()).max() < 1e-4:
            raise _Wrong("the numbers are the normalised ones still: undo the std, then the mean.")
        if np.abs(given - expected * 255).max() < 1:
            raise _Wrong("the range is 0 to 255: for floats, matplotlib wants 0 to 1.")
        channel_mix_up = (normalised + torch.tensor(mean)[:, None, None]) * torch.tensor(std)[
            :, None, None
        ]
        if np.abs(given - channel_mix_up.permute(1, 2, 0).numpy()).max() < 1e-4:
            raise _Wrong("the order is turned round: multiply by std first, then add the mean.")
        raise _Wrong(
            f"the colours are off by up to {np.abs(given - expected).max():.2f} of the full range."
        )
    return "The picture is back, every colour in its place."


@_checker
def check_decode(decode):
    """Exercise 5.4: images out of the bytes of an STL10 file, which are column-major."""
    for count in (3, 2):
        images = np.random.default_rng(0).integers(0, 256, (count, 3, 96, 96), dtype=np.uint8)
        given = np.asarray(_call(decode, images.transpose(0, 1, 3, 2).tobytes()))
        if given.shape != images.shape:
            raise _Wrong(f"the shape is {given.shape}: {count} images are {images.shape}.")
        if np.array_equal(given, images):
            continue
        if np.array_equal(given, images.transpose(0, 1, 3, 2)):
            raise _Wrong(
                "rows and columns are exchanged: the pictures lie on their side, mirrored. The "
                "file holds one column after the other."
            )
        raise _Wrong("the pixels are out of order: a file is image, channel, column, row.")
    return "Each picture stands upright."


# Chapter 6: training


@_checker
def check_first_loss(prediction):
    """Exercise 6.1: the mean loss of a network that has learned nothing, with ten classes."""
    try:
        prediction = float(prediction)
    except (TypeError, ValueError):
        raise _Wrong(f"{_short(prediction)}: expected a number.") from None
    if abs(prediction - math.log(10)) < 0.05:
        return "ln 10 ≈ 2.303: each of ten classes has probability 1/10."
    if abs(prediction - math.log2(10)) < 0.05:
        raise _Wrong("log₂ 10 is that loss in bits. PyTorch counts in nats: the natural logarithm.")
    if abs(prediction - 1) < 0.03:
        raise _Wrong("1 is log₁₀ 10. PyTorch takes the natural logarithm.")
    if abs(prediction - 0.9) < 0.02 or abs(prediction - 0.1) < 0.02:
        raise _Wrong("that is a share of images, an error or accuracy. The loss is −ln p.")
    raise _Wrong("think of −ln p, where p is the probability that a blind guess gives the truth.")


@_checker
def check_loss_epoch(loss_epoch):
    """Exercise 6.2: loss_epoch with the sanity check's division mended."""
    torch.manual_seed(0)
    images = torch.rand(10, 3, 4, 4)
    labels = torch.arange(10) % 2
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    loss_func = nn.CrossEntropyLoss(reduction="sum")

    def expected(n):
        with torch.no_grad():
            logits = model(images[:n])
            right = (logits.argmax(1) == labels[:n]).double().mean().item()
            return loss_func(logits, labels[:n]).item() / n, right

    for sanity_check, seen in ((False, 10), (True, 4)):
        given = _call(loss_epoch, model, loss_func, loader, sanity_check)
        if not isinstance(given, tuple) or len(given) != 2:
            raise _Wrong(f"expected a pair, the mean loss and the accuracy, got {_short(given)}.")
        loss, accuracy = expected(seen)
        if math.isclose(given[0], loss, rel_tol=1e-4) and math.isclose(given[1], accuracy):
            continue
        if sanity_check and math.isclose(given[0], loss * seen / 10, rel_tol=1e-4):
            raise _Wrong(
                "the sanity check saw 4 of 10 images, yet the sum is divided by 10: count what "
                "was seen."
            )
        if math.isclose(given[0], loss * seen / 3, rel_tol=1e-4):
            raise _Wrong("the sum is divided by the number of batches: batches differ in size.")
        if sanity_check and math.isclose(given[0], expected(10)[0], rel_tol=1e-4):
            raise _Wrong("a sanity check stops after the first batch; this went through them all.")
        raise _Wrong(
            f"sanity_check={sanity_check}: loss {given[0]:.4f} and accuracy {given[1]:.2f}, "
            f"expected {loss:.4f} and {accuracy:.2f} over the {seen} images seen."
        )
    return "Right for a whole epoch and for a single batch."


@_checker
def check_recall_precision(recall_precision):
    """Exercise 6.3: each class's recall and precision from a confusion matrix."""
    counts = torch.tensor([[8, 2, 0], [1, 5, 4], [3, 0, 17]])
    given = _call(recall_precision, counts)
    if len(given) != 2:
        raise _Wrong("expected two results, the recalls and the precisions.")
    recall, precision = (np.asarray(part, dtype=float) for part in given)
    right_recall = np.diag(counts) / np.asarray(counts).sum(1)
    right_precision = np.diag(counts) / np.asarray(counts).sum(0)
    if recall.shape != (3,) or precision.shape != (3,):
        raise _Wrong(f"shapes {recall.shape} and {precision.shape}: expected one number a class.")
    if np.allclose(recall, right_recall) and np.allclose(precision, right_precision):
        return "Recall reads along a row, precision down a column."
    if np.allclose(recall, right_precision) and np.allclose(precision, right_recall):
        raise _Wrong("the two are exchanged: a row holds all images of one true class.")
    if np.allclose(recall, np.diag(counts) / np.asarray(counts).sum()):
        raise _Wrong("each is divided by all images: divide by its own row or column.")
    which = "recalls" if not np.allclose(recall, right_recall) else "precisions"
    raise _Wrong(f"the {which} are wrong for {counts.tolist()}.")


@_checker
def check_plateau(learning_rates):
    """Exercise 6.4: the learning rate of each epoch under ReduceLROnPlateau."""
    histories = (
        [3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2],
        [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8],
        [1.0, 1.1, 1.2, 0.9, 1.0, 1.1, 1.2, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    )
    for losses in histories:
        given = [float(lr) for lr in _call(learning_rates, losses, 0.4, 0.1, 2)]
        expected = _plateau(losses, patience=2)
        if len(given) != len(losses):
            raise _Wrong(f"{len(given)} learning rates for {len(losses)} epochs: one an epoch.")
        if np.allclose(given, expected):
            continue
        if np.allclose(given, _plateau(losses, patience=1)):
            raise _Wrong(
                "it cuts one epoch early: patience 2 bears two bad epochs and acts on the third."
            )
        if np.allclose(given[1:], expected[:-1]):
            raise _Wrong("it cuts one epoch late.")
        if np.allclose(given[:-1], expected[1:]):
            raise _Wrong(
                "that is the rate after each epoch's end: asked is the one the epoch trains with."
            )
        raise _Wrong(f"for {losses}: {given}, where PyTorch's own scheduler gives {expected}.")
    return "The same as PyTorch's scheduler, epoch by epoch."


def _plateau(losses, patience):
    """The rates with which PyTorch's scheduler trains each epoch, from 0.4, factor 0.1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=patience)
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss)
    return rates
