"""The blocks of which plain and residual networks are made.

References:
    [1] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    [2] Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 5.1 (stride).
    [3] T. He et al., "Bag of Tricks for Image Classification", arXiv:1812.01187 (ResNet-D).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_helpers._check import check_sizes


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: ReLU(F(x) + x) ([1], section 3.2 and figure 5).

    Shapes: (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).

    Args:
        in_channels: channels of the input.
        out_channels: channels of both convolutions, and of the output.
        stride: step of the first convolution and of the shortcut.

    Raises:
        ValueError: an argument is not a whole number of at least 1.

    Example:
        >>> import torch
        >>> block = BasicBlock(64, 128, stride=2)
        >>> block(torch.zeros(1, 64, 56, 56)).shape
        torch.Size([1, 128, 28, 28])
    """

    expansion = 1
    shortcut_option = "B"

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, out_channels=out_channels, stride=stride)
        self.residual_function = _two_convolutions(in_channels, out_channels, stride)
        self.shortcut = make_shortcut(in_channels, out_channels, stride, self.shortcut_option)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual_function(x) + self.shortcut(x))


class BasicBlockA(BasicBlock):
    """A basic block whose shortcut never has a parameter: option A, zero-padding ([1], 4.1)."""

    shortcut_option = "A"


class BasicBlockD(BasicBlock):
    """A basic block whose projection averages before it projects: option D ([3], ResNet-D)."""

    shortcut_option = "D"


class PlainBlock(nn.Module):
    """A basic block without its shortcut: what a residual block is compared with ([1], 3.3).

    Shapes, arguments and errors are those of ``BasicBlock``.
    """

    expansion = 1

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, out_channels=out_channels, stride=stride)
        self.residual_function = _two_convolutions(in_channels, out_channels, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual_function(x))


class BottleNeck(nn.Module):
    """1×1 down, 3×3, 1×1 up, and a shortcut ([1], section 4.1 and figure 5).

    The stride is in the 3×3 convolution, as in [2] and in torchvision ("v1.5"); the paper has
    it in the first 1×1. Shapes: (N, in_channels, H, W) to
    (N, 4 · out_channels, ⌈H/stride⌉, ⌈W/stride⌉).

    Args:
        in_channels: channels of the input.
        out_channels: channels of the narrow middle; the output has ``expansion`` times as many.
        stride: step of the 3×3 convolution and of the shortcut.

    Raises:
        ValueError: an argument is not a whole number of at least 1.
    """

    expansion = 4
    shortcut_option = "B"

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        check_sizes(in_channels=in_channels, out_channels=out_channels, stride=stride)
        wide = out_channels * self.expansion
        self.residual_function = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, wide, kernel_size=1, bias=False),
            nn.BatchNorm2d(wide),
        )
        self.shortcut = make_shortcut(in_channels, wide, stride, self.shortcut_option)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual_function(x) + self.shortcut(x))


class BottleNeckD(BottleNeck):
    """A bottleneck whose projection averages before it projects: option D ([3], ResNet-D)."""

    shortcut_option = "D"


class ZeroPadding(nn.Module):
    """Shortcut option A: every stride-th pixel, and new channels that are all zero ([1], 4.1).

    Shapes: (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).

    Raises:
        ValueError: fewer channels out than in.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(
                f"option A adds channels and can't remove any: {in_channels} to {out_channels} "
                "channels needs a projection (option B)"
            )
        self.new_channels = out_channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(in_channels: int, out_channels: int, stride: int, option: str) -> nn.Module:
    """What carries x past the convolutions ([1], section 4.1, "Identity vs. Projection").

    Shapes: (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).

    An empty ``nn.Sequential`` (the identity) wherever the shape stays. Where it changes:
    option A pads with zeros, option B projects by a 1×1 convolution. Option C projects always.
    Option D ([3]) is B, but with a stride it averages the pixels that B would pass over.

    Args:
        option: "A", "B", "C" or "D".

    Raises:
        ValueError: an unknown option, or option A where it would have to remove channels.
    """
    if option not in ("A", "B", "C", "D"):
        raise ValueError(f"unknown shortcut option {option!r}: choose 'A', 'B', 'C' or 'D'")
    same_shape = stride == 1 and in_channels == out_channels
    if same_shape and option != "C":
        return nn.Sequential()
    if option == "A":
        return ZeroPadding(in_channels, out_channels, stride)
    average = []
    if option == "D" and stride > 1:
        # ceil_mode, so that an odd edge has the size that a stride in the convolution gives it.
        average, stride = [nn.AvgPool2d(stride, ceil_mode=True)], 1
    return nn.Sequential(
        *average,
        nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def _two_convolutions(in_channels, out_channels, stride):
    # No bias: the batch norm that follows subtracts the mean, and any bias with it.
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
    )
