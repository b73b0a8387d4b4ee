"""One family of figures: title, task, picture, controls; letters and lines that can be seen."""

import pytest
from browsing import LETTERS, on_a_projector

from resnet_helpers.figures import FIGURES, DegradationExplorer, TrainingReplay

LEAST = {390: 12, 1366: 13}  # pixels of a letter's size as it is shown, by the window's width
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
ORDER = """() => [...document.querySelector(".rh-figure").querySelectorAll(
        ".rh-title, .rh-task, .rh-stage, canvas, .rh-network, input, select, button, .rh-share")]
    .filter((part) => part.checkVisibility())
    .map((part) => part.closest(".rh-share") ? "share" : part.className.split(" ")[0] === "rh-title"
        ? "title" : part.className === "rh-task" ? "task"
        : part.matches("input, select, button") ? "control" : "picture")"""
# The contrast with the paper of each line that is more than a grid, and of each word of a picture.
CONTRASTS = """() => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    function light(colour, opacity, ground) {
        pen.globalAlpha = 1;
        pen.fillStyle = ground;
        pen.fillRect(0, 0, 1, 1);
        pen.globalAlpha = opacity;
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const parts = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((byte) => byte / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    }
    const paper = getComputedStyle(document.querySelector(".rh-figure")).backgroundColor;
    const all = document.querySelectorAll(".rh-stage :is(polyline, line, path, rect, text)");
    return [...all].flatMap((one) => {
        const style = getComputedStyle(one);
        const colour = one.matches("text") ? style.fill : style.stroke;
        if (one.matches(".rh-grid") || colour === "none" || colour === paper) return [];
        const two = [light(colour, style.opacity, paper), light(paper, 1, paper)];
        return [[one.tagName, colour, (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05)]];
    });
}"""


@pytest.fixture(scope="module", params=FIGURES, ids=lambda figure: figure.name)
def figure(request):
    """Made once for all tests, which leave it as it is: some compute much at their start."""
    return request.param()


@pytest.mark.parametrize("width", LEAST)
def test_each_letter_is_large_enough_to_be_read(show_figure, figure, width):
    page = show_figure(figure, width=width)
    page.evaluate(UNFOLD)
    seen = page.evaluate(LETTERS)
    assert len(seen) > 20
    assert [one for one in seen if one[1] < LEAST[width]] == []


def test_it_says_what_it_asks_then_comes_the_picture_then_the_controls(show_figure, figure):
    order = show_figure(figure).evaluate(ORDER)
    assert order[:3] == ["title", "task", "picture"]
    assert "control" in order and order[-1] == "share"


def test_a_row_of_choices_is_one_line_forty_pixels_high(show_figure, figure):
    page = show_figure(figure, width=390)
    for row in page.locator(".rh-segments:visible").all():
        if not row.locator("canvas").count():
            box = row.bounding_box()
            assert box["height"] == 40 and box["x"] + box["width"] <= 390 - 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_and_words_of_the_pictures_stand_out(show_figure, figure, scheme):
    page = show_figure(figure, scheme=scheme)
    seen = page.evaluate(CONTRASTS)
    assert len(seen) > 3
    assert [one for one in seen if one[2] < (4.5 if one[0] == "text" else 3)] == []


def test_on_a_projector_it_fits_a_slide_and_the_last_row_can_read_it(show_figure, figure):
    page = show_figure(figure, width=1280)
    on_a_projector(page)
    whole, seen = page.locator(".rh-figure"), page.evaluate(LETTERS)
    assert whole.evaluate("box => [box.scrollWidth, box.scrollHeight]") == [1184, 600]
    assert min(size for _, size in seen) >= 18
    assert not page.locator(".rh-share").is_visible() and not page.locator(".rh-task").is_visible()


def test_on_a_scaled_slide_a_pen_draws_where_the_pointer_is(show_figure):
    page = show_figure(DegradationExplorer(), width=1280)
    on_a_projector(page, scale=1.5)
    box = page.locator(".rh-stage svg").bounding_box()
    start = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    end = box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"]
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    ring = page.locator("circle[r='8']").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    pass_, point = (box["width"] / 1800 * 24, 12)  # at most half a pass, and half of one per cent
    assert abs(x - end[0]) < pass_ and abs(y - end[1]) < point
    page.mouse.up()


def test_on_a_scaled_slide_a_click_chooses_the_epoch_under_it(show_figure):
    page = show_figure(TrainingReplay(), width=1280)
    on_a_projector(page, scale=1.5)
    tick = page.locator(".rh-axes").nth(1).get_by_text("9", exact=True).bounding_box()
    page.mouse.click(tick["x"] + tick["width"] / 2, tick["y"] - 60)
    assert page.get_by_label("epoch").get_attribute("aria-valuetext") == "9\u00a0of\u00a012"
