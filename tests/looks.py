"""What keeps readers out of a page, found in a fifth of the time that asking axe thrice takes.

A long page has thousands of words of few looks. axe compares colours once for each look: for one
element of those that have the same classes and grounds, from the page's root down, and the same
letters. Its other rules see every element but what no reader hears as one: the coloured words of a
code, and the parts of a picture that has a name.
"""

from axe_playwright_python.sync_playwright import Axe

MARK = """(known) => {
    const paths = new Map([[null, ""]]);
    const path = (e) => {
        if (!paths.has(e)) {
            const { backgroundColor, backgroundImage, opacity } = getComputedStyle(e);
            const own = [e.tagName, e.getAttribute("class"), backgroundColor, backgroundImage];
            paths.set(e, [path(e.parentElement), own, opacity].join());
        }
        return paths.get(e);
    };
    const looks = new Set(), old = new Set(known);
    const written = (e) => [...e.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
    for (const e of document.querySelectorAll("body *")) {
        if (!written(e) || !e.checkVisibility()) continue;
        const { color, fill, fontSize, fontWeight } = getComputedStyle(e);
        const look = [path(e), color, fill, fontSize, fontWeight].join();
        if (!looks.has(look) && looks.add(look) && !old.has(look)) e.dataset.look = "";
    }
    return [...looks];
}"""
ONE_OF_EACH = "axe.configure({rules: [{id: 'color-contrast', selector: '[data-look]'}]});"
# Code whose other words have no look of their own is one text, a picture's other parts are gone.
THIN = """() => {
    for (const e of document.querySelectorAll(":is(.highlight, .sig, code) span")) {
        if ([...e.attributes].every(({ name }) => name === "class")) e.replaceWith(...e.childNodes);
    }
    const parts = ":is(.plot, .diagram) svg[role=img] *, .plot[role=img] svg *";
    for (const e of document.querySelectorAll(parts)) {
        if (!e.matches("[data-look], :has([data-look])")) e.remove();
    }
}"""
# The theme lets the keyboard reach code that has to be scrolled, a moment after the width changes.
REACHED = """() => ![...document.querySelectorAll("pre")].some((code) => code.checkVisibility()
    && code.tabIndex < 0 && code.scrollWidth > code.clientWidth)"""
OF_COLOURS = {name: {"enabled": False} for name in ("color-contrast", "link-in-text-block")}
NOT_SERIOUS = {"region": {"enabled": False}}  # which asks each word, and would be left out below
_AXE = Axe(f"{Axe().axe_script}\n{ONE_OF_EACH}")


def _serious(page, **options):
    options |= {"resultTypes": ["violations"], "preload": False}
    options["rules"] = options.get("rules", {}) | NOT_SERIOUS
    page.evaluate(THIN)
    return [
        f"{found['help']}: {node['html'][:120]}"
        for found in _AXE.run(page, options=options).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def mark(page, known=()):
    """Mark one word of each look that isn't known; return all looks of this page.

    Pages that share their style sheets can share the looks that they know.
    """
    looks = page.evaluate(MARK, list(known))
    assert len(looks) > 5
    return looks


def all_barriers(page):
    """axe's serious and critical findings in a page as it stands, colours of marked words too."""
    return _serious(page)


def barriers_of(page):
    """The same, of a page with looks of its own."""
    mark(page)
    return all_barriers(page)


def pale_words(page):
    """The marked words that don't stand out in this theme."""
    return _serious(page, runOnly=["color-contrast"])


def barriers_but_colours(page):
    """axe's findings at another width, where the colours are the same."""
    page.wait_for_function(REACHED)
    return _serious(page, rules=OF_COLOURS)
