"""The page that leads from the lecture notes to the book, and the page of their slips."""

import re

import nbformat
import pytest
from contents import CHAPTERS, ROOT

CELLS = {
    cell.id: cell.source
    for chapter in CHAPTERS
    for cell in nbformat.read(ROOT / f"{chapter}.ipynb", as_version=4).cells
}
PIECES = [
    line.strip("| ").split(" | ")
    for line in (ROOT / "book/from_the_notes.md").read_text("utf-8").splitlines()[6:]
    if line.startswith("|") and not line.startswith("|---")
][1:]


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "book").glob("*.md")))
def test_each_cell_that_a_page_links_to_is_there(page):
    linked = re.findall(r"\(#cell-([\w-]+)\)", (ROOT / "book" / page).read_text("utf-8"))
    assert [cell for cell in linked if cell not in CELLS] == []


def test_the_notes_some_35_pieces_lead_to_cells_where_their_names_stand():
    assert len(PIECES) >= 35
    for piece, here in PIECES:
        linked = "\n".join(CELLS[cell] for cell in re.findall(r"#cell-([\w-]+)", here))
        names = re.findall(r"`(?:\w+\.)*(\w+)", piece)
        assert [name for name in names if name not in linked] == [], piece
