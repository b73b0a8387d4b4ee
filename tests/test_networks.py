"""The networks, against torchvision's and against the integers of the paper (FACTS)."""

import facts
import pytest
import torch
import torchvision
from torch import nn

from resnet_helpers import networks
from resnet_helpers.blocks import BasicBlock, BottleNeck, PlainBlock
from resnet_helpers.networks import (
    ResNet,
    cifar_plain,
    cifar_resnet,
    count_parameters,
    from_torchvision,
    plain18,
    plain34,
)


def build(depth, **options):
    return getattr(networks, f"resnet{depth}")(**options)


@pytest.mark.parametrize("depth", networks.TABLE_1)
def test_with_torchvisions_weights_the_outputs_are_torchvisions(depth):
    torch.manual_seed(depth)
    theirs = getattr(torchvision.models, f"resnet{depth}")(num_classes=10)
    ours = from_torchvision(theirs.state_dict())
    x = torch.randn(4, 3, 64, 64)
    # Training first: it moves the running statistics, which evaluation then uses.
    for training in (True, False):
        with torch.no_grad():
            expected = theirs.train(training)(x)
            given = ours.train(training)(x)
        assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize("depth", networks.TABLE_1)
def test_parameters_are_the_papers(depth):
    with torch.device("meta"):
        thousand, ten = build(depth, num_classes=1000), build(depth)
    assert (count_parameters(thousand), count_parameters(ten)) == facts.PARAMETERS[depth]


@pytest.mark.parametrize(("depth", "plain"), [(18, plain18), (34, plain34)])
def test_plain_twins_have_the_parameters_of_no_projection(depth, plain):
    with torch.device("meta"):
        twin = plain(1000)
    assert count_parameters(twin) == facts.PARAMETERS_WITHOUT_PROJECTIONS[depth]


@pytest.mark.parametrize("depth", [depth for depth in facts.CIFAR_PARAMETERS if depth < 1000])
def test_cifar_family_has_the_exact_parameters_plain_and_residual(depth):
    with torch.device("meta"):
        assert count_parameters(cifar_resnet(depth)) == facts.CIFAR_PARAMETERS[depth]
        assert count_parameters(cifar_plain(depth)) == facts.CIFAR_PARAMETERS[depth]


@pytest.mark.parametrize("family", [cifar_resnet, cifar_plain])
def test_each_six_layers_more_add_the_same_up_to_1202(family):
    with torch.device("meta"):
        eight, fourteen = (count_parameters(family(depth)) for depth in (8, 14))
    each = fourteen - eight
    assert eight + each * (1202 - 8) / 6 == facts.CIFAR_PARAMETERS[1202]


def test_only_what_can_be_trained_is_counted():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    assert count_parameters(model) == 4 * 2 + 2


@pytest.mark.parametrize("depth", [8, 20, 56])
@pytest.mark.parametrize("family", [cifar_resnet, cifar_plain])
def test_cifar_depth_counts_convolutions_and_the_linear_layer(depth, family):
    layers = [m for m in family(depth).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


def test_cifar_widths_double_from_stage_to_stage():
    x = torch.zeros(1, 3, 32, 32)
    net = cifar_resnet(8, width=5).eval()
    shapes = []
    for stage in (net.conv1, net.conv2_x, net.conv3_x, net.conv4_x):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(5, 32, 32), (5, 32, 32), (10, 16, 16), (20, 8, 8)]


def test_the_notes_call_gives_the_notes_output():
    with torch.device("meta"):
        output = networks.resnet50()(torch.empty(3, 3, 224, 224))
    assert output.shape == torch.Size([3, 10])


def test_stages_have_the_papers_names():
    names = [name for name, _ in ResNet(BasicBlock, [1, 1, 1, 1]).named_children()]
    stages = ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    assert names == [*stages, "avg_pool", "fc"]


def test_initialisation_has_variance_two_over_fan_out():
    torch.manual_seed(0)
    net = networks.resnet18()
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            # Five standard errors of the std of n normal numbers, σ/√(2n).
            margin = 5 / (2 * module.weight.numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=margin), (
                name
            )
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and (module.bias == 0).all(), name
    assert net.fc.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert (net.fc.bias == 0).all()


def test_without_init_weights_pytorchs_defaults_stay():
    torch.manual_seed(0)
    default = nn.Conv2d(3, 64, 7, bias=False).weight
    torch.manual_seed(0)
    assert torch.equal(ResNet(BasicBlock, [1] * 4, init_weights=False).conv1[0].weight, default)


@pytest.mark.parametrize("block", [BasicBlock, BottleNeck])
def test_zero_gamma_block_is_identity_at_start(block):
    net = ResNet(block, [2, 2, 2, 2], zero_gamma=True)
    x = torch.rand(2, 64 * block.expansion, 5, 5)
    assert torch.equal(net.conv2_x[1](x), x)


def test_zero_gamma_starts_every_cifar_block_at_zero():
    net = cifar_resnet(14, zero_gamma=True)
    last_norms = [m.residual_function[-1] for m in net.modules() if hasattr(m, "shortcut")]
    assert len(last_norms) == 6
    assert all((norm.weight == 0).all() for norm in last_norms)


def test_gradients_reach_every_parameter():
    net = cifar_resnet(14, width=4)
    net(torch.randn(2, 3, 16, 16)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.resnet18(num_classes=0), "num_classes=0: expected a whole number"),
        (lambda: cifar_resnet(20, num_classes=0), "num_classes=0: expected a whole number"),
        (lambda: cifar_resnet(21), "depth=21: .* nearest are 20 and 26"),
        (lambda: cifar_plain(2), "depth=2: the CIFAR family has depths 6n\\+2: 8, 14"),
        (lambda: cifar_resnet(20.0), "depth=20.0: the CIFAR family"),
        (lambda: cifar_resnet(20, width=0), "width=0: expected a whole number"),
        (lambda: ResNet(BasicBlock, [2, 2, 2]), r"num_block=\[2, 2, 2\]: expected four"),
        (lambda: ResNet(BasicBlock, [2, 2, 0, 2]), "expected four whole numbers of at least 1"),
        (lambda: ResNet(PlainBlock, [1] * 4, zero_gamma=True), "plain block output zero"),
        (lambda: cifar_resnet(20, init_weights=False, zero_gamma=True), "leave init_weights=True"),
        (
            lambda: networks.resnet18(init_weights=False, zero_gamma=True),
            "leave init_weights=True",
        ),
    ],
)
def test_bad_arguments_are_named_with_the_way_out(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("build", [networks.resnet18, lambda: cifar_resnet(8)])
def test_a_batch_of_the_wrong_shape_or_type_is_named(build):
    net = build()
    with pytest.raises(ValueError, match=r"\(3, 32, 32\): expected \(N, 3, H, W\)"):
        net(torch.zeros(3, 32, 32))
    with pytest.raises(ValueError, match=r"\(2, 1, 32, 32\): expected"):
        net(torch.zeros(2, 1, 32, 32))
    with pytest.raises(TypeError, match=r"torch.uint8: expected floats; .*transforms.normalize"):
        net(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))


def test_weights_of_another_network_are_refused():
    wide = torchvision.models.wide_resnet50_2(num_classes=10).state_dict()
    with pytest.raises(ValueError, match="not ResNet-50's: expected the state_dict of torchvision"):
        from_torchvision(wide)
    with pytest.raises(ValueError, match=r"no ResNet of table 1 has \[0, 0, 0, 0\] blocks"):
        from_torchvision(nn.Linear(2, 2).state_dict())


def test_loaded_weights_are_a_copy_and_can_be_trained():
    theirs = torchvision.models.resnet18(num_classes=3)
    ours = from_torchvision(theirs.state_dict())
    before = theirs.fc.weight.detach().clone()
    ours(torch.randn(2, 3, 32, 32)).sum().backward()
    with torch.no_grad():
        ours.fc.weight += 1
    assert ours.fc.weight.grad is not None
    assert torch.equal(theirs.fc.weight, before)


@pytest.mark.parametrize("depth", [18, 50])
def test_the_d_variant_differs_in_the_stem_and_in_the_averages(depth):
    net = networks.build_network(f"resnet{depth}d", num_classes=1000)
    # Three 3×3 convolutions to 32, 32 and 64 channels in place of one 7×7 to 64.
    stem = 9 * (3 * 32 + 32 * 32 + 32 * 64) + 2 * (32 + 32 + 64)
    parameters = facts.PARAMETERS[depth][0]
    assert count_parameters(net) == parameters - (49 * 3 * 64 + 2 * 64) + stem
    averages = [module for module in net.modules() if isinstance(module, nn.AvgPool2d)]
    assert len(averages) == 3  # conv3_x, conv4_x and conv5_x begin with a stride
    strided = [
        module
        for module in net.modules()
        if isinstance(module, nn.Conv2d)
        and module.kernel_size == (1, 1)
        and module.stride != (1, 1)
    ]
    assert strided == []
    assert net.eval()(torch.randn(2, 3, 50, 33)).shape == (2, 1000)
    for size in (32, 33):
        assert net.conv1(torch.randn(1, 3, size, size)).shape[-1] == 8 + size % 2
