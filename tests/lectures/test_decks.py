"""A deck in a browser without a network: nothing overflows, all is legible, keys and pointers work.

Each talk is loaded once for all that can be asked of one page.
"""

from itertools import pairwise

import pytest
from browsing import LETTERS, barriers
from looks import all_barriers, mark, pale_words

# Whether a part of what is chosen lies elsewhere in the dark: then one theme isn't enough.
MOVES = """(parts) => {
    const { dataset } = document.documentElement;
    const places = () => [...document.querySelectorAll(parts)].map((part) => {
        const { x, y, width, height } = part.getBoundingClientRect();
        return [x, y, width, height].map((n) => n.toFixed(1)).join();
    }).join(" ");
    const light = places();
    dataset.theme = "dark";
    const dark = places();
    dataset.theme = "light";
    return dark !== light;
}"""
# All slides one after the other, every fragment shown: what lies beyond 12 px inside the edge, and
# which letters are smaller than promised (prose 30, code 22, drawings 18).
FAULTS = """async (moves) => {
    const faults = [];
    const next = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    for (let i = 0; i < Reveal.getTotalSlides(); i++) {
        Reveal.slide(i, 0, 99);
        await next();
        const slide = Reveal.getCurrentSlide();
        while (slide.querySelector("iframe:not([data-ready])")) await next();
        const edge = slide.getBoundingClientRect();
        // Asked for each slide: after a new window size the player scales a moment later.
        const { width } = document.querySelector(".slides").getBoundingClientRect();
        const scale = width / 1280;
        if (slide.scrollHeight > slide.clientHeight + 1) faults.push([i + 1, "scrolls"]);
        const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            const words = walker.currentNode.data.trim();
            if (!words || parent.closest("aside, style, iframe")) continue;
            const range = new Range();
            range.selectNodeContents(walker.currentNode);
            const box = range.getBoundingClientRect();
            if (!box.width) continue;
            const inside = [box.left - edge.left, edge.right - box.right, box.top - edge.top,
                edge.bottom - box.bottom].map((n) => n / scale);
            if (Math.min(...inside) < 12) faults.push([i + 1, "beyond the edge", words, inside]);
            const drawn = parent.closest("svg");
            if (parent.closest("math")) continue;
            const matrix = drawn && parent.getScreenCTM();
            const size = parseFloat(getComputedStyle(parent).fontSize)
                * (drawn ? Math.hypot(matrix.a, matrix.b) / scale : 1);
            const least = drawn ? 18 : parent.closest("pre, code") ? 22 : 30;
            if (size < least) faults.push([i + 1, "small", words, size]);
        }
        for (const box of slide.querySelectorAll("svg, img, iframe, pre, math")) {
            const { left, right, top, bottom } = box.getBoundingClientRect();
            const inside = [left - edge.left, edge.right - right, top - edge.top,
                edge.bottom - bottom].map((n) => n / scale);
            if (Math.min(...inside) < 12) faults.push([i + 1, "beyond", box.tagName, inside]);
        }
        if (innerWidth === 1280 && eval(moves)("section.present :not(aside, aside *)")) {
            faults.push([i + 1, "moves in the dark"]);
        }
    }
    return faults;
}"""
HERE = ("file:", "blob:", "data:")  # a blob is the text of a figure's worker
SECTIONS = """[...document.querySelectorAll(".slides > section")].map((section) =>
    [section.classList[0], section.querySelector("h2").outerHTML, section.textContent])"""
ENDED = "Reveal.isLastSlide() && !Reveal.availableFragments().next"
# Of controls of one kind, one is asked for all: what they do with keys, they do alike.
KINDS = """(all) => all.map((one, k) => [one, k])
    .filter(([one]) => one.checkVisibility())
    .map(([one, k]) => [[one.tagName, one.type, one.getAttribute("class")].join(), k])"""
CONTROLS = "button:not(:disabled), input:not(:disabled), [tabindex='0']"


@pytest.fixture(scope="module")
def shown(browser, lectures, talk):
    """A talk's deck, its console, and what it asked for, in a browser that is cut off."""
    problems = []
    context = browser.new_context(offline=True, reduced_motion="reduce")
    page = context.new_page()
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: r.url.startswith(HERE) or problems.append(r.url))
    page.goto(f"{(lectures / talk.number).as_uri()}.html?light")
    page.wait_for_function("Reveal.isReady() && document.fonts.status === 'loaded'")
    yield page
    context.close()
    assert problems == []


def go(page, slide):
    page.evaluate("(number) => Reveal.slide(number - 1)", slide.number)
    page.wait_for_function("(number) => Reveal.getIndices().h === number - 1", arg=slide.number)


def test_pagedown_goes_through_it_to_its_end(shown, talk):
    shown.evaluate("Reveal.slide(0, 0, -1)")
    keys = len(talk.slides) - 1 + shown.locator(".fragment").count()
    for _ in range(keys):
        assert not shown.evaluate(ENDED)
        shown.keyboard.press("PageDown")
    assert shown.evaluate(ENDED)


def live_slides(talk):
    return [slide for slide in talk.slides if "data-src" in slide.html]


def frame_of(page, slide):
    """The page of the figure that stands in a slide."""
    go(page, slide)
    selector = "section.present iframe[data-ready]"
    return page.wait_for_selector(selector).content_frame()


@pytest.mark.parametrize("window", [(1024, 768), (1920, 1080), (1280, 720)], ids=str)
def test_nothing_overflows_and_all_is_legible(shown, window):
    shown.set_viewport_size(dict(zip(("width", "height"), window, strict=True)))
    assert shown.evaluate(FAULTS, MOVES) == []


def test_d_is_for_dark_rooms(shown):
    themes = []
    for _ in range(2):
        shown.keyboard.press("d")
        themes.append(shown.evaluate("document.documentElement.dataset.theme"))
    assert themes == ["dark", "light"]


def test_the_short_hour_has_the_long_hours_slides_but_for_some(browser, shown, lectures, talk):
    """They are the same, so that none has to be looked at twice."""
    page = browser.new_page()
    page.goto(f"{(lectures / talk.number).as_uri()}.html?minutes=45")
    page.wait_for_function("Reveal.isReady()")
    short, whole = (deck.evaluate(SECTIONS) for deck in (page, shown))
    page.close()
    kept = [talk.slides.index(slide) for slide in talk.of(45)]
    assert short == [whole[i] for i in kept] and len(whole) == len(talk.slides) > len(kept)


def test_a_presenters_keys_work_after_a_click_on_each_kind_of_control(shown, talk):
    shown.set_viewport_size({"width": 1280, "height": 720})
    for slide in live_slides(talk):
        controls = frame_of(shown, slide).locator(CONTROLS)
        assert controls.count() > 3
        at = slide.number - 1
        for k in dict(controls.evaluate_all(KINDS)).values():
            frame_of(shown, slide)
            control = controls.nth(k)
            if not control.is_visible() or not control.is_enabled():
                continue
            control.focus()
            control.click(force=True)
            for key in ("ArrowRight", "ArrowDown"):
                shown.keyboard.press(key)
            assert shown.evaluate("Reveal.getIndices().h") == at, "an arrow turned the slide"
            shown.keyboard.press("PageDown")
            shown.wait_for_function("(h) => Reveal.getIndices().h === h", arg=at + 1, timeout=2000)
            shown.keyboard.press("PageUp")
            shown.wait_for_function("(h) => Reveal.getIndices().h === h", arg=at, timeout=2000)


def test_a_live_figure_fills_its_slide_and_all_of_it_is_seen_and_legible(shown, talk):
    shown.set_viewport_size({"width": 1280, "height": 720})
    for slide in live_slides(talk):
        frame = frame_of(shown, slide)
        width, height, outside = frame.evaluate("""() => {
            const outside = [...document.querySelectorAll(".rh-figure *")].filter((part) => {
                const { width, right, bottom } = part.getBoundingClientRect();
                const seen = part.matches("text, input, button, canvas") && part.checkVisibility();
                return seen && width && (right > innerWidth + 1 || bottom > innerHeight + 1);
            });
            const { offsetWidth, offsetHeight } = document.querySelector(".rh-figure");
            return [offsetWidth, offsetHeight, outside.map((part) => part.outerHTML)];
        }""")
        assert width == 1184 and height >= 600, slide.title
        assert outside == [] and not frame.evaluate(MOVES, ".rh-figure *"), slide.title
        assert [one for one in frame.evaluate(LETTERS) if one[1] < 18] == [], slide.title


def enlarged(page, talk, name):
    """A figure's page on a slide at 1.5 times its size: it must not measure in other pixels."""
    for slide in live_slides(talk):
        if name in slide.html:
            page.set_viewport_size({"width": 1920, "height": 1080})
            return frame_of(page, slide)
    return pytest.skip(f"{name} isn't in this talk")


def test_a_drag_lands_where_the_pointer_is(shown, talk):
    frame = enlarged(shown, talk, "deg-explorer-figure")
    frame.get_by_label("predict first").check()
    shown.wait_for_timeout(100)
    plot = frame.locator(".rh-stage > svg").bounding_box()
    x, y = plot["x"] + 0.4 * plot["width"], plot["y"] + 0.5 * plot["height"]
    shown.mouse.move(x - 60, y)
    shown.mouse.down()
    shown.mouse.move(x, y, steps=5)
    shown.mouse.up()
    ring = frame.locator("circle[r='8']").bounding_box()
    step = frame.evaluate("document.querySelector('.rh-stage > svg').clientWidth") / 60
    # A drawing keeps whole passes and whole per cents.
    assert abs(ring["x"] + ring["width"] / 2 - x) <= 2 + step
    assert abs(ring["y"] + ring["height"] / 2 - y) <= 2 + plot["height"] / 200
    frame.get_by_label("predict first").uncheck()


def test_a_click_chooses_the_epoch_under_it(shown, talk):
    frame = enlarged(shown, talk, "replay-figure")
    shown.wait_for_timeout(100)
    tick = frame.locator(".rh-axes").nth(1).get_by_text("9", exact=True).bounding_box()
    shown.mouse.click(tick["x"] + tick["width"] / 2, tick["y"] - 60)
    epoch = frame.get_by_label("epoch").get_attribute("aria-valuetext")
    assert epoch == "9\u00a0of\u00a012"


def test_code_lights_up_step_by_step(shown, talk):
    for slide in talk.slides:
        steps = slide.html.count('class="fragment step"')
        if steps:
            go(shown, slide)
            lit = []
            for step in range(steps + 1):
                shown.evaluate("([h, f]) => Reveal.slide(h, 0, f)", [slide.number - 1, step - 1])
                rows = shown.locator("section.present .row").evaluate_all(
                    "(rows) => rows.map((row) => row.classList.contains('lit'))"
                )
                assert any(rows) and not all(rows)
                lit.append(rows)
            assert all(one != two for one, two in pairwise(lit))


def test_s_opens_the_notes_with_the_minutes(shown, talk):
    slide = talk.slides[1]
    go(shown, slide)
    with shown.expect_popup() as opened:
        shown.keyboard.press("s")
    notes = opened.value
    first = slide.notes.split()[1:4]
    notes.wait_for_function(
        "(words) => document.querySelector('.speaker-controls-notes').innerText.includes(words)",
        arg=" ".join(first),
    )
    timings = shown.evaluate(
        "[...document.querySelectorAll('.slides > section')].map((s) => s.dataset.timing / 60)"
    )
    assert timings == [slide.minutes for slide in talk.slides]
    notes.wait_for_selector(".pacing:not(.hidden)", state="attached")
    notes.close()


@pytest.fixture(scope="module")
def looks():
    """The looks of words that have been compared with their ground, in whatever talk."""
    return set()


def test_no_slide_keeps_a_reader_out(browser, lectures, talk, looks):
    """As it is printed, all slides stand in one page. In the dark, only colours are others."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    for theme, found_in in (("light", all_barriers), ("dark", pale_words)):
        page.goto(f"{(lectures / talk.number).as_uri()}.html?print-pdf&{theme}")
        page.wait_for_selector(".pdf-page section h2")
        assert page.locator(".pdf-page").count() == len(talk.slides)
        looks.update(mark(page, looks))
        assert found_in(page) == [], theme
    for name in (f"class/{talk.number}-worksheet", f"teacher/{talk.number}-key"):
        page.goto((lectures / f"{name}.html").as_uri())
        looks.update(mark(page, looks))
        assert all_barriers(page) == []
    context.close()


def test_the_page_of_all_lectures_keeps_no_reader_out(browser, lectures):
    page = browser.new_page()
    page.goto((lectures / "index.html").as_uri())
    assert barriers(page) == []
    page.close()
