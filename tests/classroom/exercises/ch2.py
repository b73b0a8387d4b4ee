"""Answers to chapter 2's exercises."""

import copy
import math
from fractions import Fraction

import numpy as np
import torch
from torch.nn import init

from resnet_helpers.blocks import BasicBlock, BottleNeck

VARIANCE = {"with batch norm": 11, "without": 1024}


def block_shape(i, o, stride, size):
    side = -(-size // stride)
    return (o, side, side), "identity" if stride == 1 and i == o else "projection"


def measured_shape(i, o, stride, size):
    """A block that is built and asked, instead of a rule."""
    block = BasicBlock(i, o, stride)
    return block(torch.zeros(2, i, size, size)).shape[1:], (
        "projection" if len(block.shortcut) else "identity"
    )


def by_the_formula(i, o, stride, size):
    side = (size + 2 * 1 - 3) // stride + 1
    return [[o, side, side], "identity" if (i, stride) == (o, 1) else "projection"]


def in_numpy(i, o, stride, size):
    side = np.ceil(size / stride)
    return np.array([o, side, side]), "Projection" if stride > 1 or i != o else "Identity"


def of_shape(rule):
    return lambda *case: (rule(*case), block_shape(*case)[1])


def both_or_neither(i, o, stride, size):
    return (stride == 1 and i == o) or (stride > 1 and i > o)


def identity_if(rule):
    return lambda *case: (block_shape(*case)[0], "identity" if rule(*case) else "projection")


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


class Torchvisions(torch.nn.Module):
    """The right block in torchvision's names, with functions in place of modules."""

    def __init__(self, i, o, stride=1):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(o)
        self.conv2 = torch.nn.Conv2d(o, o, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(o)
        self.downsample = None
        if stride != 1 or i != o:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(i, o, 1, stride, bias=False), torch.nn.BatchNorm2d(o)
            )

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return torch.nn.functional.relu(out)


class ShortcutFirst(torch.nn.Module):
    """The right block, its shortcut made before its main path."""

    def __init__(self, i, o, stride=1):
        super().__init__()
        block = BasicBlock(i, o, stride)
        self.shortcut = block.shortcut
        self.residual_function = block.residual_function

    def forward(self, x):
        return torch.clamp(self.shortcut(x) + self.residual_function(x), min=0)


class TorchvisionsWithoutSum(Torchvisions):
    def forward(self, x):
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))


class OtherNames(ShortcutFirst):
    def __init__(self, *shape):
        super().__init__(*shape)
        self.main = self.residual_function
        del self.residual_function

    def forward(self, x):
        return torch.relu(self.main(x) + self.shortcut(x))


def with_forward(rule):
    """A block that makes its output by a rule from F(x), the shortcut's output and x."""

    def forward(block, x):
        return rule(block.residual_function(x), block.shortcut(x), x)

    return type("Changed", (BasicBlock,), {"forward": forward})


def zero_gamma(model, part="residual_function", place=-1, value=0.0):
    for module in model.modules():
        if hasattr(module, part) and len(getattr(module, part)):
            init.constant_(getattr(module, part)[place].weight, value)


def zero_by_names(model):
    """Each block's largest index of a batch norm's weight, found in the names."""
    parameters = dict(model.named_parameters())
    last = {}
    for name in parameters:
        if "residual_function" in name and parameters[name].ndim == 1 and name.endswith("weight"):
            last[name.partition("residual_function")[0]] = name
    for name in last.values():
        parameters[name].data.fill_(0)


def zero_by_classes(model):
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, BasicBlock | BottleNeck):
                module.residual_function[-1].weight.zero_()


def zero_by_children(model):
    for child in model.children():
        if hasattr(child, "residual_function"):
            norms = [m for m in child.residual_function if isinstance(m, torch.nn.BatchNorm2d)]
            norms[-1].weight = torch.nn.Parameter(torch.zeros_like(norms[-1].weight))
        zero_by_children(child)
    return model


def zero_in_a_copy(model):
    model = copy.deepcopy(model)
    zero_gamma(model)
    return model


def zero_of_another_class(model):
    class BasicBlock(torch.nn.Module):
        pass

    for module in model.modules():
        if isinstance(module, BasicBlock):
            init.zeros_(module.residual_function[-1].weight)


def zero_all_norms(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            init.zeros_(module.weight)


def zero_inner_norms(model):
    zero_gamma(model)
    zero_gamma(model, place=1)


RIGHT = {
    "check_block_shape": [block_shape, measured_shape, by_the_formula, in_numpy],
    "check_mended_block": [
        BasicBlock,
        Torchvisions,
        ShortcutFirst,
        with_forward(lambda f, s, x: (f + s).relu() + 9e-6),
    ],
    "check_zero_gamma": [zero_gamma, zero_by_names, zero_by_classes, zero_by_children],
    "check_trunk_variance": [
        VARIANCE,
        VARIANCE | {"without": 1024 * (1 + 9e-7)},
        {"without": np.float32(1024), "with batch norm": torch.tensor(11)},
        {"with batch norm": Fraction(11), "without": math.exp(10 * math.log(2))},
    ],
}

WRONG = {
    "check_block_shape": [
        (of_shape(lambda i, o, stride, size: (o, size // stride, size // stride)), "Round up"),
        (of_shape(lambda i, o, stride, size: (o, size, size)), "so the map shrinks"),
        (
            of_shape(lambda i, *rest: (i, *block_shape(i, *rest)[0][1:])),
            "the block puts out 16 channels, not 8",
        ),
        (of_shape(lambda *case: (1, 2, 3)), "measured is (8, 7, 7)"),
        (identity_if(lambda i, o, stride, size: i == o), "but the map shrinks"),
        (identity_if(lambda i, o, stride, size: stride == 1), "the channels don't"),
        (identity_if(lambda *case: False), "x can be added as it is"),
        (identity_if(both_or_neither), "neither the channels nor the size"),
        (lambda *case: (block_shape(*case)[0], "B"), "'identity' or 'projection'"),
        (lambda *case: (8, 7, 7), "expected a pair"),
    ],
    "check_mended_block": [
        (4, "expected a class of blocks, got 4"),
        (WithoutProjection, "no projection, but the shape changes"),
        (WithoutShortcutNorm, "the projection has no batch norm"),
        (WithBias, "a convolution has a bias"),
        (ProjectsAlways, "projects where the shape stays"),
        (OneByOne, "residual_function.3.weight has shape"),
        (OtherNames, "your block may be right"),
        (TorchvisionsWithoutSum, "the shortcut isn't added"),
        (with_forward(lambda f, s, x: f + s), "no ReLU follows the sum"),
        (with_forward(lambda f, s, x: f.relu() + s), "the ReLU comes before the sum"),
        (with_forward(lambda f, s, x: (f.relu() + s).relu()), "still a ReLU at the end of F"),
        (with_forward(lambda f, s, x: f.relu()), "the shortcut isn't added"),
        (with_forward(lambda f, s, x: x), "differs from the package's"),
        (with_forward(lambda f, s, x: (f + s).relu() + 2e-5), "differs from the package's"),
        (with_forward(lambda f, s, x: x.sides), "raised AttributeError"),
    ],
    "check_zero_gamma": [
        (zero_all_norms, "outside of the blocks"),
        (zero_in_a_copy, "no copy"),
        (zero_of_another_class, "the chapter's BasicBlock isn't the package's"),
        (lambda m: zero_gamma(m, "shortcut"), "the shortcut's parameters"),
        (lambda m: zero_gamma(m, place=4), "BottleNeck: a batch norm inside of F has changed, not"),
        (zero_inner_norms, "only the last one"),
        (lambda m: zero_gamma(m, place=-2), "more has changed"),
        (lambda m: zero_gamma(m[2]), "every block counts"),
        (lambda m: zero_gamma(m, value=0.1), "not all of them are 0"),
        (lambda m: m.pop(3), "a batch norm inside of F has changed"),
        (lambda m: m.blocks, "raised AttributeError"),
    ],
    "check_trunk_variance": [
        (VARIANCE | {"with batch norm": 10}, "What was there before"),
        (VARIANCE | {"with batch norm": 10.009}, "What was there before"),
        (VARIANCE | {"with batch norm": 10.02}, "variances add"),
        (VARIANCE | {"with batch norm": 1}, "not the sum's"),
        (VARIANCE | {"with batch norm": 1024}, "nothing doubles"),
        (VARIANCE | {"with batch norm": 3.3166}, "standard deviation"),
        (VARIANCE | {"without": 11}, "the variance of its input"),
        (VARIANCE | {"without": 20}, "Ten doublings"),
        (VARIANCE | {"without": 512}, "nine doublings"),
        (VARIANCE | {"without": 2048}, "eleven doublings"),
        (VARIANCE | {"without": 32.0}, "standard deviation"),
        (VARIANCE | {"without": 1}, "the sum of both"),
        (VARIANCE | {"without": 1024 * (1 + 2e-6)}, "variances add"),
        (VARIANCE | {"without": "2"}, "without: '2': expected a number"),
        ({"without": 1024}, "'with batch norm' is missing: expected a number for each of"),
    ],
}
