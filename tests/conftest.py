"""What several test modules need."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

# Every name but this machine's leads nowhere: the pages are tested with the network cut.
CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache folder that is this test's own and empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def chromium():
    """The path of the machine's Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine: install it to test the pages (.ci/run does)")


@pytest.fixture(scope="session")
def browser(chromium):
    """A running Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", CUT])
        yield running
        running.close()


@pytest.fixture
def show_figure(browser, tmp_path):
    """A function that mounts a figure, as in the book's pages, and returns Playwright's page.

    Its arguments: the figure; ``width`` of the window in pixels; ``scheme``, light or dark;
    ``link``, what stands after the # in the address; options of Playwright's ``new_page``. When
    the test ends, no error may have been printed and nothing fetched from elsewhere.
    """
    pages, problems = [], []

    def show(figure, width=900, scheme="light", link="", **options):
        path = tmp_path / f"figure-{len(pages)}.html"
        path.write_text(
            f'<!doctype html><html lang="en" data-theme="{scheme}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>A figure</title>'
            f'<body style="margin: 12px; background: {"#121212" if scheme == "dark" else "#fff"}">'
            f"<main>{figure.page_html()}</main>"
        )
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
