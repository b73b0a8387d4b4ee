"""The networks of the paper: ResNet-18 to ResNet-152, their plain twins, the CIFAR family.

References:
    [1] He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
    [2] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", arXiv:1502.01852 (initialisation).
    [3] Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 5.1 (zero γ).
    [4] T. He et al., "Bag of Tricks for Image Classification", arXiv:1812.01187 (ResNet-D).
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from resnet_helpers._check import check_batch_shape, check_sizes
from resnet_helpers.blocks import (
    BasicBlock,
    BasicBlockA,
    BasicBlockD,
    BottleNeck,
    BottleNeckD,
    PlainBlock,
)

Block = type[BasicBlock] | type[BottleNeck] | type[PlainBlock]

# [1], table 1: the block and the number of blocks in conv2_x, conv3_x, conv4_x, conv5_x.
TABLE_1 = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (BottleNeck, [3, 4, 6, 3]),
    101: (BottleNeck, [3, 4, 23, 3]),
    152: (BottleNeck, [3, 8, 36, 3]),
}


class _StageByStage(nn.Module):
    """A network whose parts stand in the order in which images go through them, ``fc`` last."""

    fc: nn.Linear

    def forward(self, x: Tensor) -> Tensor:
        check_batch_shape(x)
        if not x.is_floating_point():
            raise TypeError(
                f"images of type {x.dtype}: expected floats; "
                "resnet_helpers.transforms.normalize turns bytes into them"
            )
        for part in list(self.children())[:-1]:
            x = part(x)
        return self.fc(x.flatten(1))


class ResNet(_StageByStage):
    """The ImageNet network of [1], table 1, with any of the book's blocks.

    Shapes: float (N, 3, H, W) to logits (N, num_classes), for H and W of at least 1.

    Args:
        block: ``BasicBlock``, ``BottleNeck``, ``PlainBlock``, or a class with their signature
            and an ``expansion``.
        num_block: the numbers of blocks in conv2_x, conv3_x, conv4_x and conv5_x.
        num_classes: the length of the output.
        init_weights: initialise as in [2]; otherwise PyTorch's defaults stay.
        zero_gamma: start each residual block as the identity, by γ = 0 in its last batch norm
            ([3]); needs ``init_weights``.
        deep_stem: three 3×3 convolutions in place of the 7×7 ([4], ResNet-C).

    Raises:
        ValueError: a wrong number of stages, of blocks or of classes, or ``zero_gamma`` where
            it can't be had.

    Example:
        >>> with torch.device("meta"):  # shapes without numbers
        ...     logits = ResNet(BottleNeck, [3, 4, 6, 3])(torch.empty(3, 3, 224, 224))
        >>> logits.shape
        torch.Size([3, 10])
    """

    def __init__(
        self,
        block: Block,
        num_block: Sequence[int],
        num_classes: int = 10,
        init_weights: bool = True,
        zero_gamma: bool = False,
        deep_stem: bool = False,
    ) -> None:
        super().__init__()
        if len(num_block) != 4 or not all(isinstance(n, int) and n >= 1 for n in num_block):
            raise ValueError(
                f"num_block={num_block!r}: expected four whole numbers of at least 1, one for "
                "each of conv2_x, conv3_x, conv4_x and conv5_x, such as [2, 2, 2, 2]"
            )
        check_sizes(num_classes=num_classes)
        _check_zero_gamma(zero_gamma, init_weights, block)
        wide = block.expansion
        if deep_stem:
            stem = (*_convolution(3, 32, stride=2), *_convolution(32, 32), *_convolution(32, 64))
        else:
            stem = _convolution(3, 64, kernel=7, stride=2)
        self.conv1 = nn.Sequential(*stem, nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        self.conv2_x = _stage(block, 64, 64, num_block[0], stride=1)
        self.conv3_x = _stage(block, 64 * wide, 128, num_block[1], stride=2)
        self.conv4_x = _stage(block, 128 * wide, 256, num_block[2], stride=2)
        self.conv5_x = _stage(block, 256 * wide, 512, num_block[3], stride=2)
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * wide, num_classes)
        if init_weights:
            initialize_weights(self, zero_gamma)


class CifarNet(_StageByStage):
    """The CIFAR network of [1], section 4.2: depth 6n+2, three stages, no pooling before the end.

    Shapes: float (N, 3, H, W) to logits (N, num_classes).

    Args:
        block: ``BasicBlockA`` (residual, no added parameters) or ``PlainBlock``.
        depth: 6n+2 for n of at least 1: 8, 14, 20, …; each stage has n blocks.
        width: channels of the first stage (the paper's 16); the others have twice and four
            times as many.
        num_classes: the length of the output.
        init_weights, zero_gamma: as in ``ResNet``.

    Raises:
        ValueError: a depth that isn't 6n+2, a width or a number of classes below 1, or
            ``zero_gamma`` where it can't be had.
    """

    def __init__(
        self,
        block: Block,
        depth: int,
        width: int = 16,
        num_classes: int = 10,
        init_weights: bool = True,
        zero_gamma: bool = False,
    ) -> None:
        super().__init__()
        num_blocks = _blocks_per_stage(depth)
        check_sizes(width=width, num_classes=num_classes)
        _check_zero_gamma(zero_gamma, init_weights, block)
        self.conv1 = nn.Sequential(*_convolution(3, width))
        self.conv2_x = _stage(block, width, width, num_blocks, stride=1)
        self.conv3_x = _stage(block, width, 2 * width, num_blocks, stride=2)
        self.conv4_x = _stage(block, 2 * width, 4 * width, num_blocks, stride=2)
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(4 * width, num_classes)
        if init_weights:
            initialize_weights(self, zero_gamma)


def resnet18(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-18 ([1], table 1). ``options`` are those of ``ResNet``."""
    return ResNet(*TABLE_1[18], num_classes=num_classes, **options)


def resnet34(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-34 ([1], table 1). ``options`` are those of ``ResNet``."""
    return ResNet(*TABLE_1[34], num_classes=num_classes, **options)


def resnet50(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-50 ([1], table 1), stride in the 3×3. ``options`` are those of ``ResNet``."""
    return ResNet(*TABLE_1[50], num_classes=num_classes, **options)


def resnet101(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-101 ([1], table 1), stride in the 3×3. ``options`` are those of ``ResNet``."""
    return ResNet(*TABLE_1[101], num_classes=num_classes, **options)


def resnet152(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-152 ([1], table 1), stride in the 3×3. ``options`` are those of ``ResNet``."""
    return ResNet(*TABLE_1[152], num_classes=num_classes, **options)


def plain18(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-18 without its shortcuts ([1], section 3.3). ``options`` are those of ``ResNet``."""
    return ResNet(PlainBlock, TABLE_1[18][1], num_classes, **options)


def plain34(num_classes: int = 10, **options: bool) -> ResNet:
    """ResNet-34 without its shortcuts ([1], section 3.3 and figure 3, middle)."""
    return ResNet(PlainBlock, TABLE_1[34][1], num_classes, **options)


def cifar_resnet(depth: int, width: int = 16, num_classes: int = 10, **options: bool) -> CifarNet:
    """A residual network of the CIFAR family, option A. ``options`` are those of ``CifarNet``."""
    return CifarNet(BasicBlockA, depth, width, num_classes, **options)


def cifar_plain(depth: int, width: int = 16, num_classes: int = 10, **options: bool) -> CifarNet:
    """A plain network of the CIFAR family, with exactly as many parameters."""
    return CifarNet(PlainBlock, depth, width, num_classes, **options)


def initialize_weights(model: nn.Module, zero_gamma: bool = False) -> None:
    """Initialise a network in place, as in [2]: variance 2 / fan-out for each convolution.

    Batch norms start with γ = 1 and β = 0, linear layers with N(0, 0.01²) and a zero bias. The
    book's convolutions have no bias; one that had it would keep PyTorch's.
    With ``zero_gamma``, the last batch norm of each residual block starts with γ = 0 ([3]).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
    if zero_gamma:
        for module in model.modules():
            residual_function = getattr(module, "residual_function", None)
            if residual_function is not None:
                nn.init.zeros_(residual_function[-1].weight)


def count_parameters(model: nn.Module) -> int:
    """The number of trainable numbers in a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def build_network(
    name: str, num_classes: int = 10, width: int = 16, zero_gamma: bool = False
) -> nn.Module:
    """A network by its name, its initial weights drawn from PyTorch's global generator.

    Args:
        name: "resnet18", 34, 50, 101 or 152; the same with a d, "resnet18d", for ResNet-D ([4],
            section 4: a deep stem, and shortcuts that average before they project); "plain18",
            "plain34"; or of the CIFAR family "cifar_resnet20", "cifar_plain20", … (any depth
            6n+2).
        width: of the CIFAR family: the channels of its first stage.
        zero_gamma: start each residual block as the identity.

    Raises:
        ValueError: no network has this name, or it can't have this option.
    """
    return network_builder(name, width, zero_gamma)(num_classes=num_classes)


def network_builder(
    name: str, width: int = 16, zero_gamma: bool = False
) -> Callable[..., nn.Module]:
    """A function of ``num_classes`` that builds the network; arguments as ``build_network``'s."""
    found = re.fullmatch(
        r"cifar_(resnet|plain)(\d+)|resnet(18|34|50|101|152)(d?)|plain18|plain34", name
    )
    if not found:
        raise ValueError(
            f"network={name!r}: choose resnet18, 34, 50, 101 or 152, one of these with a d "
            "(resnet18d), plain18 or plain34, or of the CIFAR family, such as cifar_resnet20 or "
            "cifar_plain20"
        )
    family, cifar_depth, depth, variant = found.groups()
    if zero_gamma and "plain" in name:
        raise ValueError(f"zero_gamma=True: {name} has no residual block that it could change")
    if family:
        build = cifar_resnet if family == "resnet" else cifar_plain
        return functools.partial(build, int(cifar_depth), width, zero_gamma=zero_gamma)
    if width != 16:
        raise ValueError(f"width={width}: {name} has one width only; leave it at 16")
    if not depth:
        return plain18 if name == "plain18" else plain34
    block, num_block = TABLE_1[int(depth)]
    if variant:
        block = {BasicBlock: BasicBlockD, BottleNeck: BottleNeckD}[block]
    deep_stem = variant == "d"
    return functools.partial(ResNet, block, num_block, zero_gamma=zero_gamma, deep_stem=deep_stem)


def from_torchvision(state_dict: Mapping[str, Tensor]) -> ResNet:
    """Build the network of the same depth and classes from torchvision's weights.

    Args:
        state_dict: of torchvision's ``resnet18``, ``34``, ``50``, ``101`` or ``152``.

    Returns:
        A ``ResNet`` in training mode that computes what torchvision's computes.

    Raises:
        ValueError: the weights are not those of one of the five networks.
    """
    depth = _torchvision_depth(state_dict)
    with torch.device("meta"):
        classes = len(state_dict["fc.bias"])
        model = ResNet(*TABLE_1[depth], num_classes=classes, init_weights=False)
    renamed = {_our_name(name): tensor.clone() for name, tensor in state_dict.items()}
    try:
        model.load_state_dict(renamed, assign=True)
    except RuntimeError as error:
        raise ValueError(
            f"these weights are not ResNet-{depth}'s: expected the state_dict of torchvision's "
            f"resnet{depth}. {error}"
        ) from error
    return model.requires_grad_()


def _convolution(in_channels, out_channels, kernel=3, stride=1):
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(out_channels), nn.ReLU()


def _stage(block, in_channels, out_channels, num_blocks, stride):
    first = block(in_channels, out_channels, stride)
    wide = out_channels * block.expansion
    return nn.Sequential(first, *(block(wide, out_channels) for _ in range(num_blocks - 1)))


def _torchvision_depth(state_dict):
    stages = [
        len({name.split(".")[1] for name in state_dict if name.startswith(f"layer{stage}.")})
        for stage in (1, 2, 3, 4)
    ]
    block = BottleNeck if "layer1.0.conv3.weight" in state_dict else BasicBlock
    for depth, row in TABLE_1.items():
        if row == (block, stages) and "fc.bias" in state_dict:
            return depth
    raise ValueError(
        f"no ResNet of table 1 has {stages} blocks of type {block.__name__}: expected the "
        "state_dict of torchvision's resnet18, 34, 50, 101 or 152"
    )


def _our_name(name):
    """layer1.0.conv2.weight → conv2_x.0.residual_function.3.weight, and so on."""
    group = "residual_function" if name.startswith("layer") else "conv1"
    name = name.replace("downsample", "shortcut")
    # In our groups a convolution, its batch norm and a ReLU follow one another: three places.
    name = re.sub(r"conv(\d)", lambda found: f"{group}.{3 * int(found[1]) - 3}", name)
    name = re.sub(r"bn(\d)", lambda found: f"{group}.{3 * int(found[1]) - 2}", name)
    return re.sub(r"^layer(\d)", lambda found: f"conv{int(found[1]) + 1}_x", name)


def _blocks_per_stage(depth):
    if not isinstance(depth, int) or depth < 8:
        raise ValueError(f"depth={depth!r}: the CIFAR family has depths 6n+2: 8, 14, 20, …")
    over = (depth - 2) % 6
    if over:
        raise ValueError(
            f"depth={depth}: the CIFAR family has depths 6n+2; the nearest are "
            f"{depth - over} and {depth - over + 6}"
        )
    return (depth - 2) // 6


def _check_zero_gamma(zero_gamma, init_weights, block):
    if zero_gamma and not init_weights:
        raise ValueError("zero_gamma=True is part of the initialisation: leave init_weights=True")
    if zero_gamma and issubclass(block, PlainBlock):
        raise ValueError(
            "zero_gamma=True would make every plain block output zero: only a residual block "
            "becomes the identity"
        )
