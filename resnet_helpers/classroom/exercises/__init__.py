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
from torch.utils.flop_counter import FlopCounterMode

from resnet_helpers import arithmetic, transforms
from resnet_helpers.blocks import BasicBlock, BottleNeck, PlainBlock
from resnet_helpers.networks import count_parameters, resnet50


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


# Chapter 1: degradation


@_checker
def check_readings(readings):
    """Exercise 1.1: what four pairs of (training, test) errors show, beside a 20-layer network."""
    right = {"A": "overfitting", "B": "degradation", "C": "underfitting", "D": "improvement"}
    hints = {
        "A": "A's training error is the lowest of all and its test error is above the 20-layer "
        "network's. It learned its images, and that doesn't carry over.",
        "B": "B has more layers and a higher *training* error. It isn't good at the images it "
        "learned from, so it doesn't overfit; and it can express what 20 layers express.",
        "C": "C has fewer layers, and both its errors are high and close together: the network "
        "is too small for the task.",
        "D": "D has the lower error on both kinds of images. Nothing went wrong.",
    }
    for name, expected in right.items():
        if name not in readings:
            raise _Wrong(f"{name} is missing: expected a word for each of {', '.join(right)}.")
        given = readings[name]
        if given is ...:
            raise _Missing
        if given not in right.values():
            raise _Wrong(f"{name}: {_short(given)} isn't one of {', '.join(right.values())}.")
        if given != expected:
            raise _Wrong(f"{name}: {given}? {hints[name]}")
    return "All four are read right: the training error first, then the test error."


@_checker
def check_blocks_to_insert(blocks_to_insert):
    """Exercise 1.2: blocks to insert in each stage, from a shallow depth to a deep one."""
    for shallow, deep in ((8, 44), (20, 56), (8, 14), (56, 110), (20, 20)):
        given = _call(blocks_to_insert, shallow, deep)
        expected = (deep - shallow) // 6
        called = f"blocks_to_insert({shallow}, {deep}) is {given}"
        if given == expected:
            continue
        if given == deep - shallow:
            raise _Wrong(f"{called}: that many *layers* are added, in all three stages together.")
        if given == 3 * expected:
            raise _Wrong(f"{called}: that many are added in all. How many is it in each stage?")
        if given == 2 * expected:
            raise _Wrong(f"{called}: that many layers a stage. A block has two.")
        if given == (deep - 2) // 6:
            raise _Wrong(f"{called}: so many the deep network has. The shallow one brings some.")
        raise _Wrong(f"{called}: expected {expected}, since depth 6n + 2 has n blocks a stage.")
    return "Right: one block more in each of the three stages makes six layers more."


@_checker
def check_variance_factor(prediction):
    """Exercise 1.3: the factor from one response's variance to the next, by PyTorch's default."""
    if isinstance(prediction, bool) or not isinstance(prediction, (int, float)):
        raise _Wrong(f"{_short(prediction)}: expected a number, such as 1 / 2.")
    if math.isclose(prediction, 1 / 6, rel_tol=0.02):
        return "1/6: a third from the weights, and half of that from the ReLU."
    traps = {
        1 / 3: "that is fan-in times the weights' variance. But before that, the ReLU lets only "
        "half of the mean square through.",
        1 / 2: "that is the ReLU's half. The weights' variance, 1/(3 fan-in), summed over the "
        "fan-in, is a factor too.",
        1 / math.sqrt(6): "that is the factor of the standard deviation. The variance is its "
        "square.",
        2 / 3: "the ReLU halves the mean square, it doesn't double it. (Doubling is what He's "
        "initialisation does, to make up for it.)",
        1: "that is what He's initialisation aims at. PyTorch's default has a sixth of its "
        "variance.",
        6: "so much smaller is it: the factor leads from a layer to the *next* one.",
    }
    for value, trap in traps.items():
        if math.isclose(prediction, value, rel_tol=0.02):
            raise _Wrong(f"{prediction:.3g}: {trap}")
    raise _Wrong(
        f"{prediction:.3g}: fan-in terms, each with a weight of variance 1/(3 fan-in), and an "
        "input whose mean square is half of the variance before the ReLU: multiply."
    )


@_checker
def check_make_identity(make_identity):
    """Exercise 1.4: make a plain block the identity in evaluation mode, in place."""
    for channels in (3, 8, 16):
        generator = torch.Generator().manual_seed(channels)
        block = PlainBlock(channels, channels).eval()
        for norm in (block.residual_function[1], block.residual_function[4]):
            norm.running_mean.uniform_(-1, 1, generator=generator)
            norm.running_var.uniform_(0.2, 2, generator=generator)
            norm.running_var[0] = norm.eps  # so small that ε can't be forgotten
        before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
        try:
            make_identity(block)
        except Exception as error:
            raise _Wrong(f"make_identity(block) raised {type(error).__name__}: {error}") from error
        if all(torch.equal(before[name], t) for name, t in block.state_dict().items()):
            raise _Missing
        _check_identity_parts(block, before)
        for batch in (1, 5):
            x = torch.rand(batch, channels, 7, 6, generator=generator) * 4
            with torch.no_grad():
                off = (block(x) - x).abs().max().item()
            if off > 1e-4:
                raise _Wrong(
                    f"a batch of {batch} with {channels} channels comes out changed by up to "
                    f"{off:.2g}, though each part looks right: was a module replaced?"
                )
    return "The identity, for 3, 8 and 16 channels, whatever the running statistics are."


def _check_identity_parts(block, before):
    """Say which part of a plain block keeps it from being the identity."""
    convolutions, norms = ([block.residual_function[i] for i in pair] for pair in ((0, 3), (1, 4)))
    identity = nn.init.dirac_(torch.empty_like(convolutions[0].weight))
    for place, conv in zip(("first", "second"), convolutions, strict=True):
        if (conv.weight == 1).all():
            raise _Wrong(
                f"the {place} convolution's weights are all 1: it sums nine pixels of all "
                "channels. Only the centre that leads from a channel to itself is 1."
            )
        if not torch.allclose(conv.weight, identity, atol=1e-6):
            raise _Wrong(
                f"the {place} convolution isn't the identity: from each channel to itself 1 at "
                "the centre of the kernel, and 0 everywhere else."
            )
    if block.training or any(module.training for module in block.modules()):
        raise _Wrong(
            "the block was left in training mode, where batch norm uses the batch's statistics: "
            "leave the mode as it was."
        )
    for place, i, norm in (("first", 1, norms[0]), ("second", 4, norms[1])):
        mean, variance = (
            before[f"residual_function.{i}.running_{name}"] for name in ("mean", "var")
        )
        if not (torch.equal(norm.running_mean, mean) and torch.equal(norm.running_var, variance)):
            raise _Wrong(
                f"the {place} batch norm's running statistics were changed. They are "
                "measurements: leave them, and undo them by γ and β."
            )
        gamma = (variance + norm.eps).sqrt()
        if torch.allclose(norm.weight, variance, rtol=1e-4):
            raise _Wrong(f"γ of the {place} batch norm is the variance: take its root.")
        if not torch.allclose(norm.weight, gamma, rtol=1e-4):
            short = torch.allclose(norm.weight, variance.sqrt(), rtol=1e-4)
            why = "ε is missing under the root" if short else "it should be √(σ² + ε)"
            raise _Wrong(f"γ of the {place} batch norm doesn't undo the division: {why}.")
        if not torch.allclose(norm.bias, mean, atol=1e-6):
            raise _Wrong(
                f"β of the {place} batch norm doesn't undo the subtraction: it should be the "
                "running mean, which was taken away."
            )


# Chapter 2: the residual block


@_checker
def check_block_shape(block_shape):
    """Exercise 2.1: the output shape and the kind of shortcut of a basic block."""
    cases = (
        (8, 8, 1, 7), (8, 16, 1, 7), (8, 8, 2, 7), (16, 8, 2, 7), (8, 16, 2, 8), (16, 16, 2, 8),
        (3, 3, 1, 5), (4, 4, 2, 1), (16, 8, 1, 6), (4, 12, 3, 10), (6, 6, 3, 9), (2, 2, 1, 1),
    )  # fmt: skip
    for case in cases:
        in_channels, out_channels, stride, size = case
        given = _call(block_shape, *case)
        block = BasicBlock(in_channels, out_channels, stride)
        with torch.no_grad():
            shape = tuple(block(torch.zeros(2, in_channels, size, size)).shape[1:])
        kind = "projection" if len(block.shortcut) else "identity"
        called = f"block_shape{case} is {_short(given)}"
        if not isinstance(given, tuple) or len(given) != 2:
            raise _Wrong(f"{called}: expected a pair, such as ((8, 7, 7), 'identity').")
        if tuple(given[0]) != shape:
            raise _Wrong(f"{called}: {_wrong_shape(tuple(given[0]), shape, case)}")
        if given[1] not in ("identity", "projection"):
            raise _Wrong(f"{called}: the kind is 'identity' or 'projection'.")
        if given[1] != kind:
            if kind == "identity":
                why = "the shape stays, so x can be added as it is."
            elif in_channels == out_channels:
                why = "the channels stay, but the map shrinks. Then x can't be added as it is."
            elif stride == 1:
                why = "the size stays, but the channels don't. Then x can't be added as it is."
            else:
                why = "neither the channels nor the size stays."
            raise _Wrong(f"{called}: {why}")
    return "Twelve blocks measured, twelve times as predicted."


def _wrong_shape(given, shape, case):
    _, out_channels, stride, size = case
    if given == (out_channels, size // stride, size // stride):
        return (
            f"with stride {stride} the kernel sits on pixels 0, {stride}, {2 * stride}, … below "
            f"{size}: on {shape[1]} of them. Round up."
        )
    if given[1:] == shape[1:]:
        return f"the size is right. The block puts out {shape[0]} channels, not {given[0]}."
    if stride > 1 and given == (out_channels, size, size):
        return f"the first convolution has stride {stride}, so the map shrinks."
    return f"measured is {shape}."


@_checker
def check_mended_block(block):
    """Exercise 2.2: a block with three bugs, mended; compared by copied weights."""
    if not isinstance(block, type) or not issubclass(block, nn.Module):
        raise _Wrong(f"expected a class of blocks, got {_short(block)}.")
    for shape in ((6, 6, 1), (6, 12, 2), (6, 6, 2), (6, 12, 1)):
        reference = BasicBlock(*shape)
        mended = _call(block, *shape)
        _check_names(mended, reference, shape)
        generator = torch.Generator().manual_seed(0)
        for parameter in reference.parameters():
            nn.init.normal_(parameter, generator=generator)
        mended.load_state_dict(reference.state_dict())
        x = torch.randn(3, 6, 9, 9, generator=generator)
        given = _call(mended.forward, x)
        with torch.no_grad():
            expected = reference(x)
            added, carried = reference.residual_function(x), reference.shortcut(x)
        if given.shape == expected.shape and torch.allclose(given, expected, atol=1e-5):
            continue
        called = f"{block.__name__}{shape}: the names and shapes are right, but"
        traps = (
            (added + carried, "no ReLU follows the sum."),
            (added.relu() + carried, "the ReLU comes before the sum. It belongs after it."),
            (
                (added.relu() + carried).relu(),
                "there is still a ReLU at the end of F. What is added must be free to be negative.",
            ),
            (added.relu(), "the shortcut isn't added."),
        )
        for value, trap in traps:
            if given.shape == value.shape and torch.allclose(given, value, atol=1e-5):
                raise _Wrong(f"{called} {trap}")
        raise _Wrong(f"{called} the output differs from the package's with the same weights.")
    return "With the same weights it puts out what the package's block puts out."


def _check_names(mended, reference, shape):
    """Say which tensors a block has too many, too few, or in another shape."""
    given, expected = mended.state_dict(), reference.state_dict()
    called = f"{type(mended).__name__}{shape}"
    missing = [name for name in expected if name not in given]
    extra = [name for name in given if name not in expected]
    if any(name.startswith("shortcut.1.") for name in missing):
        if any(name.startswith("shortcut.0.") for name in missing):
            raise _Wrong(f"{called} has no projection, but the shape changes here.")
        raise _Wrong(
            f"{called}: the projection has no batch norm, so what it adds has another scale than F."
        )
    if any(name.startswith("shortcut.") for name in extra) and shape == (6, 6, 1):
        raise _Wrong(f"{called} projects where the shape stays: there x itself is added.")
    if any(name.endswith(".bias") and f"{name[:-4]}running_mean" not in given for name in extra):
        raise _Wrong(f"{called}: a convolution has a bias, which the batch norm would take away.")
    if missing or extra:
        raise _Wrong(
            f"{called}: the names differ from the package's; missing: {missing}, more: {extra}."
        )
    for name, tensor in expected.items():
        if given[name].shape != tensor.shape:
            raise _Wrong(
                f"{called}: {name} has shape {tuple(given[name].shape)}, expected "
                f"{tuple(tensor.shape)}."
            )


@_checker
def check_zero_gamma(zero_gamma):
    """Exercise 2.3: γ = 0 in the last batch norm of each residual block, in place."""
    for block, places in ((BasicBlock, (1, 4)), (BottleNeck, (1, 4, 7))):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), block(8, 4, 2), block(4 * block.expansion, 4)
        )
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        try:
            zero_gamma(model)
        except Exception as error:
            raise _Wrong(f"zero_gamma(model) raised {type(error).__name__}: {error}") from error
        after = model.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        if not changed:
            raise _Missing
        last = places[-1]
        wanted = {f"{i}.residual_function.{last}.weight" for i in (2, 3)}
        kind = block.__name__
        if "1.weight" in changed:
            raise _Wrong(
                "a batch norm outside of the blocks has lost its γ as well: nothing would get "
                "through the network."
            )
        if any("shortcut" in name for name in changed):
            raise _Wrong(
                f"{kind}: the shortcut's parameters have changed. With γ = 0 there, a block that "
                "changes the shape would pass nothing on."
            )
        if any(f"residual_function.{i}.weight" in name for name in changed for i in places[:-1]):
            which = "only the last one" if wanted <= changed else "not the last one"
            raise _Wrong(
                f"{kind}: a batch norm inside of F has changed, {which} should. How many layers "
                "has this block's F?"
            )
        if changed - wanted:
            raise _Wrong(f"{kind}: more has changed than the last γ's: {sorted(changed - wanted)}.")
        if wanted - changed:
            raise _Wrong(f"{kind}: {sorted(wanted - changed)} hasn't changed: every block counts.")
        if any(after[name].any() for name in wanted):
            raise _Wrong(f"{kind}: the last γ's have changed, but not all of them are 0.")
    return "Basic blocks and bottlenecks: the last γ of each is 0, and nothing else has changed."


@_checker
def check_trunk_variance(variance):
    """Exercise 2.4: the variance of a trunk after ten blocks, with and without batch norm."""
    right = {"with batch norm": 11, "without": 1024}
    traps = {
        "with batch norm": {
            10: "the ten blocks add 1 each. What was there before them?",
            1: "batch norm sets F's output to variance 1, not the sum's.",
            1024: "a batch norm's output has variance 1, whatever comes in: nothing doubles.",
            math.sqrt(11): "that is the standard deviation. The variance is its square.",
        },
        "without": {
            11: "F's output isn't of variance 1 here: it has the variance of its input.",
            20: "each block doubles what is there. Ten doublings, one after the other.",
            512: "that is nine doublings.",
            2048: "that is eleven doublings.",
            32: "that is the standard deviation. The variance is its square.",
            1: "x and F(x) each have that variance; their sum has the sum of both.",
        },
    }
    for name, expected in right.items():
        if name not in variance:
            raise _Wrong(f"{name!r} is missing: expected a number for each of {list(right)}.")
        given = variance[name]
        if given is ...:
            raise _Missing
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise _Wrong(f"{name}: {_short(given)}: expected a number.")
        if math.isclose(given, expected, rel_tol=1e-6):
            continue
        for value, trap in traps[name].items():
            if math.isclose(given, value, rel_tol=1e-3):
                raise _Wrong(f"{name}, {given:g}: {trap}")
        raise _Wrong(
            f"{name}, {given:g}: variances add. Go through the first three blocks by hand."
        )
    return "11 and 1,024: one trunk grows by addition, the other by doubling."


# Chapter 3: 1×1 convolutions and the bottleneck


@_checker
def check_conv_macs(conv_macs):
    """Exercise 3.1: the MACs of a convolution on one square image."""
    # Each case adds one difficulty to the ones before, so that the first that fails names it.
    # in_channels, out_channels, kernel, size, stride, padding, dilation, groups
    for case in (
        (4, 8, 5, 12, 1, 0, 1, 1),
        (3, 8, 3, 10, 1, 1, 1, 1),
        (4, 8, 3, 12, 1, 3, 1, 1),
        (4, 8, 3, 11, 2, 1, 1, 1),
        (4, 8, 3, 15, 1, 2, 3, 1),
        (8, 16, 3, 9, 1, 1, 1, 4),
        (6, 12, 3, 17, 3, 2, 2, 3),
    ):
        given = _call(conv_macs, *case)
        expected = _pytorch_macs(*case)
        if given == expected:
            continue
        for value, trap in _conv_traps(*case).items():
            if given == value:
                raise _Wrong(f"conv_macs{case} is {given:,}: {trap}")
        raise _Wrong(f"conv_macs{case} is {given:,}, where PyTorch counts {expected:,}.")
    return "As PyTorch counts, with stride, padding, dilation and groups."


def _pytorch_macs(ins, outs, kernel, size, stride, padding, dilation, groups):
    """MACs as PyTorch counts them: its counter takes a MAC for two operations."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        layer = nn.Conv2d(ins, outs, kernel, stride, padding, dilation, groups, bias=False)
        layer(torch.empty(1, ins, size, size))
    return counter.get_total_flops() // 2


def _conv_traps(ins, outs, kernel, size, stride, padding, dilation, groups):
    """What a plausible mistake would count, and the sentence that names it."""

    def count(**changed):
        options = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
        return arithmetic.conv_macs(ins, outs, kernel, **(options | {"groups": groups} | changed))

    right = count()
    weights = arithmetic.conv_parameters(ins, outs, kernel, groups)
    pixels_out = right // weights
    traps = {
        2 * right: "twice too many: a multiplication and its addition are one MAC.",
        right + outs * pixels_out: "a bias is counted: it is an addition without a "
        "multiplication, and left out of MACs.",
        weights: "these are the weights. Each is used at every output pixel.",
        weights * (math.isqrt(pixels_out) - 1) ** 2: "the + 1 behind the division is missing.",
        weights * math.isqrt(pixels_out): "the output's pixels along one side: the map has two.",
        right // kernel: "the kernel's side is to be squared.",
        weights * size**2: "the weights are used at each pixel of the *output*, not of the input.",
        count(padding=0, size=size + padding): "padding is added on both sides.",
        count(groups=1): "groups are ignored: an output channel sees ins/groups input channels.",
        right // groups: "groups divide twice: each group has fewer inputs *and* fewer outputs, "
        "but there are as many groups again.",
    }
    for name, default in (("stride", 1), ("padding", 0), ("dilation", 1)):
        if {"stride": stride, "padding": padding, "dilation": dilation}[name] != default:
            traps[count(**{name: default})] = f"{name} is ignored."
    return traps


@_checker
def check_widest_middle(widest_middle):
    """Exercise 3.2: the widest middle whose MACs stay within a budget."""
    for case in (
        (43_352_064, 128, 64, 5, 28),
        (100_000_000, 128, 64, 5, 28),
        (2_500_000, 32, 48, 3, 16),
        (999_999, 256, 64, 3, 7),
    ):
        budget, ins, outs, kernel, size = case
        given = _call(widest_middle, *case)
        one = size**2 * (ins + kernel**2 * outs)
        expected = budget // one
        called = f"widest_middle{case} is {given}"
        if given == expected:
            if not isinstance(given, int):
                raise _Wrong(f"{called}: channels are counted in whole numbers, by // or int().")
            continue
        traps = {
            budget // (size**2 * kernel**2 * outs): "the 1×1 must be paid from the budget as well.",
            budget // (size**2 * ins): "only the 1×1 is paid for. The k×k costs more than it.",
            budget // (ins + kernel**2 * outs): "MACs, not weights: each is used at every pixel.",
            budget // (size * (ins + kernel**2 * outs)): "the map has size × size pixels.",
            budget // (size**2 * (ins + kernel * outs)): "the kernel's side is to be squared.",
            expected + 1: f"it takes {one * (expected + 1):,} MACs, more than the budget: round "
            "down.",
            expected - 1: f"{expected} channels take {one * expected:,} MACs, which is still "
            "within the budget.",
        }
        if given in traps:
            raise _Wrong(f"{called}: {traps[given]}")
        if isinstance(given, float) and math.isclose(given, budget / one):
            raise _Wrong(f"{called}: channels are counted in whole numbers. Round down.")
        raise _Wrong(f"{called}: expected {expected}. What does one channel of the middle cost?")
    return "Each channel of the middle costs the same, so a budget buys budget // cost of them."


@_checker
def check_resnet50_parts(parts):
    """Exercise 3.3: ResNet-50's parameters for 1000 classes, part by part."""
    with torch.device("meta"):
        model = resnet50(1000)
    for part in ("conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"):
        if part not in parts:
            raise _Wrong(f"{part} is missing.")
        if parts[part] is ...:
            raise _Missing
        given, expected = parts[part], count_parameters(getattr(model, part))
        if given == expected:
            continue
        traps = _fc_traps() if part == "fc" else _part_traps(getattr(model, part))
        for value, trap in traps.items():
            if given == value:
                raise _Wrong(f"{part}: {given:,}. {trap}")
        more = "more" if given > expected else "fewer"
        raise _Wrong(f"{part}: {given:,}, which is {abs(given - expected):,} {more} than it has.")
    return f"All six parts are right, and their sum is {sum(parts.values()):,}."


def _fc_traps():
    return {
        2048 * 1000: "The bias is left out: one number for each class.",
        2048 * 10 + 10: "That is right for 10 classes. Asked is 1000.",
        512 * 1000 + 1000: "512 channels are the narrow middle. What leaves the last block is four "
        "times as wide.",
    }


def _part_traps(part):
    """What a plausible mistake would count for conv1 or a stage, and the sentence that names it."""
    expected = count_parameters(part)
    norms = [module for module in part.modules() if isinstance(module, nn.BatchNorm2d)]
    gammas = sum(norm.num_features for norm in norms)
    convolutions = [module for module in part.modules() if isinstance(module, nn.Conv2d)]
    biases = sum(convolution.out_channels for convolution in convolutions)
    traps = {
        expected - 2 * gammas: "The norms are left out: γ and β, two numbers a channel.",
        expected - gammas: "Each norm has two numbers a channel, γ and β.",
        expected + 2 * gammas: "The running means and variances are counted. They are measured, "
        "not learned: no parameters.",
        expected + biases: "Biases are counted, and no convolution here has one.",
    }
    if not hasattr(part[0], "shortcut"):
        return traps
    projection = count_parameters(part[0].shortcut)
    ins, wide = part[0].shortcut[0].in_channels, part[0].shortcut[0].out_channels
    count, middle = len(part), wide // 4
    other = count_parameters(part[1])
    first_reads = (
        f"The first block reads {ins} channels, what the part before puts out, not {wide}."
    )
    return traps | {
        expected - projection: "The projection in the first block's shortcut is left out.",
        expected - 2 * wide: "The projection's norm is left out.",
        expected - projection - 2 * (gammas - wide): "The norms and the projection are left out.",
        expected + (count - 1) * projection: "Only the first block has a projection.",
        expected + (count - 1) * (ins * wide + 2 * wide): "Only the first block has a projection.",
        expected + (count - 1) * (wide * wide + 2 * wide): "Only the first block has a projection.",
        count * other: "All blocks are counted like the second. The first has fewer channels to "
        "read, and a projection.",
        expected - (count - 1) * (wide - ins) * middle: "All blocks are counted as reading "
        f"{ins} channels. From the second on they read {wide}.",
        expected + (wide - ins) * middle: first_reads,
        expected + (wide - ins) * (middle + wide): first_reads,
    }


@_checker
def check_separable(factor):
    """Exercise 3.4: by which factor a separable 3×3 has fewer MACs, at 64 channels."""
    if isinstance(factor, bool) or not isinstance(factor, (int, float)):
        raise _Wrong(f"{_short(factor)}: expected a number.")
    channels, places = 64, 9
    right = places * channels / (places + channels)
    if math.isclose(factor, right, rel_tol=0.01):
        return f"{right:.2f} times fewer MACs. Now measure: how much of it does the clock see?"
    traps = {
        1 / right: "that is the share that is left. Turn it round.",
        places: "that is the limit for very many channels: it forgets the depthwise part.",
        channels: "that is the depthwise part alone. Nothing mixes the channels yet.",
        places * channels: "dense against a single channel's 1×1? The separable one has 9·64 MACs "
        "a pixel for looking around and 64·64 for mixing.",
        places * channels / (1 + channels): "the depthwise part has 9·64 MACs a pixel, not 64.",
    }
    for value, trap in traps.items():
        if math.isclose(factor, value, rel_tol=0.01):
            raise _Wrong(f"{factor:.3g}: {trap}")
    raise _Wrong(
        f"{factor:.3g}: per pixel, the dense one takes 9·64·64 MACs. How many do the two take?"
    )


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
    for image, normalised in zip(images, transforms.normalize(images, mean, std), strict=True):
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
