"""Counts of parameters and multiply–adds equal the paper's integers and PyTorch's own counter."""

import facts
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_helpers.arithmetic import conv_macs, conv_parameters, conv_size, layer_table
from resnet_helpers.blocks import BasicBlockA, BottleNeck
from resnet_helpers.networks import TABLE_1, ResNet, cifar_resnet, count_parameters


class PaperBottleNeck(BottleNeck):
    """The stride in the first 1×1, as in the paper."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(in_channels, out_channels, stride)
        first, middle = self.residual_function[0], self.residual_function[3]
        first.stride, middle.stride = middle.stride, first.stride


def on_meta(depth, num_classes=1000, block=None):
    its_block, num_block = TABLE_1[depth]
    with torch.device("meta"):
        return ResNet(block or its_block, num_block, num_classes)


@pytest.mark.parametrize("depth", TABLE_1)
def test_the_five_networks_at_224(depth):
    table = layer_table(on_meta(depth), (3, 224, 224))
    assert round(table.macs / 1e6) == facts.MILLION_MACS[depth]
    assert table.parameters == facts.PARAMETERS[depth][0]


@pytest.mark.parametrize("depth", facts.MILLION_MACS_OF_THE_PAPER)
def test_with_the_stride_in_the_1x1_as_in_the_paper(depth):
    table = layer_table(on_meta(depth, block=PaperBottleNeck), (3, 224, 224))
    assert round(table.macs / 1e6) == facts.MILLION_MACS_OF_THE_PAPER[depth]


def test_resnet34_without_projections():
    table = layer_table(on_meta(34, block=BasicBlockA), (3, 224, 224))
    assert round(table.macs / 1e6) == facts.MILLION_MACS_WITHOUT_PROJECTIONS[34]
    assert table.parameters == facts.PARAMETERS_WITHOUT_PROJECTIONS[34]


@pytest.mark.parametrize("depth", TABLE_1)
def test_the_five_networks_at_96(depth):
    table = layer_table(on_meta(depth, 10), (3, 96, 96))
    assert round(table.macs / 1e6) == facts.MILLION_MACS_AT_96[depth]
    assert table.parameters == facts.PARAMETERS[depth][1]


@pytest.mark.parametrize("depth", facts.CIFAR_MACS)
def test_the_cifar_family(depth):
    with torch.device("meta"):
        model = cifar_resnet(depth)
    assert round(layer_table(model, (3, 32, 32)).macs / 1e5) == facts.CIFAR_MACS[depth]


# Against PyTorch's own counter, halved: its FLOPs count a multiplication and an addition as two.


@st.composite
def convolutions(draw):
    """Arguments of a convolution, and a size of image that it fits."""
    groups = draw(st.integers(1, 4))
    kernel, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 4))
    smallest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return {
        "in_channels": groups * draw(st.integers(1, 4)),
        "out_channels": groups * draw(st.integers(1, 4)),
        "kernel": kernel,
        "size": draw(st.integers(smallest, smallest + 12)),
        "stride": draw(st.integers(1, 4)),
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }


def module_of(c, bias=False):
    names = ("stride", "padding", "dilation", "groups")
    options = {name: c[name] for name in names}
    return nn.Conv2d(c["in_channels"], c["out_channels"], c["kernel"], bias=bias, **options)


def flops_halved(model, *size):
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *size))
    return counter.get_total_flops() // 2


@settings(max_examples=100, deadline=None)
@given(convolutions())
def test_a_convolution_is_counted_as_pytorch_counts_it(c):
    module = module_of(c)
    assert conv_macs(**c) == flops_halved(module, c["in_channels"], c["size"], c["size"])
    parameters = conv_parameters(c["in_channels"], c["out_channels"], c["kernel"], c["groups"])
    assert parameters == count_parameters(module)
    output = module(torch.zeros(1, c["in_channels"], c["size"], c["size"]))
    side = conv_size(c["size"], c["kernel"], c["stride"], c["padding"], c["dilation"])
    assert tuple(output.shape[2:]) == (side, side)


@settings(max_examples=50, deadline=None)
@given(convolutions(), convolutions(), st.integers(1, 9), st.booleans())
def test_fifty_random_networks_are_counted_as_pytorch_counts_them(first, second, features, norm):
    second["in_channels"] = second["groups"] * first["out_channels"]
    grow = nn.Conv2d(first["out_channels"], second["in_channels"], 1)
    pool = nn.AdaptiveAvgPool2d(second["size"])
    layers = [module_of(first), grow, nn.ReLU(), pool, module_of(second, bias=True)]
    if norm:
        layers.insert(1, nn.BatchNorm2d(first["out_channels"]))
    model = nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(second["out_channels"], features)
    )
    size = (first["in_channels"], first["size"], first["size"])
    table = layer_table(model, size)
    assert table.macs == flops_halved(model.eval(), *size)
    assert table.parameters == count_parameters(model)


# The table


def test_the_table_has_a_row_for_each_layer():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))
    table = layer_table(model, (3, 10, 10))
    rows = [(row.name, row.kind, row.output, row.parameters, row.macs) for row in table.layers]
    assert rows == [
        ("0", "Conv2d", (8, 10, 10), 3 * 8 * 9 + 8, 21600),
        ("1", "ReLU", (8, 10, 10), 0, 0),
        ("2", "Conv2d", (4, 10, 10), 36, 3200),
    ]
    assert (table.parameters, table.macs) == (260, 24_800)
    assert table.by(lambda layer: layer.kind) == {"Conv2d": (260, 24800), "ReLU": (0, 0)}


def test_a_layer_that_is_used_twice_works_twice_and_is_stored_once():
    shared = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    table = layer_table(nn.Sequential(shared, nn.ReLU(), shared), (4, 5, 5))
    assert (table.parameters, table.macs) == (144, 2 * 144 * 25)


def test_the_model_stays_as_it_was():
    model = cifar_resnet(8, 2).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layer_table(model, (3, 8, 8))
    assert model.training and next(model.parameters()).device.type == "cpu"
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_no_number_is_computed_so_no_image_is_too_large():
    model = cifar_resnet(8)
    # An image of 10¹⁰ pixels: the numbers of its first layer alone would fill 640 GB.
    small, large = (layer_table(model, (3, side, side)) for side in (100, 100_000))
    linear = 64 * 10
    assert large.macs - linear == 10**6 * (small.macs - linear)
    assert large.layers[0].output == (16, 100_000, 100_000)


# Bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv_size(-5, 3), "size=-5: expected a whole number of at least 1"),
        (lambda: conv_size(5, 3, padding=-1), "padding=-1: expected a whole number of at least 0"),
        (lambda: conv_size(4, 3, dilation=2), "the kernel covers 5 pixels and the padded input"),
        (
            lambda: conv_parameters(6, 4, 3, groups=4),
            "in_channels=6 can't be divided into groups=4",
        ),
        (lambda: conv_parameters(4, 6, 3, groups=4), "out_channels=6 can't be divided"),
        (lambda: conv_macs(3, 8, 0, 32), "kernel=0: expected a whole number"),
        (lambda: conv_parameters(1.5, 4, 3), "in_channels=1.5: expected a whole number"),
        (lambda: layer_table(nn.ReLU(), (3, -2, 4)), r"input_size\[1\]=-2: expected"),
    ],
)
def test_bad_numbers_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Outside(nn.Module):
    """Multiplies by a matrix in forward(), or holds a parameter that no layer has."""

    def __init__(self, multiplies):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.multiplies = multiplies
        if not multiplies:
            self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.layer(x) @ torch.ones(4, 4, device=x.device) if self.multiplies else x


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 5)), (3, 4, 4), "layer '0' can't take what it's given"),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(8, 4, 1)), (3, 4, 4), "layer '1' can't take"),
        (nn.Sequential(nn.ConvTranspose2d(3, 4, 2)), (3, 4, 4), "layer '0' is a ConvTranspose2d"),
        (nn.Sequential(nn.PReLU()), (3, 4, 4), "layer '0' is a PReLU: only convolutions"),
        (Outside(multiplies=True), (4,), "16 MACs and the whole network 32: .* outside its layers"),
        (Outside(multiplies=False), (4,), "parameter 'scale' belongs to no layer that was run"),
    ],
)
def test_what_cannot_be_counted_is_named_and_never_zero(model, size, message):
    with pytest.raises(ValueError, match=message):
        layer_table(model, size)
