"""Where things stand on a page: in the column, in the margin, in their frames, on a phone."""

import re

import pytest
from browsing import opened
from contents import CHAPTERS
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PAGE = CHAPTERS[5]


@pytest.fixture(scope="module")
def chapter_with_tables(book, browser):
    """A page with formulas and tables."""
    with opened(browser, book.as_uri(), f"{CHAPTERS[3]}.html") as page:
        yield page


def show_answers(page):
    page.get_by_label("Show what comes out only after").uncheck()


def is_wider_than_its_box(element):
    return element.evaluate("(e) => e.scrollWidth > e.clientWidth")


def test_goals_and_captions_stand_in_the_margin_where_there_is_one(page):
    show_answers(page)
    for width in (1366, 1920):
        page.set_viewport_size({"width": width, "height": 768})
        page.evaluate("scrollTo(0, 0)")
        goals = page.get_by_text("You will be able to").bounding_box()
        text = page.locator("section section > p").first.bounding_box()
        assert goals["x"] > text["x"] + text["width"] and goals["y"] < 420
        for group in page.locator(".beside").all():
            caption, cell = (
                group.locator(kind).bounding_box() for kind in ("p.caption", ".cell_output")
            )
            assert caption["x"] == pytest.approx(goals["x"], abs=1)
            assert caption["y"] < cell["y"] + cell["height"] / 2
    page.set_viewport_size({"width": 1100, "height": 768})
    assert not page.get_by_text("You will be able to").is_visible()
    page.locator("details.start > summary").click()
    assert page.get_by_text("You will be able to").is_visible()


def test_on_a_phone_long_code_is_folded_and_cut_lines_fade(page):
    page.set_viewport_size({"width": 390, "height": 900})
    code = page.locator(".highlight.long > pre").locator("visible=true").first.element_handle()
    more = page.locator(".highlight.long > button.more").locator("visible=true").first
    lines = len(code.inner_text().rstrip().split("\n"))
    assert more.inner_text() == f"{lines - 10} more lines"
    folded = code.bounding_box()["height"]
    size = code.evaluate("(e) => getComputedStyle(e).fontSize")
    assert folded < 10.8 * 21 + 12 and size == "13px"
    more.click()
    assert code.evaluate("(e) => e.scrollHeight - e.clientHeight") <= 1
    fades = page.evaluate(
        """() => [...document.querySelectorAll(".cell pre")].filter((e) => e.checkVisibility())
            .map((e) => [e.scrollWidth > e.clientWidth + 2,
                getComputedStyle(e).maskImage !== "none"])"""
    )
    assert {wide for wide, _ in fades} == {True, False}
    assert all(wide == fading for wide, fading in fades)
    # At its end nothing goes on.
    cut = page.locator("pre.goes-on").locator("visible=true").first.element_handle()
    cut.evaluate("(e) => { e.scrollLeft = e.scrollWidth; }")
    page.wait_for_timeout(200)
    assert cut.evaluate("(e) => getComputedStyle(e).maskImage") == "none"
    page.set_viewport_size({"width": 820, "height": 900})
    assert page.locator("button.more").locator("visible=true").count() == 0


def test_on_a_phone_a_formula_or_figure_that_is_cut_fades_and_can_be_reached(chapter_with_tables):
    page = chapter_with_tables
    page.set_viewport_size({"width": 390, "height": 900})
    show_answers(page)
    page.wait_for_timeout(200)
    for kind in ("div.math", ".diagram", ".plot"):
        boxes = page.evaluate(
            """(kind) => [...document.querySelectorAll(kind)].filter((e) => e.checkVisibility())
                .map((e) => [e.scrollWidth > e.clientWidth + 2, e.tabIndex === 0,
                    getComputedStyle(e).maskImage !== "none"])""",
            kind,
        )
        assert any(wide for wide, *_ in boxes), kind
        assert all(wide == reached == fades for wide, reached, fades in boxes), kind


def test_on_a_tablet_text_stands_in_the_middle_and_figures_with_it(page):
    show_answers(page)
    page.set_viewport_size({"width": 820, "height": 1180})
    kinds = "section > p, section > details, section > .cell, .plot > svg, .prev-next-area"
    for kind in kinds.split(", "):
        box = page.locator(f"article {kind}, .bd-content {kind}").first.bounding_box()
        assert box["x"] == pytest.approx(820 - box["x"] - box["width"], abs=2), kind


def test_numbers_recorded_behind_the_words_of_an_answer_wait_with_them(book, browser):
    with opened(browser, book.as_uri(), f"{CHAPTERS[7]}.html") as page:
        numbers = page.get_by_text("seed 0: plain, median rise")
        assert not numbers.is_visible()
        page.get_by_text("Only look").first.click()
        assert numbers.is_visible()


def test_an_exercise_stands_in_a_frame_with_one_of_its_folds_open_at_a_time(book, browser):
    with opened(browser, book.as_uri(), f"{CHAPTERS[2]}.html") as page:
        exercise = page.locator("section.exercise").first
        assert exercise.get_by_role("heading").inner_text().lower().startswith("exercise 3.1")
        assert "15 minutes" in exercise.locator(".difficulty").inner_text()
        folds = exercise.locator(".hints > details")
        names = [fold.locator("summary").inner_text() for fold in folds.all()]
        assert names == ["Hint 1", "Hint 2", "Solution"]
        tops = [fold.bounding_box()["y"] for fold in folds.all()]
        assert len(set(tops)) == 1
        cell = exercise.locator(".cell").bounding_box()
        assert cell["y"] + cell["height"] < tops[0]
        for fold in folds.all():
            fold.locator("summary").click()
            assert exercise.locator("details[open]").count() == 1
        frame = exercise.bounding_box()
        for part in exercise.locator("> *").all():
            box = part.bounding_box()
            assert box["x"] >= frame["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]


def test_every_chapters_exercises_are_framed_and_what_follows_the_last_isnt(book):
    for name in CHAPTERS:
        page = (book / f"{name}.html").read_text()
        frames = page.count('class="exercise"')
        assert frames == len(re.findall("<summary>Solution", page)) >= 3
        last = page.rsplit('class="exercise"', 1)[1].split("</section>")[0]
        assert "<strong>In words.</strong>" not in last


def test_on_a_phone_printed_tables_keep_their_columns_and_sentences_wrap(chapter_with_tables):
    page = chapter_with_tables
    page.set_viewport_size({"width": 390, "height": 900})
    show_answers(page)
    page.wait_for_timeout(200)
    table = page.locator(".columns pre", has_text="pictures a class")
    assert len(table.inner_text().strip().split("\n")) == 4
    assert table.bounding_box()["height"] < 5 * 21 + 24 and is_wider_than_its_box(table)
    sentences = page.locator(".sentences:not(.columns) pre").locator("visible=true").all()
    assert sentences and not any(is_wider_than_its_box(each) for each in sentences)


def test_numbers_in_tables_stand_at_the_right_edge_under_their_heads(chapter_with_tables):
    page = chapter_with_tables
    table = page.locator("table:has(th:text-is('take it if'))")
    aligned = [
        [cell.evaluate("(e) => getComputedStyle(e).textAlign") for cell in row.locator("> *").all()]
        for row in table.locator("tr").all()
    ]
    for row in aligned:
        assert row[1:4] == ["right"] * 3 and row[4] != "right"


def test_the_rail_and_the_phones_bar_tell_where_one_reads(page):
    page.set_viewport_size({"width": 390, "height": 900})
    bar = page.locator(".where")
    page.evaluate("scrollTo(0, 0)")
    expect(bar).to_have_text("6 Training")
    page.locator("#five-functions").evaluate("(e) => e.scrollIntoView()")
    page.wait_for_function("document.querySelector('.where').textContent.includes('Five')")
    assert page.locator(".sections a.here").text_content() == "Five functions"


def test_remarks_say_under_their_label_what_the_notes_say(book):
    page = (book / f"{PAGE}.html").read_text()
    remarks = re.findall(r'<details class="remark[^"]*"[^>]*>\s*<summary>(.*?)</summary>', page)
    assert len(remarks) > 4
    for remark in remarks:
        assert remark.startswith('<span class="label">In the lecture notes') and len(remark) > 90
