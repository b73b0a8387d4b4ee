"""A talk keeps its time, asks, and says nothing that its chapter doesn't say."""

import html
import re
from statistics import median

import pytest
import talk as reading

VISUAL = r"(?s)<(svg|pre|math|h2|style)\b.*?</\1>|<img[^>]*>"


def words_of(slide):
    return re.sub(r"<[^>]*>", " ", re.sub(VISUAL, " ", slide.html)).split()


def numbers(text):
    """The numbers of two digits or more in a text, as they stand there."""
    return set(re.findall(r"(?<![\w.])\d[\d,.]*\d", text))


def test_a_title_is_a_sentence_and_a_slide_has_few_words(talk):
    assert [s.title for s in talk.slides if len(s.title.split()) > 10] == []
    assert [s.title for s in talk.slides if len(words_of(s)) > 40] == []
    for slide in talk.slides:
        assert slide.html.count('class="stage"') <= 1 + bool(slide.lives), slide.title
    assert median(len(words_of(slide)) for slide in talk.slides) <= 25


def test_every_slide_has_notes_and_minutes(talk):
    assert [s.title for s in talk.slides if not 15 <= len(s.notes.split()) <= 80] == []
    for slide in talk.slides:
        assert 0.5 <= slide.minutes <= 5, slide.title
        for line in slide.notes.splitlines():
            assert re.match("(SAY|ASK|NEXT) ", line), (slide.title, line)


@pytest.mark.parametrize(("hour", "least", "most", "few", "many"), [
    (45, 38, 43, 18, 24),
    (90, 78, 86, 32, 40),
])  # fmt: skip
def test_a_talk_keeps_its_time(talk, hour, least, most, few, many):
    assert least <= sum(slide.minutes for slide in talk.of(hour)) <= most
    assert few <= len(talk.of(hour)) <= many


@pytest.mark.parametrize("hour", [45, 90])
def test_a_class_votes_early_and_often(talk, hour):
    start, last, votes = 0.0, 0.0, 0
    for slide in talk.of(hour):
        if slide.votes:
            assert start - last <= (5 if not votes and hour == 45 else 20), slide.title
            last, votes = start, votes + 1
        start += slide.minutes
    assert votes >= 3 and start - last <= 20


def test_each_wrong_option_says_why_it_tempts_and_the_class_cannot_read_it(talk, lectures):
    shown = "".join(
        html.unescape((lectures / name).read_text())
        for name in (f"{talk.number}.html", f"class/{talk.number}-handout.html")
    )
    assert "answer=" not in shown
    for slide in talk.slides:
        for answer, guess, rows in slide.votes:
            assert answer in "ABCD"[: len(rows)] and 3 <= len(rows) <= 4, slide.title
            assert sum(map(int, guess.split(","))) == 100, slide.title
            lengths = [len(option) for option, _ in rows]
            right = lengths["ABCD".index(answer)]
            assert right != max(lengths) or right - sorted(lengths)[-2] <= 10, slide.title
            for option, why in rows:
                assert len(why.split()) >= 5, option
                assert why not in shown, option


def test_right_answers_stand_at_different_places(talk):
    assert len({answer for slide in talk.slides for answer, *_ in slide.votes}) >= 3


def test_each_objective_of_the_chapter_is_covered(talk):
    objectives = re.findall(r"(?m)^- ", talk.chapter.cell("objectives").source)
    covered = {k for slide in talk.slides for k in slide.covers}
    assert covered == set(range(1, len(objectives) + 1))


def test_every_number_stands_in_the_chapter(talk):
    """The guard against drift: what the chapter no longer says, its talk may not say."""
    cells = talk.chapter.notebook.cells
    said = "\n".join(cell.source for cell in cells)
    for cell in cells:
        for output in cell.get("outputs", []):
            said += "\n" + output.get("text", "") + output.get("data", {}).get("text/plain", "")
            drawn = output.get("data", {}).get("image/svg+xml", "")
            said += "\n".join(re.findall(r"<text[^>]*>([^<]*)", drawn))
    known = numbers(said)
    unknown = {}
    for slide in talk.slides:
        text = re.sub(r"(?s)<(svg|math|style)\b.*?</\1>|<[^>]*>", " ", slide.html)
        unknown[slide.title] = numbers(f"{html.unescape(text)} {slide.notes}") - known
    assert not any(unknown.values()), {title: found for title, found in unknown.items() if found}


def test_a_pull_that_finds_nothing_says_so():
    chapter = reading.Chapter("01")
    with pytest.raises(ValueError, match=r"01_degradation.ipynb has no cell 'deg-gone'"):
        chapter.cell("deg-gone")
    with pytest.raises(ValueError, match="objectives: nothing matches 'no such words'"):
        chapter.filled("{{objectives: no such words}}")
    assert chapter.filled("{{title: Chapter (.)}}") == "1"


def test_code_that_is_too_long_for_a_slide_is_refused():
    chapter = reading.Chapter("01")
    with pytest.raises(ValueError, match=r"imports has .* a slide holds 1 to 14 of at most 70"):
        chapter.code("imports")


def test_code_comes_without_comments_and_docstrings():
    chapter = reading.Chapter("01")
    chapter.cells = {"one": type("Cell", (), {"source": SOURCE})}
    assert chapter.code("one") == 'a = "#"\n\ndef f(x):\n    return x'
    assert chapter.code("one", of="f") == "def f(x):\n    return x"
    assert chapter.code("one", lines="2-2") == 'a = "#"'


SOURCE = '# first\na = "#"  # second\n\ndef f(x):\n    """What it does."""\n    return x'
