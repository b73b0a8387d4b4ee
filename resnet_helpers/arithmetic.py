"""How many parameters and multiply–adds: of a convolution, of a whole network.

A MAC is one multiplication and one addition; many papers call MACs "FLOPs". Counted are
convolutions and linear layers, without their biases. Batch norms, ReLUs, pools and the additions
of shortcuts are zero by convention: they multiply nothing by a matrix.
"""

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_helpers._check import check_sizes

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def conv_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Pixels along one side of a convolution's output, from those of its input.

    ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1

    Raises:
        ValueError: a size below 1, a padding below 0, or a kernel that doesn't fit into the
            padded input.

    Example:
        >>> conv_size(224, kernel=7, stride=2, padding=3)
        112
    """
    check_sizes(size=size, kernel=kernel, stride=stride, dilation=dilation)
    check_sizes(least=0, padding=padding)
    covered = dilation * (kernel - 1) + 1
    padded = size + 2 * padding
    if covered > padded:
        raise ValueError(
            f"the kernel covers {covered} pixels and the padded input has {padded}: use more "
            "padding, a smaller kernel or less dilation"
        )
    return (padded - covered) // stride + 1


def conv_parameters(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> int:
    """Parameters of a two-dimensional convolution with a square kernel and without a bias.

    out_channels · (in_channels / groups) · kernel²

    Raises:
        ValueError: a size below 1, or groups that don't divide the channels.
    """
    check_sizes(in_channels=in_channels, out_channels=out_channels, kernel=kernel, groups=groups)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name}={channels} can't be divided into groups={groups}")
    return out_channels * (in_channels // groups) * kernel**2


def conv_macs(
    in_channels: int,
    out_channels: int,
    kernel: int,
    size: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> int:
    """MACs of a two-dimensional convolution on one square image: its weights × output pixels.

    Args:
        size: pixels along one side of the *input*.

    Raises:
        ValueError: as ``conv_size`` and ``conv_parameters``.
    """
    pixels = conv_size(size, kernel, stride, padding, dilation) ** 2
    return conv_parameters(in_channels, out_channels, kernel, groups) * pixels


@dataclass(frozen=True)
class Layer:
    """One row of a ``LayerTable``: a layer at one place of the forward pass."""

    name: str  # as in model.named_modules()
    kind: str  # the layer's class, such as "Conv2d"
    output: tuple[int, ...]  # the shape of what it puts out, without the batch
    parameters: int  # its trainable numbers; zero where the same layer is used once more
    macs: int  # multiply–adds for one image


@dataclass(frozen=True)
class LayerTable:
    """What each layer of a network has and does, in the order of the forward pass."""

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """All trainable numbers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """All multiply–adds for one image."""
        return sum(layer.macs for layer in self.layers)

    def by(self, key: Callable[[Layer], Hashable]) -> dict:
        """Parameters and MACs summed over layers with the same ``key(layer)``.

        Returns:
            A dictionary from each key to (parameters, MACs), in the order of the forward pass.
        """
        sums = {}
        for layer in self.layers:
            parameters, macs = sums.get(key(layer), (0, 0))
            sums[key(layer)] = parameters + layer.parameters, macs + layer.macs
        return sums


def layer_table(model: nn.Module, input_size: tuple[int, ...]) -> LayerTable:
    """Parameters and MACs of each layer of a network, from one forward pass without numbers.

    The pass runs on PyTorch's meta device: tensors that have a shape and no memory.

    Args:
        model: any network; it stays as it was.
        input_size: of one image, without the batch: (3, 224, 224).

    Raises:
        ValueError: a size below 1; a layer that the input doesn't fit, named; a layer with
            parameters that can't be counted, or multiplications outside all layers.

    Example:
        >>> table = layer_table(nn.Conv2d(3, 64, 7, stride=2, padding=3), (3, 224, 224))
        >>> table.parameters, table.macs
        (9472, 118013952)
    """
    check_sizes(**{f"input_size[{i}]": size for i, size in enumerate(input_size)})
    skeleton = _skeleton(model)
    recorder = _Recorder(skeleton)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        try:
            skeleton(torch.empty(1, *input_size, device="meta"))
        except RuntimeError as error:
            name = recorder.current
            raise ValueError(f"layer {name!r} can't take what it's given: {error}") from error
    table = LayerTable(tuple(recorder.rows))
    _check_complete(table, skeleton, recorder.counted, counter.get_total_flops() // 2)
    return table


class _Recorder:
    """Writes down a row for each layer of a network that runs: hooks before and after it."""

    def __init__(self, model):
        self.rows, self.counted = [], set()  # a Layer each; the parameters in them
        self.current = None  # the name of the layer that runs, or ran last
        self.names = {m: name for name, m in model.named_modules() if not list(m.children())}
        for layer in self.names:
            layer.register_forward_pre_hook(self.before)
            layer.register_forward_hook(self.after)

    def before(self, layer, inputs):
        self.current = self.names[layer]

    def after(self, layer, inputs, output):
        name, shape = self.names[layer], tuple(output.shape[1:])
        parameters = sum(p.numel() for p in layer.parameters() if p not in self.counted)
        self.counted.update(layer.parameters())
        macs = _macs(name, layer, output)
        self.rows.append(Layer(name, type(layer).__name__, shape, parameters, macs))


def _skeleton(model):
    """A copy in evaluation mode whose tensors have shapes and no numbers."""
    shapes = {}
    for parameter in model.parameters():
        shapes[id(parameter)] = nn.Parameter(parameter.to("meta"), parameter.requires_grad)
    for buffer in model.buffers():
        shapes[id(buffer)] = buffer.to("meta")
    # deepcopy takes what the memo holds for a tensor instead of copying its numbers.
    return copy.deepcopy(model, shapes).eval()


def _macs(name, module, output):
    if isinstance(module, _CONVOLUTIONS):
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    if isinstance(module, _NORMS) or not list(module.parameters()):
        return 0
    raise ValueError(
        f"layer {name!r} is a {type(module).__name__}: only convolutions, linear layers and "
        "norms can be counted"
    )


def _check_complete(table, skeleton, counted, macs):
    """Nothing is counted as zero in silence: compare with all parameters and PyTorch's counter."""
    for name, parameter in skeleton.named_parameters():
        if parameter not in counted:
            raise ValueError(
                f"parameter {name!r} belongs to no layer that was run: it can't be counted"
            )
    if table.macs != macs:
        raise ValueError(
            f"the layers do {table.macs:,} MACs and the whole network {macs:,}: the difference "
            "is computed outside its layers, in some forward(), and can't be counted"
        )
