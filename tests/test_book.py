"""The files of the built book: built without a warning, whole, and naming nothing outside."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [CONTENTS["root"]] + [
    chapter["file"] for part in CONTENTS["parts"] for chapter in part["chapters"]
]
FETCHED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"(https?:)?//[^>]*>")


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
