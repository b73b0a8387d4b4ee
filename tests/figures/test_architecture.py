"""The architecture explorer: its numbers are the networks', by mouse, by keyboard, by link."""

import pytest
import torch
from browsing import follow, link_to, random_figures, resize
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from resnet_helpers.figures.architecture import (
    QUANTITIES,
    SIZES,
    ArchitectureExplorer,
    blocks,
    receptive_fields,
)
from resnet_helpers.networks import TABLE_1, ResNet

# The paper's and torchvision's numbers, for 1000 classes at 224×224 (stride in the 3×3).
PARAMETERS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}
BILLION_MACS = {18: 1.814, 34: 3.664, 50: 4.089, 101: 7.801, 152: 11.514}
SENTENCE = "ResNet-{} to {}: {} of parameters, {} of MACs; receptive field {} px{}."


def place(block):
    if block.stage == "conv1":
        return "conv1 and max pool"
    if block.stage == "fc":
        return "average pool and fc"
    return f"{block.stage}, block {block.number} of {block.count}"


def details(depth, block):
    shortcut = "projection" if block.projection else "identity"
    return [
        place(block),
        "×".join(map(str, block.shape)),
        f"{block.parameters:,}",
        f"{block.macs:,}",
        shortcut if block.stage.endswith("_x") else "none",
        str(block.layers),
        f"{block.depth} of {depth}",
        f"{block.parameters_so_far:,}",
        f"{block.macs_so_far:,}",
        f"{block.field}×{block.field} px",
    ]


def selected(figure, side):
    """The block that is shown of the network on a side."""
    along = blocks(getattr(figure, side), figure.size)
    return along[min(getattr(figure, f"{side}_block"), len(along) - 1)]


def expected(figure):
    """The columns of the table."""
    sides = [side for side in ("left", "right") if getattr(figure, side)]
    return [details(getattr(figure, side), selected(figure, side)) for side in sides]


def sentence(figure, side):
    """What the readout says of a side."""
    depth, block = getattr(figure, side), selected(figure, side)
    last = blocks(depth, figure.size)[-1]
    shares = (
        f"{100 * block.parameters_so_far / last.parameters_so_far:.1f}\u00a0%",
        f"{100 * block.macs_so_far / last.macs_so_far:.1f}\u00a0%",
    )
    wider = ", wider than the image" if block.field > figure.size else ""
    return SENTENCE.format(depth, place(block), *shares, block.field, wider)


def shown(page):
    cells = page.locator(".rh-figure tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    )
    return [list(column) for column in zip(*cells, strict=True)]


def slider(page, side):
    return page.get_by_label(f"{side} block")


def cell(page, side, index):
    return page.locator(f'[data-side="{side}"] [data-index="{index}"]')


def pixel_wide(depth):
    """The network with one channel and kernels of one positive number: only reach is left."""

    def thin(module):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d):
                kernel, stride, padding = child.kernel_size, child.stride, child.padding
                conv = nn.Conv2d(1, 1, kernel, stride, padding, bias=False, dtype=torch.float64)
                nn.init.constant_(conv.weight, 1 / kernel[0])
                setattr(module, name, conv)
            elif isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(3, 2, 1))  # its gradient goes everywhere
            else:
                thin(child)

    with torch.device("meta"):
        model = ResNet(*TABLE_1[depth], init_weights=False)
    thin(model)
    return model


def reach(output, x):
    """From the first to the last pixel of x that changes output."""
    (gradient,) = torch.autograd.grad(output, x, retain_graph=True)
    touched = gradient.flatten().nonzero()
    return int(touched.max() - touched.min() + 1)


@pytest.mark.parametrize("depth", TABLE_1)
def test_all_parameters_and_macs_are_the_papers(depth):
    last = blocks(depth, 224)[-1]
    assert last.parameters_so_far == PARAMETERS[depth]
    assert round(last.macs_so_far / 1e9, 3) == BILLION_MACS[depth]
    assert last.depth == depth


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", TABLE_1)
def test_every_block_is_torchvisions(depth, size):
    with torch.device("meta"):
        theirs = getattr(models, f"resnet{depth}")()
        x = torch.empty(1, 3, size, size)
    stem = nn.Sequential(theirs.conv1, theirs.bn1, theirs.relu, theirs.maxpool)
    head = nn.Sequential(theirs.avgpool, nn.Flatten(), theirs.fc)
    stages = [theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4]
    parts = [stem, *(block for stage in stages for block in stage), head]
    for part, block in zip(parts, blocks(depth, size), strict=True):
        with FlopCounterMode(display=False) as counter:
            x = part(x)
        assert block.shape == tuple(x.shape[1:])
        assert block.macs == counter.get_total_flops() // 2
        assert block.parameters == sum(p.numel() for p in part.parameters())
        assert block.projection == (getattr(part, "downsample", None) is not None)


@pytest.mark.parametrize("depth", TABLE_1)
def test_blocks_are_numbered_within_their_stage_as_in_table_1(depth):
    stages = [f"conv{i}_x" for i in (2, 3, 4, 5)]
    counts = zip(stages, TABLE_1[depth][1], strict=True)
    middle = [(stage, i + 1, count) for stage, count in counts for i in range(count)]
    found = [(block.stage, block.number, block.count) for block in blocks(depth, 224)]
    assert found == [("conv1", 1, 1), *middle, ("fc", 1, 1)]


def test_a_receptive_field_of_three_layers_by_hand():
    assert receptive_fields([(7, 2), (3, 2), (3, 1)]) == [7, 7 + 2 * 2, 11 + 2 * 4]


@pytest.mark.parametrize("depth", TABLE_1)
def test_receptive_fields_are_the_pixels_that_change_an_output(depth):
    x = torch.ones(1, 1, 1, 2048, dtype=torch.float64, requires_grad=True)
    model = pixel_wide(depth)
    y = model.conv1(x)
    found = [reach(y[..., y.shape[-1] // 2], x)]
    for stage in (model.conv2_x, model.conv3_x, model.conv4_x, model.conv5_x):
        for block in stage:
            y = block(y)
            found.append(reach(y[..., y.shape[-1] // 2], x))
    for size in SIZES:
        side = blocks(depth, size)[-2].shape[-1]
        start = (y.shape[-1] - side) // 2
        averaged = y[..., start : start + side].mean()
        assert [block.field for block in blocks(depth, size)] == [*found, reach(averaged, x)]


def test_the_still_pictures_text_has_the_networks_numbers():
    for depth in (18, 50, 152):
        last = blocks(depth, 224)[-1]
        assert f"{last.parameters_so_far / 1e6:.1f}" in ArchitectureExplorer.alt
        assert f"{last.macs_so_far / 1e9:.1f}" in ArchitectureExplorer.alt


def test_twenty_random_settings_show_pythons_numbers(show_figure):
    page = show_figure(ArchitectureExplorer())
    for figure in random_figures(ArchitectureExplorer):
        follow(page, link_to(figure))
        assert shown(page) == expected(figure)
        sides = [side for side in ("left", "right") if getattr(figure, side)]
        said = page.locator(".rh-readout").inner_text()
        assert all(sentence(figure, side) in said for side in sides)


def test_arrow_keys_walk_from_the_first_block_to_the_last(show_figure):
    page = show_figure(ArchitectureExplorer())
    for depth in TABLE_1:
        follow(page, link_to(ArchitectureExplorer(right=depth, size=96)))
        along = blocks(depth, 96)
        slider(page, "right").press("Home")
        for i, block in enumerate(along):
            assert shown(page)[1] == details(depth, block)
            spoken = slider(page, "right").get_attribute("aria-valuetext")
            assert spoken == f"{i + 1} of {len(along)}"
            page.keyboard.press("ArrowRight")
        assert shown(page)[1] == details(depth, along[-1])
        page.keyboard.press("ArrowLeft")
        assert shown(page)[1] == details(depth, along[-2])
        page.keyboard.press("End")
        assert shown(page)[1] == details(depth, along[-1])


def test_a_network_that_is_not_there_has_no_slider(show_figure):
    page = show_figure(ArchitectureExplorer(right=0))
    assert slider(page, "left").is_visible()
    assert not slider(page, "right").is_visible()


def test_a_click_selects_a_block(show_figure):
    page = show_figure(ArchitectureExplorer())
    cell(page, "right", 14).click()
    assert shown(page) == expected(ArchitectureExplorer(right_block=14))


def test_arrow_keys_go_on_from_a_click(show_figure):
    page = show_figure(ArchitectureExplorer())
    cell(page, "right", 14).click()
    page.keyboard.press("ArrowRight")
    assert shown(page) == expected(ArchitectureExplorer(right_block=15))


def test_a_tap_selects_a_block_of_resnet_152_on_a_phone(show_figure):
    page = show_figure(ArchitectureExplorer(right=152), width=340, has_touch=True)
    cell(page, "right", 40).tap()
    assert shown(page)[1] == details(152, blocks(152, 224)[40])


def test_another_network_keeps_the_place_in_its_stage(show_figure):
    page = show_figure(ArchitectureExplorer(left_block=12))
    page.get_by_role("group", name="left").get_by_label("101").check()
    assert shown(page)[0][0] == "conv4_x, block 5 of 23"
    page.get_by_role("group", name="left").get_by_label("18").check()
    assert shown(page)[0][0] == "conv4_x, block 2 of 2"
    page.get_by_role("group", name="right").get_by_label("none").check()
    assert shown(page) == [details(18, blocks(18, 224)[6])]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_marks_stand_where_the_axes_say(show_figure, quantity):
    figure = ArchitectureExplorer(left=18, right=152, right_block=30, quantity=quantity)
    chart = show_figure(figure).locator(".rh-stage")

    def value(attribute, anchor, pixel):
        """Between the first ticks of an axis, and beyond."""
        ticks = chart.locator(f'.rh-axes text[text-anchor="{anchor}"]').all()[:2]
        (a, x), (b, y) = [(float(t.inner_html()), float(t.get_attribute(attribute))) for t in ticks]
        return a + (b - a) * (pixel - x) / (y - x)

    column, unit = {
        "parameters": ("parameters_so_far", 1e6),
        "macs": ("macs_so_far", 1e9),
        "field": ("field", 1),
    }[quantity]
    for side, mark in (("left", "circle"), ("right", "rect")):
        centre = chart.locator(mark).last.evaluate(
            "mark => { const {x, y, width, height} = mark.getBBox();"
            " return [x + width / 2, y + height / 2]; }"
        )
        block = selected(figure, side)
        assert value("x", "middle", centre[0]) == pytest.approx(block.depth)
        assert value("y", "end", centre[1]) == pytest.approx(getattr(block, column) / unit)


def test_a_block_that_a_network_lacks_is_its_last(show_figure):
    figure = ArchitectureExplorer(left=18, left_block=51, right=152, right_block=51)
    assert selected(figure, "left") == blocks(18, 224)[-1]
    assert shown(show_figure(figure)) == expected(figure)


def test_nothing_is_cut(show_figure):
    page = show_figure(ArchitectureExplorer(left=101, right=152, quantity="field"))
    outside = """[...document.querySelectorAll('svg, .rh-networks')].flatMap((picture) => {
        const frame = picture.getBoundingClientRect();
        return [...picture.querySelectorAll('text, [data-index]')].filter((part) => {
            const box = part.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
        }).map((part) => part.textContent);
    })"""
    for width in (320, 360, 900):
        resize(page, width)
        assert page.evaluate(outside) == []


def test_a_stage_stands_beside_the_same_stage(show_figure):
    page = show_figure(ArchitectureExplorer(left=18, right=152))
    for left, right in ((0, 0), (7, 48), (9, 51)):  # conv1, conv5_x, pool and fc
        boxes = cell(page, "left", left).bounding_box(), cell(page, "right", right).bounding_box()
        assert boxes[0]["y"] == boxes[1]["y"]
