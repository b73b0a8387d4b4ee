"""A page that shows a figure as the book's pages do."""

import itertools

import pytest

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import Figure, read

NUMBERS = itertools.count()
PAGE = """\
<!doctype html><html lang="en" data-theme="{scheme}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>A figure</title>
<link rel="stylesheet" href="figures.css"><script defer src="{figure.name}.js"></script>
<body style="margin: 12px; background: {ground}"><main>{html}</main>
"""


@pytest.fixture(scope="session")
def scripts(tmp_path_factory):
    """A folder with what the book's pages load: a script for each figure, and the style sheet."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "figures.css").write_text(read("figures.css"))
    for figure in FIGURES:
        (folder / f"{figure.name}.js").write_text(figure.page_script())
    return folder


def watch(page):
    """A list that gets each error which a page prints, and each address elsewhere that it asks."""
    problems = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: r.url.startswith("http") and problems.append(r.url))
    return problems


@pytest.fixture(scope="session")
def window(browser):
    """One page for all figures, with its problems: a new one takes longer than most tests."""
    page = browser.new_page()
    yield page, watch(page)
    page.close()


@pytest.fixture
def show_figure(browser, window, scripts, monkeypatch):
    """A function that shows a figure, as in the book's pages, and returns Playwright's page.

    Its arguments: the figure; ``width`` of the window in pixels; ``scheme``, light or dark;
    ``link``, what stands after the # in the address; ``motion``, as a reader prefers it; options
    of Playwright's ``new_page``, which give the figure a page of its own. When the test ends, no
    error may have been printed and nothing fetched from elsewhere.
    """
    # The page's script takes it away at once, and to draw it takes long.
    monkeypatch.setattr(Figure, "_still_html", lambda self: '<img class="rh-still" alt="">')
    window[1].clear()
    own, problems = [], [window[1]]

    def show(figure, width=900, scheme="light", link="", motion="no-preference", **options):
        path = scripts / f"{next(NUMBERS)}.html"  # a link alone would not load a page anew
        ground = "#121212" if scheme == "dark" else "#fff"
        html = figure.page_html()
        path.write_text(PAGE.format(figure=figure, scheme=scheme, ground=ground, html=html))
        page = browser.new_page(**options) if options else window[0]
        if options:
            own.append(page)
            problems.append(watch(page))
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(reduced_motion=motion)
        page.mouse.move(0, 0)  # where no figure is
        page.goto(path.as_uri() + (f"#{link}" if link else ""))
        page.wait_for_selector(".rh-readout")
        return page

    yield show
    for page in own:
        page.close()
    assert list(itertools.chain(*problems)) == []
