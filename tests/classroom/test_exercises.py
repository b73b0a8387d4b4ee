"""Each checker accepts a right answer and says what is wrong with a plausible wrong one."""

import re

import numpy as np
import pytest
import torch

from resnet_helpers import networks, training
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.classroom import exercises
from resnet_helpers.networks import ResNet

CHECKERS = [name for name in vars(exercises) if name.startswith("check_")]

READINGS = {"A": "overfitting", "B": "degradation", "C": "underfitting", "D": "improvement"}


def make_identity(block, kernel=torch.nn.init.dirac_, gamma=lambda v, e: (v + e).sqrt(), beta=1):
    for layer in block.modules():
        if isinstance(layer, torch.nn.Conv2d):
            kernel(layer.weight)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            layer.weight.data = gamma(layer.running_var, layer.eps)
            layer.bias.data = beta * layer.running_mean


def make_identity_of_fresh_statistics(block):
    for layer in block.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.reset_running_stats()
    make_identity(block)


def make_identity_and_train(block):
    make_identity(block)
    block.train()


def make_identity_and_break_the_relu(block):
    make_identity(block)
    block.relu = torch.nn.Sigmoid().eval()


def conv_macs(ins, outs, kernel, size, stride, padding, dilation, groups):
    side = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return outs * (ins // groups) * kernel**2 * side**2


def without(**defaults):
    """conv_macs as written by somebody who forgot an argument."""
    names = ("ins", "outs", "kernel", "size", "stride", "padding", "dilation", "groups")
    return lambda *a: conv_macs(**(dict(zip(names, a, strict=True)) | defaults))


def output_side(ins, outs, kernel, size, stride, padding, dilation, groups):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def widest_middle(budget, ins, outs, kernel, size):
    return budget // (size**2 * (ins + kernel**2 * outs))


def resnet50_parts(
    norm=2, bias=0, projection=1, projection_norm=1, all_project=False, first_is_wide=False
):
    """ResNet-50's parameters by part, with the mistakes that are asked for."""
    parts = {"conv1": 9408 + norm * 64 + bias * 64}
    ins = 64
    for i, count in enumerate([3, 4, 6, 3]):
        middle, wide, stage = 64 * 2**i, 256 * 2**i, 0
        for j in range(count):
            reads = wide if j or first_is_wide else ins
            stage += reads * middle + 9 * middle**2 + middle * wide + norm * (2 * middle + wide)
            stage += bias * (2 * middle + wide)
            if j == 0 or all_project:
                stage += projection * (ins * wide + projection_norm * norm * wide + bias * wide)
        parts[f"conv{i + 2}_x"] = stage
        ins = wide
    return parts | {"fc": 2_049_000}


PARTS = resnet50_parts()

SHAPES = {
    "conv1": (64, 24, 24),
    "conv2_x": (256, 24, 24),
    "conv3_x": (512, 12, 12),
    "conv4_x": (1024, 6, 6),
    "conv5_x": (2048, 3, 3),
}


VARIANCE = {"with batch norm": 11, "without": 1024}


def block_shape(i, o, stride, size):
    side = -(-size // stride)
    return (o, side, side), "identity" if stride == 1 and i == o else "projection"


def of_shape(shape=None, kind=None):
    """A rule like ``block_shape`` with one of its two results by another rule."""

    def rule(*case):
        right = block_shape(*case)
        return shape(*case) if shape else right[0], kind(*case) if kind else right[1]

    return rule


def kind_if(identity):
    return of_shape(kind=lambda *case: "identity" if identity(*case) else "projection")


def zero_gamma(model, part="residual_function", place=-1, name="weight", value=0.0):
    for module in model.modules():
        if hasattr(module, part) and len(getattr(module, part)):
            torch.nn.init.constant_(getattr(getattr(module, part)[place], name), value)


def zero_all_norms(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.zeros_(module.weight)


def zero_inner_norms(model):
    zero_gamma(model)
    zero_gamma(model, place=1)


class WithoutProjection(BasicBlock):
    def __init__(self, *shape):
        super().__init__(*shape)
        self.shortcut = torch.nn.Sequential()


class WithoutShortcutNorm(BasicBlock):
    def __init__(self, *shape):
        super().__init__(*shape)
        self.shortcut = self.shortcut[:1]


class WithBias(BasicBlock):
    def __init__(self, i, o, stride=1):
        super().__init__(i, o, stride)
        self.residual_function[3] = torch.nn.Conv2d(o, o, 3, padding=1)


class ProjectsAlways(BasicBlock):
    shortcut_option = "C"


class OneByOne(BasicBlock):
    def __init__(self, i, o, stride=1):
        super().__init__(i, o, stride)
        self.residual_function[3] = torch.nn.Conv2d(o, o, 1, bias=False)


class OtherNames(BasicBlock):
    def __init__(self, *shape):
        super().__init__(*shape)
        self.main = self.residual_function
        del self.residual_function


def with_forward(forward):
    return type("Changed", (BasicBlock,), {"forward": forward})


def depth(block, num_block):
    return (2 if block is BasicBlock else 3) * sum(num_block) + 2


def block_parameters(i, o, stride, norms=True, shortcut=True, bias=False):
    projects = shortcut and (stride != 1 or i != o)
    weights = 9 * i * o + 9 * o * o + (i * o if projects else 0)
    return weights + (2 * o * (2 + projects) if norms else 0) + (2 * o if bias else 0)


def total_std(means, stds):
    return np.sqrt((stds**2).mean() + means.var())


def to_picture(image, mean, std):
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (mean, std))
    return (image * std + mean).permute(1, 2, 0).numpy()


def decode(raw):
    return np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)


def recall_precision(counts):
    right = counts.diagonal()
    return right / counts.sum(1), right / counts.sum(0)


def learning_rates(losses, lr, factor, patience, strict=True):
    best, bad, rates = float("inf"), 0, []
    for loss in losses:
        rates.append(lr)
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience if strict else bad >= patience:
            lr, bad = lr * factor, 0
    return rates


def batch_means_epoch(model, loss_func, loader, sanity_check=False, opt=None):
    loss, right = training.loss_epoch(model, loss_func, loader, sanity_check)
    batches = 1 if sanity_check else len(loader)
    seen = 4 if sanity_check else 10
    return loss * seen / batches, right


def notes_epoch(model, loss_func, loader, sanity_check=False, opt=None):
    loss, right = training.loss_epoch(model, loss_func, loader, sanity_check)
    seen = 4 if sanity_check else 10
    return loss * seen / 10, right * seen / 10


RIGHT = {
    "check_readings": READINGS,
    "check_blocks_to_insert": lambda shallow, deep: (deep - shallow) // 6,
    "check_variance_factor": 1 / 6,
    "check_make_identity": make_identity,
    "check_block_shape": block_shape,
    "check_mended_block": BasicBlock,
    "check_zero_gamma": zero_gamma,
    "check_trunk_variance": VARIANCE,
    "check_conv_macs": conv_macs,
    "check_widest_middle": widest_middle,
    "check_resnet50_parts": PARTS,
    "check_separable": 9 * 64 / 73,
    "check_stage_shapes": SHAPES,
    "check_depth": depth,
    "check_block_parameters": block_parameters,
    "check_resnet26": ResNet(BottleNeck, [2, 2, 2, 2], num_classes=100),
    "check_normalised_std": "above 1",
    "check_total_std": total_std,
    "check_to_picture": to_picture,
    "check_decode": decode,
    "check_first_loss": 2.3,
    "check_loss_epoch": training.loss_epoch,
    "check_recall_precision": recall_precision,
    "check_plateau": learning_rates,
}

WRONG = [
    ("check_readings", READINGS | {"A": "degradation"}, "A: degradation\\? A's training error"),
    ("check_readings", READINGS | {"B": "overfitting"}, "a higher \\*training\\* error"),
    ("check_readings", READINGS | {"C": "degradation"}, "C has fewer layers"),
    ("check_readings", READINGS | {"D": "overfitting"}, "Nothing went wrong"),
    ("check_readings", READINGS | {"D": "magic"}, "isn't one of overfitting"),
    ("check_readings", {"A": "overfitting"}, "B is missing"),
    ("check_blocks_to_insert", lambda a, b: b - a, "36: that many \\*layers\\*"),
    ("check_blocks_to_insert", lambda a, b: (b - a) // 2, "that many are added in all"),
    ("check_blocks_to_insert", lambda a, b: (b - a) // 3, "A block has two"),
    ("check_blocks_to_insert", lambda a, b: (b - 2) // 6, "The shallow one brings some"),
    ("check_blocks_to_insert", lambda a, b: 5, "expected 6"),
    ("check_blocks_to_insert", lambda a, b: a.depth, "raised AttributeError"),
    ("check_variance_factor", 1 / 3, "lets only half"),
    ("check_variance_factor", 0.5, "the ReLU's half"),
    ("check_variance_factor", 0.408, "factor of the standard deviation"),
    ("check_variance_factor", 2 / 3, "it doesn't double it"),
    ("check_variance_factor", 1, "He's initialisation aims at"),
    ("check_variance_factor", 6, "to the \\*next\\* one"),
    ("check_variance_factor", 0.9, "multiply"),
    ("check_variance_factor", "small", "expected a number"),
    (
        "check_make_identity",
        lambda b: make_identity(b, torch.nn.init.ones_),
        "first convolution's weights are all 1",
    ),
    (
        "check_make_identity",
        lambda b: torch.nn.init.dirac_(b.residual_function[0].weight),
        "the second convolution isn't the identity",
    ),
    ("check_make_identity", lambda b: make_identity(b, gamma=lambda v, e: v), "take its root"),
    (
        "check_make_identity",
        lambda b: make_identity(b, gamma=lambda v, e: v.sqrt()),
        "ε is missing",
    ),
    (
        "check_make_identity",
        lambda b: make_identity(b, gamma=lambda v, e: torch.ones_like(v)),
        "γ of the first batch norm doesn't undo",
    ),
    ("check_make_identity", lambda b: make_identity(b, beta=0), "β of the first batch norm"),
    (
        "check_make_identity",
        make_identity_of_fresh_statistics,
        "running statistics were changed",
    ),
    ("check_make_identity", make_identity_and_train, "left in training mode"),
    ("check_make_identity", make_identity_and_break_the_relu, "was a module replaced"),
    ("check_make_identity", lambda b: b.conv, "raised AttributeError"),
    (
        "check_block_shape",
        of_shape(shape=lambda i, o, stride, size: (o, size // stride, size // stride)),
        "Round up",
    ),
    (
        "check_block_shape",
        of_shape(shape=lambda i, o, stride, size: (o, size, size)),
        "so the map shrinks",
    ),
    (
        "check_block_shape",
        of_shape(shape=lambda i, o, *rest: (i, *block_shape(i, o, *rest)[0][1:])),
        "The block puts out 16 channels, not 8",
    ),
    ("check_block_shape", of_shape(shape=lambda *case: (1, 2, 3)), "measured is \\(8, 7, 7\\)"),
    ("check_block_shape", kind_if(lambda i, o, stride, size: i == o), "but the map shrinks"),
    ("check_block_shape", kind_if(lambda i, o, stride, size: stride == 1), "the channels don't"),
    ("check_block_shape", kind_if(lambda *case: False), "x can be added as it is"),
    (
        "check_block_shape",
        kind_if(lambda i, o, stride, size: (stride == 1 and i == o) or (i > o and stride > 1)),
        "neither the channels nor the size",
    ),
    ("check_block_shape", of_shape(kind=lambda *case: "B"), "'identity' or 'projection'"),
    ("check_block_shape", lambda *case: (8, 7, 7), "expected a pair"),
    ("check_mended_block", BasicBlock(4, 4), "expected a class of blocks"),
    ("check_mended_block", WithoutProjection, "no projection, but the shape changes"),
    ("check_mended_block", WithoutShortcutNorm, "the projection has no batch norm"),
    ("check_mended_block", WithBias, "a convolution has a bias"),
    ("check_mended_block", ProjectsAlways, "projects where the shape stays"),
    ("check_mended_block", OneByOne, "residual_function.3.weight has shape"),
    ("check_mended_block", OtherNames, "the names differ"),
    (
        "check_mended_block",
        with_forward(lambda b, x: b.residual_function(x) + b.shortcut(x)),
        "no ReLU follows the sum",
    ),
    (
        "check_mended_block",
        with_forward(lambda b, x: b.residual_function(x).relu() + b.shortcut(x)),
        "the ReLU comes before the sum",
    ),
    (
        "check_mended_block",
        with_forward(lambda b, x: (b.residual_function(x).relu() + b.shortcut(x)).relu()),
        "still a ReLU at the end of F",
    ),
    (
        "check_mended_block",
        with_forward(lambda b, x: b.residual_function(x).relu()),
        "the shortcut isn't added",
    ),
    ("check_mended_block", with_forward(lambda b, x: x), "differs from the package's"),
    ("check_mended_block", with_forward(lambda b, x: b.main(x)), "raised AttributeError"),
    ("check_zero_gamma", zero_all_norms, "outside of the blocks"),
    ("check_zero_gamma", lambda m: zero_gamma(m, "shortcut"), "the shortcut's parameters"),
    ("check_zero_gamma", lambda m: zero_gamma(m, place=4), "BottleNeck: .* not the last one"),
    ("check_zero_gamma", zero_inner_norms, "only the last one"),
    ("check_zero_gamma", lambda m: zero_gamma(m, place=-2), "more has changed"),
    ("check_zero_gamma", lambda m: zero_gamma(m[2]), "every block counts"),
    ("check_zero_gamma", lambda m: zero_gamma(m, value=0.1), "not all of them are 0"),
    ("check_zero_gamma", lambda m: m.blocks, "raised AttributeError"),
    ("check_trunk_variance", VARIANCE | {"with batch norm": 10}, "What was there before"),
    ("check_trunk_variance", VARIANCE | {"with batch norm": 1}, "not the sum's"),
    ("check_trunk_variance", VARIANCE | {"with batch norm": 1024}, "nothing doubles"),
    ("check_trunk_variance", VARIANCE | {"with batch norm": 3.3166}, "standard deviation"),
    ("check_trunk_variance", VARIANCE | {"without": 11}, "the variance of its input"),
    ("check_trunk_variance", VARIANCE | {"without": 20}, "Ten doublings"),
    ("check_trunk_variance", VARIANCE | {"without": 512}, "nine doublings"),
    ("check_trunk_variance", VARIANCE | {"without": 2048}, "eleven doublings"),
    ("check_trunk_variance", VARIANCE | {"without": 32.0}, "standard deviation"),
    ("check_trunk_variance", VARIANCE | {"without": 1}, "the sum of both"),
    ("check_trunk_variance", VARIANCE | {"without": 7}, "variances add"),
    ("check_trunk_variance", VARIANCE | {"without": "2"}, "expected a number"),
    ("check_trunk_variance", {"without": 1024}, "'with batch norm' is missing"),
    ("check_conv_macs", lambda *a: 2 * conv_macs(*a), "a multiplication and its addition are one"),
    ("check_conv_macs", lambda *a: conv_macs(*a) + a[1] * output_side(*a) ** 2, "bias is counted"),
    ("check_conv_macs", lambda *a: conv_macs(*a) // output_side(*a) ** 2, "these are the weights"),
    ("check_conv_macs", lambda *a: conv_macs(*a) // output_side(*a), "the map has two"),
    ("check_conv_macs", lambda *a: conv_macs(*a) // a[2], "kernel's side is to be squared"),
    (
        "check_conv_macs",
        lambda *a: conv_macs(*a) // output_side(*a) ** 2 * a[3] ** 2,
        "of the \\*output\\*, not of the input",
    ),
    (
        "check_conv_macs",
        lambda *a: conv_macs(*a) // output_side(*a) ** 2 * (output_side(*a) - 1) ** 2,
        "the \\+ 1 behind the division",
    ),
    ("check_conv_macs", lambda *a: conv_macs(*a[:5], a[5] / 2, *a[6:]), "added on both sides"),
    ("check_conv_macs", without(stride=1), "stride is ignored"),
    ("check_conv_macs", without(padding=0), "padding is ignored"),
    ("check_conv_macs", without(dilation=1), "dilation is ignored"),
    ("check_conv_macs", without(groups=1), "groups are ignored"),
    ("check_conv_macs", lambda *a: conv_macs(*a) // a[7], "groups divide twice"),
    ("check_conv_macs", lambda *a: 7, "where PyTorch counts"),
    ("check_conv_macs", lambda *a: a[8], "raised IndexError"),
    ("check_widest_middle", lambda b, i, o, k, s: b // (s * s * k * k * o), "1×1 must be paid"),
    ("check_widest_middle", lambda b, i, o, k, s: b // (s * s * i), "only the 1×1 is paid for"),
    ("check_widest_middle", lambda b, i, o, k, s: b // (i + k * k * o), "MACs, not weights"),
    ("check_widest_middle", lambda b, i, o, k, s: b // (s * (i + k * k * o)), "size × size"),
    ("check_widest_middle", lambda b, i, o, k, s: b // (s * s * (i + k * o)), "to be squared"),
    ("check_widest_middle", lambda *a: widest_middle(*a) + 1, "round down"),
    ("check_widest_middle", lambda *a: widest_middle(a[0] - 1, *a[1:]), "still within the budget"),
    ("check_widest_middle", lambda *a: float(widest_middle(*a)), "in whole numbers"),
    ("check_widest_middle", lambda b, i, o, k, s: b / (s * s * (i + k * k * o)), "whole numbers"),
    ("check_widest_middle", lambda *a: 1000, "What does one channel"),
    ("check_resnet50_parts", {"conv1": 9536}, "conv2_x is missing"),
    ("check_resnet50_parts", resnet50_parts(norm=0), "conv1: 9,408. The norms are left out"),
    ("check_resnet50_parts", resnet50_parts(norm=1), "γ and β"),
    ("check_resnet50_parts", resnet50_parts(norm=4), "no parameters"),
    ("check_resnet50_parts", resnet50_parts(bias=1), "Biases are counted"),
    ("check_resnet50_parts", resnet50_parts(projection=0), "conv2_x: .* The projection in"),
    ("check_resnet50_parts", resnet50_parts(projection_norm=0), "projection's norm is left out"),
    ("check_resnet50_parts", resnet50_parts(all_project=True), "Only the first block has a"),
    ("check_resnet50_parts", resnet50_parts(first_is_wide=True), "The first block reads 64"),
    (
        "check_resnet50_parts",
        PARTS | {"conv3_x": 4 * 280_064},
        "conv3_x: 1,120,256. All blocks are counted like the second",
    ),
    (
        "check_resnet50_parts",
        PARTS | {"conv3_x": PARTS["conv3_x"] - 3 * 256 * 128},
        "From the second on they read 512",
    ),
    (
        "check_resnet50_parts",
        PARTS | resnet50_parts(norm=0, projection=0) | {"conv1": 9536},
        "The norms and the projection are left out",
    ),
    ("check_resnet50_parts", PARTS | {"fc": 2_048_000}, "fc: 2,048,000. The bias is left out"),
    ("check_resnet50_parts", PARTS | {"fc": 20_490}, "right for 10 classes"),
    ("check_resnet50_parts", PARTS | {"fc": 513_000}, "narrow middle"),
    ("check_resnet50_parts", PARTS | {"conv4_x": 7_098_369}, "which is 1 more"),
    ("check_separable", 73 / 576, "the share that is left"),
    ("check_separable", 9, "limit for very many channels"),
    ("check_separable", 64, "depthwise part alone"),
    ("check_separable", 576, "for looking around and 64·64 for mixing"),
    ("check_separable", 576 / 65, "9·64 MACs a pixel, not 64"),
    ("check_separable", 3, "How many do the two take"),
    ("check_separable", "eight", "expected a number"),
    ("check_stage_shapes", SHAPES | {"conv2_x": (64, 24, 24)}, "narrow middle of a bottleneck"),
    ("check_stage_shapes", SHAPES | {"conv3_x": (512, 24, 24)}, "conv3_x: the channels are right"),
    ("check_stage_shapes", SHAPES | {"conv1": (3, 96, 96)}, "conv1: .* isn't its output shape"),
    ("check_stage_shapes", {"conv1": (64, 24, 24)}, "conv2_x is missing"),
    ("check_depth", lambda block, n: depth(block, n) - 2, "not the first convolution and the last"),
    ("check_depth", lambda block, n: 2 * sum(n) + 2, "a bottleneck has three convolutions"),
    ("check_depth", lambda block, n: 7, "expected 18"),
    ("check_depth", lambda block, n: n.depth, "raised AttributeError"),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, norms=False),
        "γ and β are left out",
    ),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, shortcut=False),
        "the shortcut's 1×1 convolution and its norm are left out",
    ),
    (
        "check_block_parameters",
        lambda i, o, s: block_parameters(i, o, s, bias=True),
        "the convolutions have no bias",
    ),
    ("check_block_parameters", lambda i, o, s: 1, "fewer than PyTorch counts"),
    ("check_resnet26", networks.resnet18(num_classes=100), "no BottleNeck inside"),
    ("check_resnet26", networks.resnet50(num_classes=100), "16 bottlenecks make a depth of 50"),
    ("check_resnet26", ResNet(BottleNeck, [2, 2, 2, 2]), "has 10 outputs: expected 100"),
    ("check_resnet26", ResNet(BottleNeck, [1, 2, 3, 2], 100), "spread the eight blocks evenly"),
    ("check_resnet26", 26, "expected a network"),
    ("check_normalised_std", "below 1", "smaller than the std of all pixels"),
    ("check_normalised_std", "exactly 1", "only if that number is the std"),
    ("check_normalised_std", "1", "choose 'below 1'"),
    ("check_total_std", lambda m, s: s.mean(), "the lecture notes' way"),
    ("check_total_std", lambda m, s: np.sqrt((s**2).mean()), "their variance is missing"),
    ("check_total_std", lambda m, s: total_std(m, s) ** 2, "Take its root"),
    (
        "check_total_std",
        lambda m, s: np.sqrt((s**2).mean() + m.var(ddof=1)),
        "divide by n",
    ),
    ("check_total_std", lambda m, s: 3.0, "where all their pixels give"),
    ("check_to_picture", lambda x, m, s: x, "matplotlib wants \\(H, W, 3\\)"),
    ("check_to_picture", lambda x, m, s: x.permute(1, 2, 0), "undo the std, then the mean"),
    ("check_to_picture", lambda x, m, s: 255 * to_picture(x, m, s), "range is 0 to 255"),
    (
        "check_to_picture",
        lambda x, m, s: (
            (x + torch.tensor(m)[:, None, None]) * torch.tensor(s)[:, None, None]
        ).permute(1, 2, 0),
        "multiply by std first",
    ),
    (
        "check_to_picture",
        lambda x, m, s: to_picture(x, m, s) + 0.1,
        "colours are off by up to 0.10",
    ),
    ("check_to_picture", lambda x, m, s: x[0], "expected \\(H, W, 3\\), here \\(12, 10, 3\\)"),
    (
        "check_decode",
        lambda raw: np.frombuffer(raw, np.uint8),
        "3 images are \\(3, 3, 96, 96\\)",
    ),
    (
        "check_decode",
        lambda raw: np.frombuffer(raw, np.uint8).reshape(-1, 3, 96, 96),
        "one column after the other",
    ),
    ("check_decode", lambda raw: decode(raw)[:, ::-1], "image, channel, column, row"),
    ("check_first_loss", 3.32, "in bits"),
    ("check_first_loss", 1.0, "log₁₀ 10"),
    ("check_first_loss", 0.9, "a share of images"),
    ("check_first_loss", 5, "think of −ln p"),
    ("check_first_loss", "two", "expected a number"),
    ("check_loss_epoch", notes_epoch, "count what was seen"),
    ("check_loss_epoch", batch_means_epoch, "divided by the number of batches"),
    (
        "check_loss_epoch",
        lambda m, f, d, s=False, o=None: training.loss_epoch(m, f, d),
        "stops after the first batch",
    ),
    ("check_loss_epoch", lambda m, f, d, s=False, o=None: 1.0, "expected a pair"),
    ("check_loss_epoch", lambda m, f, d, s=False, o=None: (9.0, 0.5), "over the 10 images seen"),
    ("check_recall_precision", lambda c: recall_precision(c)[::-1], "exchanged"),
    (
        "check_recall_precision",
        lambda c: (c.diagonal() / c.sum(), c.diagonal() / c.sum()),
        "divide by its own row or column",
    ),
    ("check_recall_precision", lambda c: (c.diagonal() / c.sum(1), c[0] / 9), "the precisions"),
    ("check_recall_precision", lambda c: (0.5, 0.5), "one number a class"),
    (
        "check_plateau",
        lambda *a: learning_rates(*a, strict=False),
        "one epoch early: patience 2 bears two bad epochs",
    ),
    ("check_plateau", lambda *a: [a[1], *learning_rates(*a)[:-1]], "one epoch late"),
    (
        "check_plateau",
        lambda losses, *a: learning_rates([*losses, 0], *a)[1:],
        "the one the epoch trains with",
    ),
    ("check_plateau", lambda *a: [0.1], "1 learning rates for 7 epochs"),
    ("check_plateau", lambda losses, *a: [0.4] * len(losses), "where PyTorch's own scheduler"),
]


@pytest.mark.parametrize("name", CHECKERS)
def test_a_right_answer_passes(name):
    verdict = getattr(exercises, name)(RIGHT[name])
    assert verdict.passed, verdict.message
    assert repr(verdict).startswith("✓ ")


@pytest.mark.parametrize(("name", "answer", "message"), WRONG)
def test_a_plausible_wrong_answer_is_told_what_is_wrong(name, answer, message):
    verdict = getattr(exercises, name)(answer)
    assert not verdict.passed
    assert re.search(message, verdict.message), verdict.message
    assert repr(verdict).startswith("✗ ")


def test_every_checker_has_a_right_and_a_wrong_answer_here():
    assert set(RIGHT) == {name for name, _, _ in WRONG} == set(CHECKERS)


@pytest.mark.parametrize("name", CHECKERS)
def test_an_answer_still_to_be_written_is_no_mistake(name):
    unwritten = {
        "check_readings": {"A": ...},
        "check_variance_factor": ...,
        "check_mended_block": ...,
        "check_trunk_variance": {"with batch norm": ...},
        "check_resnet50_parts": {"conv1": ...},
        "check_separable": ...,
        "check_stage_shapes": {"conv1": ...},
        "check_resnet26": ...,
        "check_normalised_std": ...,
        "check_first_loss": ...,
    }.get(name, lambda *arguments: None)
    verdict = getattr(exercises, name)(unwritten)
    assert not verdict.passed
    assert repr(verdict).startswith("· Not answered yet")
