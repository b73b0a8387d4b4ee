"""What keeps readers out of a page, found in a third of the time that asking axe thrice takes.

A long page has thousands of words of few looks. axe compares colours once for each look: for one
element of those that have the same classes, from the page's root down, and the same letters. All
its other rules see every element.
"""

from axe_playwright_python.sync_playwright import Axe

MARK = """() => {
    const looks = new Set();
    const written = (e) => [...e.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
    for (const e of document.querySelectorAll("body *")) {
        if (!written(e) || !e.checkVisibility()) continue;
        const look = [];
        for (let k = e; k !== document.body; k = k.parentElement) {
            look.push(k.tagName, k.getAttribute("class"), k.getAttribute("style"));
        }
        const style = getComputedStyle(e);
        look.push(style.color, style.fill, style.opacity, style.fontSize, style.fontWeight);
        if (!looks.has(look.join()) && looks.add(look.join())) e.dataset.look = "";
    }
    return looks.size;
}"""
ONE_OF_EACH = "axe.configure({rules: [{id: 'color-contrast', selector: '[data-look]'}]});"
# Code in many colours, once these have been compared, is one text.
PLAIN_CODE = """() => document.querySelectorAll(".highlight pre")
    .forEach((code) => { code.textContent = code.textContent; })"""
# The theme lets the keyboard reach code that has to be scrolled, a moment after the width changes.
REACHED = """() => ![...document.querySelectorAll("pre")].some((code) => code.checkVisibility()
    && code.tabIndex < 0 && code.scrollWidth > code.clientWidth)"""
_AXE = Axe(f"{Axe().axe_script}\n{ONE_OF_EACH}")


def _serious(page, **options):
    options |= {"resultTypes": ["violations"], "preload": False}
    return [
        f"{found['help']}: {found['nodes'][0]['html'][:120]}"
        for found in _AXE.run(page, options=options).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def barriers_of(page):
    """axe's serious and critical findings in a page as it stands, colours included."""
    assert page.evaluate(MARK) > 20
    return _serious(page)


def pale_words(page):
    """The words, among those that barriers_of has marked, that don't stand out in this theme."""
    return _serious(page, runOnly=["color-contrast"])


def barriers_but_colours(page):
    """axe's findings at another width, where the colours are the same. It flattens the code."""
    page.wait_for_function(REACHED)
    page.evaluate(PLAIN_CODE)
    return _serious(page, rules={"color-contrast": {"enabled": False}})
