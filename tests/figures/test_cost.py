"""The cost calculator: its numbers are the package's, by mouse, by keyboard, by link."""

import random

import pytest

from resnet_helpers.figures.cost import CostCalculator

CHOICES = {
    "height": (7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224),
    "width": (7, 8, 14, 16, 28, 32, 56, 64, 112, 128, 224),
    "c_in": (3, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048),
    "c_out": (3, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048),
    "kernel": (1, 3, 5, 7, 11),
    "stride": (1, 2),
    "groups": (1, 2, 4, 8, 16, 32),
    "bottleneck": (3, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048),
    "expand": (True, False),
    "unit": ("macs", "parameters"),
}


def table(page):
    rows = page.locator(".rh-table tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def expected(figure):
    routes = zip(("directly", "through a bottleneck"), figure.routes(), strict=True)
    return [
        [route, x.words, f"{x.height}×{x.width}", f"{x.parameters:,}", f"{x.macs:,}"]
        for route, layers in routes
        for x in layers
    ]


def test_the_lectures_example_has_the_numbers_of_facts():
    direct, through = CostCalculator().routes()
    assert direct[0].macs == 160_563_200
    assert [layer.macs for layer in through] == [3_211_264, 40_140_800]


@pytest.mark.parametrize("seed", range(20))
def test_twenty_random_settings_show_pythons_numbers(show_figure, seed):
    rng = random.Random(seed)
    figure = CostCalculator(**{name: rng.choice(values) for name, values in CHOICES.items()})
    page = show_figure(figure)
    assert table(page) == expected(figure)
    totals = [sum(getattr(layer, figure.unit) for layer in layers) for layers in figure.routes()]
    said = page.locator(".rh-readout").inner_text()
    assert all(f"{total:,}" in said for total in totals)


def test_a_slider_moves_by_arrow_keys_and_the_numbers_follow(show_figure):
    figure = CostCalculator()
    page = show_figure(figure)
    page.get_by_label("kernel k").focus()
    page.keyboard.press("ArrowLeft")
    figure.kernel = 3
    assert table(page) == expected(figure)


def test_a_slider_moves_by_mouse_and_the_numbers_follow(show_figure):
    figure = CostCalculator()
    page = show_figure(figure)
    box = page.get_by_label("channels in").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    figure.c_in = 2048
    assert table(page) == expected(figure)


def test_an_example_sets_all_sliders(show_figure):
    page = show_figure(CostCalculator())
    page.get_by_role("button", name="ResNet-50").click()
    figure = CostCalculator(
        height=14, width=14, c_in=1024, c_out=1024, kernel=3, bottleneck=256, expand=True
    )
    assert table(page) == expected(figure)


def test_a_link_carries_the_state(show_figure):
    page = show_figure(CostCalculator())
    page.get_by_label("channels out").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Link to this state").click()
    link = page.evaluate("location.hash.slice(1)")
    page = show_figure(CostCalculator(), link=link)
    assert table(page) == expected(CostCalculator(c_out=96))


def test_a_link_with_nonsense_is_ignored(show_figure):
    page = show_figure(CostCalculator(), link="figure-cost?kernel=%7Bbroken&nothing=1")
    assert table(page) == expected(CostCalculator())


def test_the_window_moves_only_when_asked(show_figure):
    page = show_figure(CostCalculator(), reduced_motion="reduce")
    assert page.get_by_role("button", name="Move the window").is_visible()
