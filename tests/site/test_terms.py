"""The glossary's terms: each is a link where a chapter first uses it."""

import re

import nbformat
import pytest
from contents import CHAPTERS, ROOT

LINK = re.compile(r'<a class="term[^"]*" href="([^"]+)" title="([^"]+)">([^<]+)</a>')


@pytest.fixture(scope="module")
def links(book):
    """Of each chapter's page: address, meaning and words of the terms' links, as they come."""
    return {
        chapter: LINK.findall((book / f"{chapter}.html").read_text("utf-8")) for chapter in CHAPTERS
    }


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_links_each_term_once_to_where_it_is_explained(book, links, chapter):
    glossary = (book / "book/glossary.html").read_text("utf-8")
    addresses = [address for address, _, _ in links[chapter]]
    assert len(addresses) >= 10
    for address, meaning, _ in links[chapter]:
        page, _, anchor = address.partition("#")
        assert page == "../book/glossary.html" and f'id="{anchor}"' in glossary
        assert meaning.endswith(".")
    words = [word.lower().removesuffix("s") for *_, word in links[chapter]]
    assert len(words) == len(set(words))


def test_no_term_of_the_glossary_is_one_that_no_chapter_uses():
    source = (ROOT / "book/glossary.md").read_text("utf-8")
    terms = {term for line in re.findall(r"(?m)^(\w.+)$", source) for term in line.split(", ")}
    chapters = [nbformat.read(ROOT / f"{chapter}.ipynb", as_version=4) for chapter in CHAPTERS]
    cells = [cell for chapter in chapters for cell in chapter.cells]
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown").lower()
    assert {term for term in terms if term.lower() not in text} == set()
