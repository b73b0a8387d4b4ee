"""The diagrams: well-formed, described, to scale, and in the page's own colours."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
import torch
from torchvision import models

from resnet_helpers._pictures import img
from resnet_helpers.blocks import BottleNeck
from resnet_helpers.classroom import diagrams
from resnet_helpers.networks import TABLE_1

SVG = "{http://www.w3.org/2000/svg}"
DRAW = {
    "residual_block": diagrams.residual_block,
    "plain_and_residual": diagrams.plain_and_residual,
    "basic_and_bottleneck": diagrams.basic_and_bottleneck,
    "two_networks": diagrams.two_networks,
    "deepest": lambda: diagrams.two_networks((34, 152)),
    "construction": diagrams.construction,
}


def parts(drawing, tag, kind=""):
    root = ET.fromstring(drawing.svg())
    return [e for e in root.iter(SVG + tag) if kind in e.get("class", "").split() or not kind]


def words(drawing):
    return [text.text for text in parts(drawing, "text")]


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_a_diagram_describes_itself_and_names_nothing_that_a_second_one_could_name(draw):
    drawing = draw()
    root = ET.fromstring(drawing.svg())
    assert root.get("role") == "img" and len(root.get("aria-label")) > 100
    assert not [e for e in root.iter() if e.get("id")]
    data, metadata = drawing._repr_mimebundle_()
    assert data["image/svg+xml"] == drawing.svg()
    assert metadata["image/svg+xml"]["alt"] == drawing.alt
    assert data["text/html"] == img(drawing.svg().encode(), "image/svg+xml", drawing.alt)


@pytest.mark.browser
def test_all_words_stand_inside_and_on_no_other_word(browser):
    page = browser.new_page()
    for drawing in (draw() for draw in DRAW.values()):
        page.set_content(drawing.svg())
        boxes = page.evaluate(
            "[...document.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()])"
            ".map(([w, b]) => [w, b.x, b.y, b.x + b.width, b.y + b.height])"
        )
        for word, left, top, right, bottom in boxes:
            assert left >= 0 and right <= drawing.width, word
            assert top >= 0 and bottom <= drawing.height, word
        for (word, *a), (other, *b) in itertools.combinations(boxes, 2):
            beside = a[2] <= b[0] or b[2] <= a[0]
            above = a[3] <= b[1] + 4 or b[3] <= a[1] + 4
            assert beside or above, f"{word} on {other}"
    page.close()


@pytest.mark.parametrize("depth", TABLE_1)
def test_a_network_has_a_box_for_each_block_dark_where_torchvision_projects(depth):
    drawing = diagrams.two_networks((depth,))
    drawn = ["dg-pale" not in box.get("class") for box in parts(drawing, "rect", "dg-residual")]
    with torch.device("meta"):
        reference = getattr(models, f"resnet{depth}")()
    stages = (reference.layer1, reference.layer2, reference.layer3, reference.layer4)
    assert drawn == [block.downsample is not None for stage in stages for block in stage]


@pytest.mark.parametrize("depth", TABLE_1)
def test_boxes_of_a_network_are_to_scale(depth):
    block, _ = TABLE_1[depth]
    drawing = diagrams.two_networks((depth,))
    boxes = parts(drawing, "rect", "dg-residual")
    first, last = boxes[0], boxes[-1]
    # Channels grow eightfold from conv2_x to conv5_x, and the map shrinks from 56×56 to 7×7.
    assert float(last.get("width")) / float(first.get("width")) == pytest.approx(8**0.5, rel=1e-3)
    assert float(first.get("height")) / float(last.get("height")) == pytest.approx(8**0.5, rel=1e-3)
    channels = 2048 if block is BottleNeck else 512
    assert f"{channels} channels" in words(drawing)


def test_the_bottleneck_is_the_papers():
    layers = [word for word in words(diagrams.basic_and_bottleneck()) if re.match(r"\d×\d, ", word)]
    assert layers == ["3×3, 64", "3×3, 64", "1×1, 64", "3×3, 64", "1×1, 256"]


def test_only_the_residual_block_has_a_shortcut():
    drawing = diagrams.plain_and_residual()
    assert len(parts(drawing, "polyline", "dg-shortcut")) == 1
    assert words(drawing).count("+") == 1
    assert words(drawing).count("3×3 conv") == 4


def test_the_construction_counts_two_layers_for_each_identity():
    drawing = diagrams.construction()
    identities = parts(drawing, "rect", "dg-pale")
    assert len(identities) == 18
    assert f"{8 + 2 * len(identities)} layers" in words(drawing)
