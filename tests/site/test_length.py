"""How long a chapter is: its words, its code in view, and the time that it promises."""

import re

import nbformat
import pytest
from contents import ASKING, CHAPTERS, ROOT

WORDS, LINES, ALL_WORDS, FIRST_READING = 3500, 250, 25_000, 30
# Seconds: 200 words a minute, a line of code, a figure, a prediction.
WORD, LINE, FIGURE, PREDICTION = 0.3, 4, 25, 45


def cells_of(chapter):
    return nbformat.read(ROOT / f"{chapter}.ipynb", as_version=4).cells


def is_exercise(cell):
    return re.match(r"(ex|sol)-\d", cell.id) or re.search(r"-ex-\w+$", cell.id)


def words(cell):
    """The words of a text cell, without exercises, code and the addresses of links."""
    if cell.cell_type != "markdown" or is_exercise(cell):
        return 0
    text = re.sub(r"(?s)```.*?```", "", cell.source)
    return len(re.sub(r"\]\([^)]*\)", "]", text).split())


def lines_in_view(cell):
    hidden = "hide-input" in cell.metadata.get("tags", []) or cell.id in ("imports", "set-up")
    if cell.cell_type != "code" or hidden or cell.id.endswith("claims"):
        return 0
    return len(cell.source.splitlines())


def seconds(cell):
    """What reading a cell takes, by the sum of its parts."""
    if is_exercise(cell):
        return 0  # they have their own times
    figures = len(re.findall(r"\*\*Figure \d+\.\d+\.\*\*", cell.source))
    live = cell.id.endswith("-figure") and re.search(r"^[A-Z]\w+\(.*\)$", cell.source) is not None
    asked = len(re.findall(ASKING, cell.source)) if cell.cell_type == "markdown" else 0
    parts = words(cell) * WORD + lines_in_view(cell) * LINE
    return parts + (figures + live) * FIGURE + asked * PREDICTION


def minutes_of_first_reading(cells):
    """Without the sections that are tagged as second reading, down to the next heading as high."""
    total, skipped = 0, None
    for cell in cells:
        heading = re.match(r"#+", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            level = len(heading[0])
            if skipped is None or level <= skipped:
                is_second = "second-reading" in cell.metadata.get("tags", [])
                skipped = level if is_second else None
        if skipped is None:
            total += seconds(cell)
    return total / 60


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_has_at_most_3500_words_and_250_lines_of_code_in_view(chapter):
    cells = cells_of(chapter)
    assert sum(map(words, cells)) <= WORDS
    assert sum(map(lines_in_view, cells)) <= LINES


def test_the_book_has_at_most_25000_words():
    assert sum(words(cell) for chapter in CHAPTERS for cell in cells_of(chapter)) <= ALL_WORDS


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_time_that_a_chapter_promises_is_the_sum_of_its_parts_to_five_minutes(chapter):
    cells = cells_of(chapter)
    objectives = next(cell.source for cell in cells if cell.id == "objectives")
    promised = int(re.search(r"\*\*Time\*\* (\d+) minutes to read", objectives)[1])
    assert promised == 5 * round(sum(map(seconds, cells)) / 60 / 5)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_first_reading_takes_at_most_half_an_hour(chapter):
    assert 15 <= minutes_of_first_reading(cells_of(chapter)) <= FIRST_READING
