"""One family of figures: title, task, picture, controls; letters and lines that can be seen."""

import pytest

from resnet_helpers.figures import FIGURES

LEAST = {390: 12, 1366: 13}  # pixels of a letter's size as it is shown, by the window's width
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
# Each text that is seen, with the size of its letters as they are shown, and of what it is part.
LETTERS = """() => {
    const seen = [];
    const walker = document.createTreeWalker(
        document.querySelector(".rh-figure"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const { parentElement: element, textContent: words } = walker.currentNode;
        if (!words.trim() || !element.checkVisibility()) continue;
        const scale = element.getScreenCTM
            ? Math.hypot(element.getScreenCTM().a, element.getScreenCTM().b)
            : element.offsetWidth ? element.getBoundingClientRect().width / element.offsetWidth : 1;
        // A turned word's box is as wide as its letters are high.
        const turned = getComputedStyle(element).rotate !== "none";
        const size = parseFloat(getComputedStyle(element).fontSize) * (turned ? 1 : scale);
        seen.push([words, Math.round(10 * size) / 10]);
    }
    return seen;
}"""
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
    return [...document.querySelectorAll(".rh-stage :is(polyline, line, path, rect, text)")].flatMap((one) => {
        const style = getComputedStyle(one);
        const colour = one.matches("text") ? style.fill : style.stroke;
        if (one.matches(".rh-grid") || colour === "none" || colour === paper) return [];
        const two = [light(colour, style.opacity, paper), light(paper, 1, paper)].sort();
        return [[one.tagName, colour, (two[1] + 0.05) / (two[0] + 0.05)]];
    });
}"""


@pytest.fixture(params=FIGURES, ids=lambda figure: figure.name)
def figure(request):
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
