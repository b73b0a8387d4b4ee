"""What analysis measures is what autograd and closed forms say, and the model stays as it was."""

import math

import pytest
import torch
from torch import nn

from resnet_helpers.analysis import (
    block_jacobian,
    gradient_correlation,
    gradient_norms,
    layer_variances,
    without_batch_norm,
)
from resnet_helpers.blocks import BasicBlock, PlainBlock
from resnet_helpers.networks import cifar_plain, cifar_resnet


def state_of(model):
    """All that a measurement must not change: numbers, gradients, modes and hooks."""
    return (
        {name: tensor.clone() for name, tensor in model.state_dict().items()},
        [p.grad for p in model.parameters()],
        [m.training for m in model.modules()],
        [(len(m._forward_hooks), len(m._backward_hooks)) for m in model.modules()],
    )


def assert_as_it_was(model, before):
    numbers, *rest = state_of(model)
    assert rest == list(before[1:])
    for name, tensor in numbers.items():
        assert torch.equal(tensor, before[0][name]), name


MEASUREMENTS = {
    "gradient_norms": lambda model, x: gradient_norms(
        model, nn.functional.cross_entropy, x, torch.arange(len(x))
    ),
    "layer_variances": layer_variances,
    "gradient_correlation": lambda model, x: gradient_correlation(model, x, 0.1),
    "without_batch_norm": lambda model, x: without_batch_norm(model)(x),
    "block_jacobian": lambda model, x: block_jacobian(model, x[0]),
}


@pytest.mark.parametrize("measure", MEASUREMENTS.values(), ids=MEASUREMENTS)
@pytest.mark.parametrize("training", [True, False])
def test_a_measurement_leaves_the_model_as_it_was(measure, training):
    torch.manual_seed(0)
    model = cifar_resnet(8, 2).train(training)
    before = state_of(model)
    measure(model, torch.randn(4, 3, 8, 8))
    assert_as_it_was(model, before)


@pytest.mark.parametrize("measure", MEASUREMENTS.values(), ids=MEASUREMENTS)
def test_a_measurement_that_fails_leaves_the_model_as_it_was(measure):
    model = cifar_resnet(8, 2)
    before = state_of(model)
    with pytest.raises(ValueError, match=r"expected \(N, 3, H, W\)"):
        measure(model, torch.randn(4, 2, 8, 8))
    assert_as_it_was(model, before)


def test_gradient_norms_are_autograds_own():
    torch.manual_seed(0)
    model = cifar_resnet(8, 4).eval()
    images, labels = torch.randn(6, 3, 8, 8), torch.arange(6)
    norms = gradient_norms(model, nn.functional.cross_entropy, images, labels)
    nn.functional.cross_entropy(model.train()(images), labels).backward()
    convolutions = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    assert list(norms) == list(convolutions)
    for name, convolution in convolutions.items():
        assert norms[name] == pytest.approx(convolution.weight.grad.norm().item(), rel=1e-5)


def test_layer_variances_are_those_of_the_batch_norm_that_follows():
    torch.manual_seed(0)
    model = cifar_plain(8, 4)
    images = torch.randn(6, 3, 8, 8)
    variances = layer_variances(model, images)
    assert list(variances) == [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    # At the start γ = 1 and β = 0: each channel has variance 1, short of it by ε alone.
    assert all(v == pytest.approx(1, abs=1e-3) for v in variances.values())
    model.conv2_x[0].residual_function[4].weight.data.fill_(3)
    changed = layer_variances(model, images)
    assert changed["conv2_x.0.residual_function.3"] == pytest.approx(9, rel=1e-3)


def test_layer_variances_without_batch_norm_are_those_of_the_convolution():
    torch.manual_seed(0)
    model = without_batch_norm(cifar_plain(8, 4))
    images = torch.randn(6, 3, 8, 8)
    expected = model.conv1[0](images).var(correction=0).item()
    assert layer_variances(model, images)["conv1.0"] == pytest.approx(expected, rel=1e-6)


def test_without_batch_norm_there_is_none_and_all_else_is_the_same():
    model = cifar_resnet(8, 4).eval()
    bare = without_batch_norm(model)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in bare.modules())
    for name, parameter in bare.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name))
    # Fresh batch norms in evaluation mode divide by √(1 + ε) alone.
    x = torch.randn(2, 3, 8, 8)
    assert torch.allclose(bare(x), model(x), rtol=1e-3, atol=1e-5)


def test_the_jacobian_is_that_of_finite_differences():
    torch.manual_seed(0)
    block = PlainBlock(2, 3, stride=2).double().eval()
    x = torch.rand(2, 4, 4, dtype=torch.float64)
    jacobian = block_jacobian(block, x)
    assert jacobian.shape == (3 * 2 * 2, 2 * 4 * 4)
    for i in range(x.numel()):
        nudge = torch.zeros(x.numel(), dtype=torch.float64)
        nudge[i] = 1e-6
        nudge = nudge.reshape(x.shape)
        with torch.no_grad():
            slope = (block((x + nudge)[None]) - block((x - nudge)[None])).flatten() / 2e-6
        assert torch.allclose(jacobian[:, i], slope, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_jacobian_of_a_residual_block_at_zero_gamma_is_the_identity(training):
    torch.manual_seed(0)
    block = BasicBlock(3, 3).train(training)
    nn.init.zeros_(block.residual_function[-1].weight)
    jacobian = block_jacobian(block, torch.rand(3, 5, 5) + 0.1)
    assert (jacobian - torch.eye(75)).abs().max() <= 1e-6


def test_a_jacobian_is_of_one_input():
    with pytest.raises(ValueError, match=r"shape \(1, 3, 5, 5\): expected one input \(C, H, W\)"):
        block_jacobian(BasicBlock(3, 3), torch.rand(1, 3, 5, 5))


def test_gradients_of_a_linear_network_are_all_alike():
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10))
    correlation = gradient_correlation(linear, torch.randn(5, 3, 8, 8), 0.5)
    assert correlation == pytest.approx(1, abs=1e-5)


def test_gradients_of_unrelated_kinks_are_unlike():
    """Far away, a wide ReLU layer's kinks are half open, whatever they were: the cosine is 1/2."""
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 20_000), nn.ReLU(), nn.Linear(20_000, 1))
    images = torch.randn(8, 3, 8, 8)
    near = gradient_correlation(wide, images, 0.01)
    far = gradient_correlation(wide, images, 100)
    assert near > 0.98
    # The two half-spaces are independent once the angle is a right one: P(both open) / P(open).
    assert far == pytest.approx(0.5, abs=0.05)


def test_the_step_is_a_share_of_each_images_length():
    moved = {}

    class Spy(nn.Module):
        def forward(self, x):
            moved["pairs"] = x.detach()
            return x.flatten(1)

    images = torch.randn(4, 3, 8, 8) * torch.tensor([1.0, 2.0, 5.0, 9.0])[:, None, None, None]
    gradient_correlation(Spy(), images, 0.25, torch.Generator().manual_seed(1))
    here, there = moved["pairs"].flatten(1).chunk(2)
    assert torch.equal(here, images.flatten(1))
    assert torch.allclose((there - here).norm(dim=1), 0.25 * here.norm(dim=1), rtol=1e-5)
    assert not math.isclose((there - here)[0, 0].item(), 0)


def test_the_generator_alone_decides_the_directions():
    model, images = cifar_resnet(8, 2), torch.randn(4, 3, 8, 8)
    first, again, other = (
        gradient_correlation(model, images, 0.5, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_gradient_is_that_of_the_first_logit():
    class LinearAndNot(nn.Module):
        def forward(self, x):
            flat = x.flatten(1)
            return torch.stack([flat.sum(1), 9 * flat.pow(3).sum(1)], dim=1)

    correlation = gradient_correlation(LinearAndNot(), torch.randn(4, 3, 8, 8), 1)
    assert correlation == pytest.approx(1, abs=1e-6)
