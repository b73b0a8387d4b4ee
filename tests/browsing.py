"""What the tests of pages and of figures ask of a browser."""

import json
import random
from contextlib import contextmanager
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe

WIDTHS = {"phone": 390, "desk": 1280, "wide": 1440}
# The time from an event to a finished layout, in milliseconds, for fifteen moves of a figure's
# first slider, or of its radio buttons where it has none.
RESPONSE = """async (figure) => {
    const slider = figure.querySelector("input[type=range]");
    const radios = [...figure.querySelectorAll("input[type=radio]")];
    const times = [];
    for (let k = 0; k < 15; k++) {
        const started = performance.now();
        if (slider) {
            const [low, high] = [Number(slider.min), Number(slider.max)];
            slider.value = low + (k % (high - low + 1));
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        } else {
            radios[k % radios.length].click();
        }
        figure.getBoundingClientRect();  // the layout is part of the response
        times.push(performance.now() - started);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
    return times;
}"""
FOLLOW = """(link) => new Promise((done) => {
    addEventListener("hashchange", done, { once: true });
    location.hash = link;
})"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
# Each text that is seen, with the size of its letters as they are shown, and of what it is part.
LETTERS = """() => {
    const seen = [];
    const figure = document.querySelector(".rh-figure");
    const whole = figure.getBoundingClientRect().width / figure.offsetWidth;
    const walker = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const { parentElement: element, textContent: words } = walker.currentNode;
        if (!words.trim() || !element.checkVisibility()) continue;
        const matrix = element.getScreenCTM?.();
        const scale = matrix ? Math.hypot(matrix.a, matrix.b) : whole;
        const size = parseFloat(getComputedStyle(element).fontSize) * scale;
        seen.push([words, Math.round(10 * size) / 10]);
    }
    return seen;
}"""


def link_to(figure):
    """What stands after the # in a link to a figure's present state."""
    state = {name: getattr(figure, name) for name in figure.allowed}
    text = {name: json.dumps(value, separators=(",", ":")) for name, value in state.items()}
    return f"{figure.anchor}?" + "&".join(f"{name}={quote(text[name])}" for name in text)


def random_figures(kind, count=20):
    """Figures of a kind, each in a state drawn at random from those that its controls allow."""
    rng = random.Random(0)
    choices = {name: spec["values"] for name, spec in kind().allowed.items()}
    for _ in range(count):
        yield kind(**{name: rng.choice(values) for name, values in choices.items()})


def follow(page, link):
    """Follow a link within the page that is open. It must not be the last one again."""
    page.evaluate(FOLLOW, link)


def resize(page, width):
    """Give the window another width, and the figures time to draw themselves anew."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(FRAME)
    page.evaluate(FRAME)


def on_a_projector(page, scale=1):
    """Let the figure fill a slide's box of 1184×600 pixels, which the player then scales."""
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.evaluate(
        """(scale) => {
            const box = document.querySelector("main");
            box.className = "rh-projector";
            box.style = `width: 1184px; height: 600px; transform: scale(${scale});
                transform-origin: 0 0`;
        }""",
        scale,
    )
    for _ in range(3):
        page.evaluate(FRAME)


def is_too_wide(page):
    """Whether the page has to be scrolled sideways."""
    return page.evaluate(WIDER)


def slow_down(page, rate=4):
    """Let the page's processor seem so many times slower."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": rate})


def barriers(page, **rules):
    """What axe finds to keep readers out: its serious and critical violations, as text.

    Its rules can be switched off by name, with _ for -: ``color_contrast=False``.
    """
    options = {
        "resultTypes": ["violations"],
        "preload": False,  # a page from a file may not read its style sheets once more
        "rules": {name.replace("_", "-"): {"enabled": on} for name, on in rules.items()},
    }
    return [
        f"{found['help']}: {found['nodes'][0]['html'][:120]}"
        for found in Axe().run(page, options=options).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


@contextmanager
def opened(browser, home, path, width="desk"):
    """A page below an address, as Playwright's page, in light, which knows what it has `asked` for.

    When it is closed, no error may have been printed and nothing asked of another place.
    """
    problems = []
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900},
        color_scheme="light",
        reduced_motion="reduce",  # no colour is measured on its way to another
    )
    page = context.new_page()
    page.asked = []
    page.on("request", lambda r: page.asked.append(r.url))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    # A request that a reload broke off isn't one that failed.
    page.on(
        "requestfailed",
        lambda r: None if r.failure == "net::ERR_ABORTED" else problems.append(f"failed: {r.url}"),
    )
    page.goto(f"{home}/{path}", wait_until="load")
    yield page
    context.close()
    assert problems + [url for url in page.asked if not url.startswith((home, "data:"))] == []
