"""A page that shows a figure as the book's pages do."""

import pytest

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import read

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


@pytest.fixture
def show_figure(browser, scripts):
    """A function that shows a figure, as in the book's pages, and returns Playwright's page.

    Its arguments: the figure; ``width`` of the window in pixels; ``scheme``, light or dark;
    ``link``, what stands after the # in the address; options of Playwright's ``new_page``. When
    the test ends, no error may have been printed and nothing fetched from elsewhere.
    """
    pages, problems = [], []

    def show(figure, width=900, scheme="light", link="", **options):
        path = scripts / f"{figure.name}-{len(pages)}.html"
        ground = "#121212" if scheme == "dark" else "#fff"
        html = figure.page_html()
        path.write_text(PAGE.format(figure=figure, scheme=scheme, ground=ground, html=html))
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and problems.append(r.url))
        page.goto(path.as_uri() + (f"#{link}" if link else ""))
        page.wait_for_selector(".rh-readout")
        pages.append(page)
        return page

    yield show
    for page in pages:
        page.close()
    assert problems == []
