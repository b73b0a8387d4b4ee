"""The built book: built without a warning, whole, and in need of nothing but its own folder.

The pages are built from the notebooks' saved outputs (`make book` runs them; nbval compares
them), and opened in a real Chromium, as files, at a phone's and at a desk's width.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [CONTENTS["root"]] + [
    chapter["file"] for part in CONTENTS["parts"] for chapter in part["chapters"]
]
WIDTHS = {"phone": 390, "desk": 1280}
FETCHED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"(https?:)?//[^>]*>")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["execute"]["execute_notebooks"] = "off"
    extensions = config["sphinx"]["local_extensions"]
    extensions.update({name: str(ROOT / folder) for name, folder in extensions.items()})
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["--all", "--warningiserror", "--keep-going", "--config", folder / "_config.yml"]
    built = subprocess.run(
        [jupyter_book, "build", ROOT, *options, "--path-output", folder],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return folder / "_build" / "html"


def test_every_page_of_the_contents_is_built_and_no_other(book):
    built = {
        str(path.relative_to(book).with_suffix(""))
        for folder in ("book", "notebooks")
        for path in (book / folder).glob("*.html")
    }
    assert built == set(PAGES)
    assert len(PAGES) >= 10
    for extra in ("index.html", "search.html", "genindex.html"):
        assert (book / extra).exists()


def test_no_page_names_anything_to_fetch_from_elsewhere(book):
    for path in book.rglob("*.html"):
        found = [m[0] for m in FETCHED.finditer(path.read_text()) if 'rel="canonical"' not in m[0]]
        assert found == [], path.name


def test_no_script_in_a_page_knows_the_address_of_a_cdn(book):
    for path in book.rglob("*.html"):
        for script in re.findall(r"<script\b.*?</script>", path.read_text(), re.DOTALL):
            assert not re.search(r"//(cdn|unpkg|cdnjs|fonts)\b", script), path.name


def test_links_between_pages_and_to_places_in_them_lead_somewhere(book):
    for path in book.rglob("*.html"):
        for href in re.findall(r'<a\b[^>]*?href="([^"]+)"', path.read_text()):
            if re.match(r"[a-z]+:", href):
                continue
            name, _, place = href.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {href}"
            if place and target.suffix == ".html":
                assert f'id="{place}"' in target.read_text(), f"{path.name}: {href}"


def test_solutions_are_folded_in_the_page(book):
    for name in PAGES:
        if name.startswith("notebooks/"):
            page = (book / f"{name}.html").read_text()
            assert len(re.findall(r"<details>\s*<summary>Solution</summary>", page)) >= 3, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_works_from_a_file_without_a_network(book, browser, name, width, scheme):
    problems, outside = [], []
    viewport = {"width": WIDTHS[width], "height": 900}
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda r: outside.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
    )
    page.goto((book / f"{name}.html").as_uri(), wait_until="load")
    page.wait_for_function("document.documentElement.dataset.theme")
    measured = page.evaluate(
        """() => ({
            tooWide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
            unnamed: [...document.images].filter(i => !i.alt).map(i => i.src),
            broken: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
            theme: document.documentElement.dataset.theme,
            formulas: document.querySelectorAll("math").length,
            rawFormulas: [...document.querySelectorAll(".bd-article p, .bd-article li")]
                .filter(p => /\\$[^$\\s][^$]*\\$|\\\\frac|\\\\sum/.test(p.textContent)).length,
        })"""
    )
    if folder := os.environ.get("SCREENSHOTS"):
        target = Path(folder) / f"{name.replace('/', '-')}-{width}-{scheme}.png"
        page.screenshot(path=target, full_page=True)
    page.close()
    assert problems == [] and outside == []
    assert measured["tooWide"] is False
    assert measured["unnamed"] == [] and measured["broken"] == []
    assert measured["theme"] == scheme
    assert measured["rawFormulas"] == 0
    assert measured["formulas"] > 0 or not name.startswith("notebooks/")


def test_search_finds_a_word_from_a_chapter_without_a_network(book, browser):
    page = browser.new_page()
    page.goto((book / "search.html").as_uri() + "?q=normalisation")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    found = page.locator("#search-results").inner_text()
    page.close()
    assert "STL10 and normalisation" in found
