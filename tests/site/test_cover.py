"""The cover: a reader draws a curve, by hand, touch, keys or a number, and sees what happened."""

import json
import re

import pytest
from browsing import barriers, opened
from contents import CHAPTERS, PAGES, ROOT

from resnet_helpers.experiments import load_recording, runs_of

pytestmark = pytest.mark.browser
LONG = "degradation-cifar10-long"
PAGE = PAGES[0]
CURVES = """() => document.querySelectorAll(".draw polyline").length"""
NAMES = """() => [...document.querySelectorAll(".draw text[font-weight]")]
    .map((text) => text.textContent.replace("\\u202f", " "))"""


def last_error(*key):
    """The mean training error after the last epoch, in %, to one decimal."""
    runs = runs_of(load_recording(LONG), *key)
    return round(100 * sum(run["history"][-1]["train_error"] for run in runs) / len(runs), 1)


def see(page):
    """Press what comes next, and return what the figure then says."""
    page.locator(".draw .row button:not([hidden])").first.click()
    return page.locator(".draw figcaption").inner_text().replace("\u202f", " ")


def drag(page, mouse, to):
    """Draw from the ring to a height at the right edge."""
    box = page.locator(".draw svg").bounding_box()
    right = box["x"] + box["width"] - 118
    mouse.move(box["x"] + 34, box["y"] + 55)
    mouse.down()
    for share in (0.2, 0.5, 1):
        mouse.move(box["x"] + 34 + share * (right - box["x"] - 34), box["y"] + 55 + share * to)
    mouse.up()


def test_who_draws_sees_what_happened_and_then_what_one_plus_does(book, browser):
    with opened(browser, book.as_uri(), f"{PAGE}.html") as page:
        show = page.get_by_role("button", name="Show what happened")
        assert show.is_disabled()
        assert page.evaluate(NAMES) == ["start here", f"20: {last_error('plain', 20)} %"]
        drag(page, page.mouse, 150)
        mine = page.locator(".draw input").input_value()
        assert 20 < int(mine) < 40
        plain, residual = last_error("plain", 56), last_error("residual", 56)
        assert f"56 layers end at {plain} %. You drew {mine} %." in see(page)
        assert f"{plain / last_error('plain', 20):.1f} times" in page.inner_text(".draw")
        assert page.evaluate("document.activeElement.className") == "plus"
        assert f"with one + in each block: {residual} %." in see(page)
        names = page.evaluate(NAMES)
        assert f"56: {plain} %" in names and f"56 with +: {residual} %" in names
        assert barriers(page) == []
        page.get_by_role("button", name="Draw again").click()
        assert page.evaluate(NAMES) == ["start here", f"20: {last_error('plain', 20)} %"]


def test_the_cover_can_be_drawn_by_keys_and_by_a_number(book, browser):
    with opened(browser, book.as_uri(), f"{PAGE}.html") as page:
        slider = page.get_by_role("slider", name="Your curve of the training error")
        slider.focus()
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext").endswith("not drawn yet")
        page.keyboard.press("PageDown")
        page.keyboard.press("ArrowUp")
        assert slider.get_attribute("aria-valuetext") == "after epoch 30: 79 per cent"
        page.locator(".draw input").fill("12")
        assert slider.get_attribute("aria-valuenow") == "12"
        page.keyboard.press("Enter")
        assert "You drew 12" in page.inner_text(".draw figcaption")


def test_the_cover_can_be_drawn_by_a_finger(book, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{book.as_uri()}/{PAGE}.html")
    page.locator(".draw svg").scroll_into_view_if_needed()
    box = page.locator(".draw svg").bounding_box()
    finger = context.new_cdp_session(page)

    def touch(kind, share):
        x, y = box["x"] + 34 + share * (box["width"] - 152), box["y"] + 60 + 60 * share
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0)
    for k in range(1, 21):
        touch("touchMove", k / 20)
    touch("touchEnd", 1)
    assert page.get_by_role("button", name="Show what happened").is_enabled()
    context.close()


def test_without_a_script_the_cover_shows_a_picture_that_says_all(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{book.as_uri()}/{PAGE}.html")
    picture = page.locator(".draw svg")
    assert picture.locator("polyline").count() == 3
    for key in (("plain", 20), ("plain", 56), ("residual", 56)):
        assert f"{last_error(*key)} %" in picture.get_attribute("aria-label")
    assert not page.locator(".draw .row").is_visible()
    context.close()


def test_the_cover_lists_the_chapters_with_their_questions_and_times(page):
    rows = page.locator(".trunk li").all()
    assert len(rows) == len(CHAPTERS)
    for row, name in zip(rows, CHAPTERS, strict=True):
        cells = json.loads((ROOT / f"{name}.ipynb").read_text())["cells"]
        question = "".join(cells[0]["source"]).split("\n\n")[1].replace("*", "")
        words = row.inner_text().replace("’", "'")
        assert question in words
        assert re.search(r"minutes|hour", words)
        assert name in row.locator("a").evaluate("(link) => link.href")
    for door in ("Read", "Run", "Teach"):
        assert page.locator(".doors a", has_text=door).count() == 1


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_drawing_is_on_the_first_screen(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    box = page.locator(".draw").bounding_box()
    assert box["y"] + box["height"] <= height
