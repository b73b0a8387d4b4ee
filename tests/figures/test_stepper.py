"""The block stepper: its steps are those of the real blocks, by mouse, by keyboard, by link."""

import itertools

import pytest
import torch
from browsing import LETTERS, follow, link_to, on_a_projector, random_figures, resize
from torch.utils.flop_counter import FlopCounterMode

from resnet_helpers.arithmetic import conv_macs, layer_table
from resnet_helpers.blocks import BasicBlock, BottleNeck
from resnet_helpers.figures.stepper import BlockStepper, Step
from resnet_helpers.networks import resnet18, resnet50

BLOCKS = {"basic": BasicBlock, "bottleneck": BottleNeck}
# What the readout says at each step, up to the last one.
WALK = """(slider) => [...Array(Number(slider.max) + 1).keys()].map((step) => {
    slider.value = step;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    return document.querySelector(".rh-readout").innerText;
})"""
# Of the picture and of each text in it.
PLACES = """() => {
  const place = (e) => { const {left, right, top, bottom} = e.getBoundingClientRect();
    return {left, right, top, bottom, text: e.textContent}; };
  const stage = document.querySelector(".rh-stage");
  return [place(stage), ...[...stage.querySelectorAll("text")].map(place)];
}"""
# For Python alone: channels that keep the shape and that don't, an odd side, both strides.
SETTINGS = [
    dict(zip(("kind", "in_channels", "out_channels", "stride", "size"), values, strict=True))
    for values in itertools.product(("basic", "bottleneck"), (16, 64), (16, 64), (1, 2), (7, 28))
]


def real(setting):
    """The block of a setting and an input for it, without numbers."""
    with torch.device("meta"):
        block = BLOCKS[setting["kind"]](
            setting["in_channels"], setting["out_channels"], setting["stride"]
        )
        x = torch.empty(1, setting["in_channels"], setting["size"], setting["size"])
    return block, x.requires_grad_()


def by_hand(block, x):
    """Run a block layer by layer; return the tensors on its main path, and its output."""
    path = [x]
    for layer in block.residual_function:
        path.append(layer(path[-1]))
    return path, block.relu(path[-1] + block.shortcut(x))


def steps_of(figure):
    """The steps in the figure's direction.

    The way back goes along F and the shortcut at once: a projection shares its step with the
    layer of F beside it. A convolution does its MACs twice on that way, once for the gradient
    in its input and once for the gradient in its weights.
    """
    first, *layers, shortcut, addition, relu = steps = figure.steps()
    if figure.direction == "forward":
        return steps
    shapes = [first.shape, *(layer.shape for layer in layers)]
    through = []
    for i, (layer, shape) in enumerate(zip(layers, shapes, strict=False)):
        words, parameters, macs = layer.words, layer.parameters, layer.macs
        if i == len(layers) // 2 and shortcut.words != "identity":
            words += ", and the projection"
            parameters += shortcut.parameters
            macs += shortcut.macs
        through.append(Step(words, shape, parameters, 2 * macs))
    start, end = Step("gradient in y", relu.shape), Step("gradient in x", first.shape)
    return [start, relu, addition, *reversed(through), end]


def shape_text(shape):
    return "×".join(map(str, shape))


def said(page):
    text = page.locator(".rh-readout").inner_text()
    return text.replace("\u2060", "").split("\n")  # without the joiner inside F′(x)


def expected(figure):
    """The first and the last line of the readout at each step."""
    steps = steps_of(figure)
    parameters, macs = [step.parameters for step in steps], [step.macs for step in steps]
    back = "" if figure.direction == "forward" else " back"
    return [
        (
            f"Step {i} of {len(steps) - 1}: {step.words} ({shape_text(step.shape)})",
            f"Here {step.parameters:,} parameters, {step.macs:,} MACs; so far "
            f"{sum(parameters[: i + 1]):,} of {sum(parameters):,} parameters, "
            f"{sum(macs[: i + 1]):,} of {sum(macs):,} MACs{back}.",
        )
        for i, step in enumerate(steps)
    ]


def shows(page, figure, i):
    first, *_, last = said(page)
    assert (first, last) == expected(figure)[i]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_forward_the_shapes_and_parameters_are_those_of_the_real_layers(setting):
    block, x = real(setting)
    path, y = by_hand(block, x)
    start, *layers, shortcut, addition, relu = BlockStepper(**setting).steps()
    assert [step.shape for step in (start, *layers)] == [tuple(t.shape[1:]) for t in path]
    assert shortcut.shape == addition.shape == relu.shape == tuple(y.shape[1:])
    assert [step.parameters for step in layers] == [
        sum(p.numel() for p in layer.parameters()) for layer in block.residual_function
    ]
    assert shortcut.parameters == sum(p.numel() for p in block.shortcut.parameters())


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_macs_are_pytorchs_both_ways(setting):
    block, x = real(setting)
    with FlopCounterMode(display=False) as forward:
        y = block(x)
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    for direction, counter in (("forward", forward), ("backward", backward)):
        steps = steps_of(BlockStepper(**setting, direction=direction))
        assert sum(step.macs for step in steps) == counter.get_total_flops() // 2
        assert sum(step.parameters for step in steps) == sum(p.numel() for p in block.parameters())


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_on_the_way_back_each_gradient_has_its_tensors_shape(setting):
    block, x = real(setting)
    path, y = by_hand(block, x)
    arrives, relu, addition, *layers, last = steps_of(BlockStepper(**setting, direction="backward"))
    assert arrives.shape == relu.shape == addition.shape == tuple(y.shape[1:])
    assert [step.shape for step in layers] == [tuple(t.shape[1:]) for t in path[-2::-1]]
    assert last.shape == tuple(x.shape[1:])


def test_a_bottlenecks_middle_convolution_has_the_macs_of_the_formula():
    steps = BlockStepper(kind="bottleneck", in_channels=256, out_channels=128, stride=2).steps()
    middle = next(step for step in steps if step.words == "3×3 convolution, stride 2")
    assert middle.macs == conv_macs(128, 128, 3, 56, stride=2, padding=1)


def test_a_batch_norm_passes_the_gradient_back_by_the_formula_shown(show_figure):
    # Step 3 on the way back is F's last batch norm.
    page = show_figure(BlockStepper(direction="backward", step=3))
    assert "γ/σ · (gradient − its mean − x̂ · mean of gradient · x̂)" in said(page)[1]
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    norm = torch.nn.BatchNorm2d(3).double()
    torch.nn.init.uniform_(norm.weight)
    norm(x).backward(gradient)

    def mean(numbers):
        return numbers.mean((0, 2, 3), keepdim=True)

    sigma = (mean((x - mean(x)) ** 2) + norm.eps).sqrt()
    normalised = (x - mean(x)) / sigma
    by_formula = (
        norm.weight[:, None, None]
        / sigma
        * (gradient - mean(gradient) - normalised * mean(gradient * normalised))
    )
    assert torch.allclose(x.grad, by_formula)


def test_twenty_random_settings_show_pythons_numbers_at_each_step(show_figure):
    page = show_figure(BlockStepper())
    for figure in random_figures(BlockStepper):
        follow(page, link_to(figure))
        seen = page.get_by_label("step", exact=True).evaluate(WALK)
        lines = [text.split("\n") for text in seen]
        assert [(first, last) for first, *_, last in lines] == expected(figure)
        drawn = page.locator(".rh-stage text").all_text_contents()
        draws_all(figure, drawn)


def draws_all(figure, drawn):
    """At the end the picture has the shapes of all edges and the numbers of all layers."""
    steps = steps_of(figure)
    projects = figure.steps()[-3].words != "identity"
    layers = steps[1:-3] if figure.direction == "forward" else steps[3:-1]
    shapes = {text.split(",  ")[0] for text in drawn}  # a gradient's name may follow
    assert {shape_text(step.shape) for step in steps} <= shapes
    assert ("projection:" in drawn, "identity" in drawn) == (projects, not projects)
    for step in layers:
        if "projection" not in step.words:
            assert not step.parameters or f"{step.parameters:,} par." in drawn
            assert not step.macs or f"{step.macs:,} MACs" in drawn


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_shortcut_is_a_projection_exactly_where_the_blocks_is(setting):
    *_, shortcut, _, _ = BlockStepper(**setting).steps()
    projects = len(real(setting)[0].shortcut) > 0
    assert shortcut.words.startswith("projection: " if projects else "identity")


@pytest.mark.parametrize(
    ("block", "drawn"),
    [
        (("basic", 64, 64, 1), "identity"),
        (("basic", 64, 64, 2), "projection:"),
        (("basic", 64, 128, 1), "projection:"),
        (("bottleneck", 256, 64, 1), "identity"),
        (("bottleneck", 64, 64, 1), "projection:"),
        (("bottleneck", 256, 64, 2), "projection:"),
    ],
)
def test_the_picture_has_an_identity_only_where_the_shape_stays(show_figure, block, drawn):
    names = ("kind", "in_channels", "out_channels", "stride")
    page = show_figure(BlockStepper(**dict(zip(names, block, strict=True))))
    texts = page.locator(".rh-stage text").all_text_contents()
    assert [text for text in texts if text in ("identity", "projection:")] == [drawn]


@pytest.mark.parametrize(("in_channels", "words"), [(64, "g · 1, unchanged"), (32, "g · P′(x)")])
def test_the_readout_says_whether_the_shortcut_leaves_the_gradient_unchanged(
    show_figure, in_channels, words
):
    page = show_figure(BlockStepper(in_channels=in_channels, direction="backward", step=6))
    assert words in said(page)[1]
    assert ("unchanged" in said(page)[1]) == (in_channels == 64)


def test_the_step_slider_moves_by_mouse(show_figure):
    page = show_figure(BlockStepper())
    box = page.get_by_label("step", exact=True).bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    shows(page, BlockStepper(), 8)


def test_next_and_back_move_by_one_step_and_stop_at_the_ends(show_figure):
    page = show_figure(BlockStepper(step=7))
    forth, back = (page.get_by_role("button", name=name, exact=True) for name in ("Next", "Back"))
    forth.click()
    shows(page, BlockStepper(), 8)
    page.keyboard.press("Enter")  # the focus is still there
    shows(page, BlockStepper(), 8)
    for _ in range(10):
        back.press("Enter")
    shows(page, BlockStepper(), 0)
    page.get_by_role("button", name="Link to this state").click()
    assert "&step=0&" in page.evaluate("location.hash")  # and no step before the first


def test_a_shorter_block_ends_at_its_own_last_step(show_figure):
    page = show_figure(BlockStepper(kind="bottleneck", step=11))
    page.get_by_label("basic").check()
    shows(page, BlockStepper(), 8)


def test_the_way_back_begins_at_the_output(show_figure):
    page = show_figure(BlockStepper(step=5))
    page.get_by_label("backward").check()
    shows(page, BlockStepper(direction="backward"), 0)


@pytest.mark.parametrize(
    ("example", "network", "stage"),
    [
        ("ResNet-18, conv2_1", resnet18, "conv2_x"),
        ("ResNet-18, conv3_1", resnet18, "conv3_x"),
        ("ResNet-50, conv2_1", resnet50, "conv2_x"),
        ("ResNet-50, conv3_1", resnet50, "conv3_x"),
    ],
)
def test_an_example_is_the_networks_block(show_figure, example, network, stage):
    with torch.device("meta"):
        block = getattr(network(init_weights=False), stage)[0]
    convolution = block.residual_function[0]
    table = layer_table(block, (convolution.in_channels, 56, 56))
    page = show_figure(BlockStepper())
    page.get_by_label("start from").select_option(label=example)
    page.get_by_label("step", exact=True).press("End")
    assert f"so far {table.parameters:,} of" in said(page)[-1]
    assert f"parameters, {table.macs:,} of" in said(page)[-1]


@pytest.mark.parametrize(
    ("kind", "direction"),
    [("bottleneck", "forward"), ("bottleneck", "backward"), ("basic", "backward")],
)
def test_nothing_is_cut_and_nothing_overlaps(show_figure, kind, direction):
    # The longest words and numbers that the controls allow, at the end of the way.
    figure = BlockStepper(
        kind=kind, in_channels=2048, out_channels=512, stride=2, direction=direction, step=11
    )
    page = show_figure(figure)
    for width in (320, 360, 390, 497, 720, 772):
        resize(page, width)
        stands_apart(page)
    on_a_projector(page)
    stands_apart(page)
    assert min(size for _, size in page.evaluate(LETTERS)) >= 18


def stands_apart(page):
    frame, *texts = page.evaluate(PLACES)
    for text in texts:
        assert frame["left"] <= text["left"] and text["right"] <= frame["right"] + 0.5, text
        assert frame["top"] <= text["top"] and text["bottom"] <= frame["bottom"] + 0.5, text
    for a, b in itertools.combinations(texts, 2):
        apart = a["right"] <= b["left"] or b["right"] <= a["left"]
        # Lines stand so close that the boxes of their letters may touch.
        touch = (a["bottom"] - a["top"]) / 8
        assert apart or a["bottom"] <= b["top"] + touch or b["bottom"] <= a["top"] + touch, (a, b)
