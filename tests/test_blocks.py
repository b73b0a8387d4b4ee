"""The blocks, against torchvision's and against closed forms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import resnet as tv

from resnet_helpers.blocks import (
    BasicBlock,
    BasicBlockA,
    BasicBlockD,
    BottleNeck,
    BottleNeckD,
    PlainBlock,
    ZeroPadding,
    make_shortcut,
)
from resnet_helpers.networks import count_parameters

BLOCKS = [BasicBlock, BasicBlockA, BasicBlockD, BottleNeck, BottleNeckD, PlainBlock]


def test_expansion_is_the_papers():
    assert [block.expansion for block in BLOCKS] == [1, 1, 1, 4, 4, 1]


@pytest.mark.parametrize("block", [BasicBlock, BottleNeck])
def test_residual_function_and_shortcut_have_the_notes_names(block):
    names = {name for name, _ in block(4, 8, 2).named_children()}
    assert names == {"residual_function", "shortcut", "relu"}


@settings(deadline=None)
@given(
    block=st.sampled_from(BLOCKS),
    in_channels=st.integers(1, 6),
    more=st.integers(0, 6),
    stride=st.integers(1, 3),
    size=st.integers(1, 9),
)
def test_output_has_the_channels_and_the_size_that_the_docstring_promises(
    block, in_channels, more, stride, size
):
    out_channels = in_channels + more
    x = torch.zeros(2, in_channels, size, size + 1)
    y = block(in_channels, out_channels, stride).eval()(x)
    expected = (2, out_channels * block.expansion, -(-size // stride), -(-(size + 1) // stride))
    assert y.shape == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "channels"),
    [(BasicBlock, tv.BasicBlock, 8), (BottleNeck, tv.Bottleneck, 32)],
)
def test_a_block_that_keeps_its_shape_has_torchvisions_parameters_and_no_projection(
    ours, theirs, channels
):
    block = ours(channels, 8)
    assert count_parameters(block) == count_parameters(theirs(channels, 8))
    assert len(block.shortcut) == 0


@pytest.mark.parametrize(("block", "wide"), [(BasicBlock, 16), (BottleNeck, 64)])
def test_a_projection_appears_where_the_shape_changes(block, wide):
    projection, norm = block(8, 16, stride=2).shortcut
    assert (projection.kernel_size, projection.stride, projection.bias) == ((1, 1), (2, 2), None)
    assert (projection.in_channels, projection.out_channels) == (8, wide)
    assert isinstance(norm, nn.BatchNorm2d)


def test_bottleneck_has_its_stride_in_the_3x3():
    strides = {
        layer.kernel_size: layer.stride
        for layer in BottleNeck(8, 4, stride=2).residual_function
        if isinstance(layer, nn.Conv2d)
    }
    assert strides == {(1, 1): (1, 1), (3, 3): (2, 2)}


def test_bottleneck_256_64_64_256_has_the_papers_weights():
    weights = [p.numel() for p in BottleNeck(256, 64).parameters() if p.ndim == 4]
    assert weights == [16_384, 36_864, 16_384]


def test_option_a_pads_with_zeros_and_has_no_parameter():
    x = torch.rand(2, 3, 5, 5)
    shortcut = make_shortcut(3, 6, 2, "A")
    y = shortcut(x)
    assert count_parameters(shortcut) == 0
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()


def test_option_c_projects_even_where_the_shape_stays():
    assert count_parameters(make_shortcut(4, 4, 1, "C")) == 4 * 4 + 2 * 4
    assert count_parameters(make_shortcut(4, 4, 1, "B")) == 0


def test_plain_block_is_the_residual_block_without_its_shortcut():
    torch.manual_seed(0)
    residual = BasicBlock(4, 4).eval()
    plain = PlainBlock(4, 4).eval()
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(plain(x), torch.relu(residual.residual_function(x)))
    assert torch.equal(residual(x), torch.relu(residual.residual_function(x) + x))


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [((4, 8, 0), "stride=0"), ((4, 0, 1), "out_channels=0"), ((-1, 8, 1), "in_channels=-1")],
)
def test_a_size_below_one_is_named(block, arguments, named):
    with pytest.raises(ValueError, match=f"{named}: expected a whole number of at least 1"):
        block(*arguments)


def test_an_unknown_option_is_named():
    with pytest.raises(ValueError, match="option 'E': choose 'A', 'B', 'C' or 'D'"):
        make_shortcut(4, 8, 2, "E")


def test_option_a_says_that_it_cannot_remove_channels():
    with pytest.raises(ValueError, match="8 to 4 channels needs a projection"):
        ZeroPadding(8, 4, 1)


def test_option_d_averages_four_pixels_where_option_b_takes_one():
    b, d = (make_shortcut(4, 6, 2, option) for option in "BD")
    d[1].load_state_dict(b[0].state_dict())
    x = torch.randn(2, 4, 6, 8)
    averaged = x.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    expected = torch.einsum("oi,nihw->nohw", b[0].weight[:, :, 0, 0], averaged)
    assert torch.allclose(d[:2](x), expected, atol=1e-6)
    assert count_parameters(b) == count_parameters(d)


def test_without_a_stride_option_d_is_option_b():
    assert [type(part) for part in make_shortcut(4, 6, 1, "D")] == [nn.Conv2d, nn.BatchNorm2d]
    assert len(make_shortcut(4, 4, 1, "D")) == 0
