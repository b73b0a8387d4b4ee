"""The built pages in a real Chromium whose network is cut.

As files and from a server, at a phone's and at a desk's width, light and dark. Each page is opened
once for all that is asked of it, so each test sets what it needs, and what changes words or places
comes last. Set SCREENSHOTS to a folder, and pictures of each page land in it.
"""

import functools
import os
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import RESPONSE, WIDTHS, barriers, opened, slow_down
from contents import CHAPTERS, PAGES
from looks import all_barriers, barriers_but_colours, barriers_of, mark, pale_words
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
# The chapters come first: pytest asks all of one page before the next, by its place in the list.
EVERY = sorted(PAGES, key=lambda name: name not in CHAPTERS)
each_page = pytest.mark.parametrize("name", EVERY, scope="module")
each_chapter = pytest.mark.parametrize("name", CHAPTERS, scope="module")

LOOK = """() => { const ICONS = ".fa-solid, .fas, .fa-brands, .fab"; return {
    tooWide: document.documentElement.scrollWidth <= document.documentElement.clientWidth ? []
        : [...document.querySelectorAll(".bd-article *")].filter(
            (e) => e.getBoundingClientRect().right > document.documentElement.clientWidth)
            .map((e) => e.outerHTML.slice(0, 200)).slice(0, 3),
    unnamed: [...document.images].filter(i => !i.alt).map(i => i.src),
    broken: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
    twice: [...document.querySelectorAll("[id]")].map(e => e.id)
        .filter((id, k, all) => all.indexOf(id) < k),
    icons: document.querySelectorAll(ICONS).length,
    blank: [...document.querySelectorAll(ICONS)]
        .filter(icon => getComputedStyle(icon).maskImage === "none").map(icon => icon.className),
    formulas: document.querySelectorAll("math").length,
    rawFormulas: [...document.querySelectorAll(".bd-article p, .bd-article li")]
        .filter(p => /\\$[^$\\s][^$]*\\$|\\\\frac|\\\\sum/.test(p.textContent)).length,
}; }"""


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def site(book):
    """The address of a server of the built pages, on this machine."""
    handler = functools.partial(QuietHandler, directory=book)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(book, browser, name):
    """A page from a file, as it is opened and then as the tests before have left it."""
    with opened(browser, book.as_uri(), f"{name}.html") as page:
        yield page


@pytest.fixture(scope="module")
def looks():
    """The looks of words that have been compared with their ground, on whatever page."""
    return set()


@each_page
def test_a_page_is_light(page, name):
    files = {unquote(urlsplit(url).path) for url in page.asked if not url.startswith("data:")}
    assert len(files) > 5
    weight = sum(Path(file).stat().st_size for file in files if "/fonts/" not in file)
    print(f"{name}: {len(files)} files, {weight / 1e6:.2f} MB, not compressed")
    assert 100_000 < weight < 1_500_000


@each_chapter
def test_a_chapters_story_begins_on_the_first_screen(page):
    page.set_viewport_size({"width": 1366, "height": 768})
    # The chapter that failed has a notice, which others haven't.
    top = page.evaluate(
        """() => {
            const notice = document.querySelector(".bd-article .admonition.warning");
            notice?.setAttribute("hidden", "");
            const { top } = document.querySelector("section section p").getBoundingClientRect();
            notice?.removeAttribute("hidden");
            return top;
        }"""
    )
    assert 0 < top <= 420


@each_chapter
def test_a_chapters_code_is_seen_whole(page):
    page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})
    for folds_are_open in (False, True):
        cut = page.evaluate(
            """(open) => {
                const folds = [...document.querySelectorAll("details:not([open])")];
                if (open) folds.forEach((fold) => { fold.open = true; });
                const cut = [...document.querySelectorAll(".cell_input pre")]
                    .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth)
                    .map((code) => code.textContent);
                if (open) folds.forEach((fold) => { fold.open = false; });
                return cut;
            }""",
            folds_are_open,
        )
        assert cut == []


def set_view(page, width, scheme):
    page.set_viewport_size({"width": WIDTHS[width], "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")


@each_page
def test_a_page_works_from_a_file(page, name):
    # Each step changes the width or the theme alone.
    steps = [("phone", "light"), ("phone", "dark"), ("desk", "dark"), ("desk", "light")]
    for width, scheme in steps:
        set_view(page, width, scheme)
        seen = page.evaluate(LOOK)
        if folder := os.environ.get("SCREENSHOTS"):
            target = Path(folder) / f"{name.replace('/', '-')}-{width}-{scheme}.png"
            page.screenshot(path=target, full_page=True, animations="disabled")
        assert seen["tooWide"] == [], (width, scheme)
        assert seen["unnamed"] == [] and seen["broken"] == []
        assert seen["twice"] == []
        assert seen["icons"] > 5 and seen["blank"] == []
        assert seen["rawFormulas"] == 0
        assert seen["formulas"] > 0 or name not in CHAPTERS


@each_page
def test_a_page_keeps_no_reader_out(page, looks):
    set_view(page, "desk", "light")
    looks.update(mark(page, looks))
    assert all_barriers(page) == []
    set_view(page, "desk", "dark")
    assert pale_words(page) == []
    set_view(page, "phone", "light")
    assert barriers_but_colours(page) == []


ANSWERS = """() => [...document.querySelectorAll(".answer")]
    .filter((answer) => answer.offsetParent).length"""
ANSWER = "p.predict:has(~ .cell) + form input[type=text]"


@each_chapter
def test_what_came_out_waits_for_the_readers_answer(page):
    answers = page.locator(".answer").count()
    assert answers > 5 and page.evaluate(ANSWERS) == 0
    page.emulate_media(media="print")
    assert page.evaluate(ANSWERS) == answers
    page.emulate_media(media="screen")
    field = page.locator(ANSWER).first
    field.fill("more than half <b>")
    field.press("Enter")
    shown = page.evaluate(ANSWERS)
    assert 0 < shown < answers
    # Beside what came out, not under the question.
    said = page.locator("p.said:has-text('more than half <b>')")
    assert "answer" in said.evaluate("(said) => said.nextElementSibling.className")
    page.get_by_text("Only look").first.click()
    assert page.evaluate(ANSWERS) > shown
    page.get_by_text("Show what comes out only after").click()
    assert page.evaluate(ANSWERS) == answers


# What stands in the margin, and what it lies on.
OVERLAPS = """() => {
    const box = (e) => e.getBoundingClientRect();
    const inMargin = [...document.querySelectorAll("details.start, .beside > .caption")];
    const blocks = [...document.querySelectorAll(
        "section > p, section > .cell:not(.beside), .beside > .cell_output, .check, "
        + "section > details:not(.start), "
        + ".exercise, .rh-figure, .plot svg, .pst-scrollable-table-container")];
    return inMargin.flatMap((one) => blocks.filter((other) => other.checkVisibility() &&
        box(one).left < box(other).right - 1 && box(other).left < box(one).right - 1 &&
        box(one).top < box(other).bottom - 1 && box(other).top < box(one).bottom - 1)
        .map((other) => one.textContent.slice(0, 30) + " | " + other.outerHTML.slice(0, 60)));
}"""


@each_chapter
def test_what_stands_in_the_margin_lies_on_nothing(page):
    page.get_by_label("Show what comes out only after").uncheck()
    for width in (1200, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OVERLAPS) == [], width
    page.locator("details.set-up > summary").click()
    assert page.evaluate(OVERLAPS) == []


@each_chapter
def test_a_chapters_figures_answer_the_hand(page):
    page.set_viewport_size({"width": WIDTHS["wide"], "height": 900})
    page.get_by_label("Show what comes out only after").uncheck()
    figures = page.locator(".rh-figure").all()
    assert len(figures) >= 1
    for figure in figures:
        before = figure.locator(".rh-readout").inner_text()
        figure.evaluate(RESPONSE)
        assert figure.locator(".rh-readout").inner_text() not in ("", before)


FAULTS = {
    ".highlight .k": "style.color = '#bbb'",
    ".bd-article section section > p": "style.color = '#aaa'",
    ".bd-article h2": "style.color = '#333'",  # which is pale in the dark alone
    ".bd-article .copybtn": "replaceChildren()",
    ".bd-article p.predict": "append(document.createElement('input'))",
}


def test_each_kind_of_barrier_is_found_by_the_look_that_is_to_find_it(book, browser):
    with opened(browser, book.as_uri(), f"{CHAPTERS[6]}.html") as page:
        for selector, fault in FAULTS.items():
            place = page.locator(selector).locator("visible=true").first
            place.evaluate(f"(e) => {{ e.{fault}; e.ariaLabel = null; e.dataset.fault = ''; }}")
        page.evaluate(  # the rest, which has no faults and takes long
            """() => [...document.querySelectorAll("section section")]
                .forEach((section) => section.querySelector("[data-fault]") ?? section.remove())"""
        )

        def found(look):
            tags = {re.search(r": <(\w+)", barrier)[1] for barrier in look(page)}
            return tags & {"span", "p", "h2", "button", "input"}

        assert found(barriers_of) == {"span", "p", "button", "input"}
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert found(pale_words) == {"h2"}
        assert found(barriers_but_colours) == {"button", "input"}


def reload_until_shown(page, answers):
    """Reload until so many answers are seen: a browser writes what it keeps a moment later."""
    for _ in range(20):
        page.wait_for_timeout(200)
        page.reload(wait_until="load")
        if page.evaluate(ANSWERS) == answers:
            return
    pytest.fail(f"{page.evaluate(ANSWERS)} answers are seen after a reload, not {answers}")


def test_what_the_reader_has_said_and_chosen_to_see_stays(book, browser):
    """In one chapter for all: they share the script that keeps it."""
    with opened(browser, book.as_uri(), f"{CHAPTERS[6]}.html") as page:
        answers = page.locator(".answer").count()
        field = page.locator(ANSWER).first
        field.fill("a tenth")
        field.press("Enter")
        shown = page.evaluate(ANSWERS)
        reload_until_shown(page, shown)
        assert page.locator("p.said:has-text('a tenth')").count() == 1
        page.get_by_text("Show what comes out only after").click()
        reload_until_shown(page, answers)
        assert barriers_of(page) == []


@pytest.mark.parametrize("name", [PAGES[0], CHAPTERS[0], "book/api", "search"])
def test_a_page_from_a_server_asks_no_other_place(site, browser, name):
    with opened(browser, site, f"{name}.html") as page:
        assert len(page.asked) > 5


def first_content(browser, address):
    """Milliseconds until a page shows something, on a processor that seems half as fast."""
    page = browser.new_page()
    slow_down(page, 2)
    page.goto(address, wait_until="commit")
    paint = page.wait_for_function(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    ).json_value()
    page.close()
    return paint


def test_the_longest_chapter_shows_something_almost_as_soon_as_the_short_cover(site, book, browser):
    """Both are opened by turns, up to thrice where a neighbour slows one; the best are compared."""
    longest = max(CHAPTERS, key=lambda name: (book / f"{name}.html").stat().st_size)
    addresses = [f"{site}/{name}.html" for name in (PAGES[0], longest)]
    rounds = []
    while len(rounds) < 3:
        rounds.append([first_content(browser, address) for address in addresses])
        cover, chapter = map(min, zip(*rounds, strict=True))
        if chapter < 2.5 * cover:
            return
    pytest.fail(f"first content: cover {cover:.0f} ms, {longest} {chapter:.0f} ms")


def test_search_finds_a_word_from_a_chapter_without_a_network(book, browser):
    with opened(browser, book.as_uri(), "search.html?q=normalisation") as page:
        # What is found comes line by line.
        found = page.locator("#search-results")
        expect(found).to_contain_text("STL10 and normalisation", timeout=10_000)


def test_the_search_button_of_a_chapter_leads_to_what_it_finds(book, browser):
    with opened(browser, book.as_uri(), f"{CHAPTERS[0]}.html") as page:
        page.keyboard.press("Control+k")
        page.wait_for_function("document.activeElement.name === 'q'")
        page.keyboard.type("bottleneck")
        page.keyboard.press("Enter")
        found = page.locator("#search-results")
        expect(found).to_contain_text("1×1 convolutions", timeout=10_000)


def test_on_paper_no_letter_of_the_code_is_cut_and_no_button_is_left(book, browser):
    with opened(browser, book.as_uri(), f"{CHAPTERS[1]}.html") as page:
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 670, "height": 900})  # A4 within its margins
        cut, buttons = page.evaluate(
            """() => [
                [...document.querySelectorAll(".bd-article pre")]
                    .filter((code) => code.scrollWidth > code.clientWidth).length,
                [...document.querySelectorAll(".bd-article img, .copybtn, .prev-next-area")]
                    .filter((e) => e.offsetParent && !/^[A-Z].{40}/.test(e.alt))
                    .map((e) => e.outerHTML),
            ]"""
        )
    assert cut == 0
    assert buttons == []


def test_the_page_for_lost_readers_works_alone(book, browser, tmp_path):
    (tmp_path / "404.html").write_bytes((book / "404.html").read_bytes())
    with opened(browser, tmp_path.as_uri(), "404.html") as page:
        assert "no page at this address" in page.inner_text("body")
        assert barriers(page) == []
