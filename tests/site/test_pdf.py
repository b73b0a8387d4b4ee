"""The book as one PDF: what it holds, where it leads, and that nothing of it is cut.

All of the book is put together for print. A few of its pages are printed and read again: to read
all 246 sheets takes half a minute.
"""

import re

import nbformat
import pdf as tool
import pytest
from contents import CHAPTERS, PAGES, ROOT
from pypdf import PdfReader
from pypdf.generic import ContentStream, Destination, NameObject

pytestmark = pytest.mark.browser
PRINTED = CHAPTERS[3], CHAPTERS[5]  # the widest formulas and tables, the longest code
NAMES = [PAGES[0], *PRINTED, "book/glossary"]
A4 = 595, 842
LEFT, RIGHT, FOOT, HEAD = 62, 595 - 62, 51, 842 - 51  # where the margins end, in points
# Between two letters of a line, each of which Chromium places for itself; and a drawing's paths.
NO_TEXT = re.compile(
    rb"> Tj\n[-.\d]+ 0 Td <|^(?:[-.\d]+ )+(?:[mlc]|re)\n|^(?:[fhSn]|W\*? n|f\*)\n", re.M
)


@pytest.fixture(scope="module")
def whole(book, browser):
    """All of the book, open as it is printed."""
    page, _ = tool.open_book(browser, book)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 627, "height": 900})  # A4 within its margins
    yield page
    page.close()


@pytest.fixture(scope="module")
def pdf(book, browser, tmp_path_factory):
    """The PDF of a few pages, made once for all tests."""
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tool, "names", lambda: NAMES)
        tool.make_pdf(browser, book, path)
    assert path.stat().st_size <= 10_000_000
    return PdfReader(path)


def bare(text):
    """A text without the white space, which a PDF doesn't keep."""
    return re.sub(r"\s+", "", text.replace("’", "'"))


@pytest.fixture(scope="module")
def pieces(pdf):
    """Of each page, its pieces of text and where they begin, in points from the bottom left."""

    def of(page):
        found = []
        content = ContentStream(None, pdf, "bytes")
        content.set_data(NO_TEXT.sub(b"", page.get_contents().get_data()))
        page[NameObject("/Contents")] = content  # the same text, read in a third of the time

        def note(text, cm, tm, *_):
            x = cm[0] * tm[4] + cm[2] * tm[5] + cm[4]
            y = cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
            if text.strip():
                found.append((text, x, y))

        page.extract_text(visitor_text=note)
        return found

    return [of(page) for page in pdf.pages]


@pytest.fixture(scope="module")
def texts(pieces):
    """Of each page, its text without white space and without the page's number."""
    return [bare("".join(text for text, _, y in page if y > FOOT)) for page in pieces]


@pytest.fixture(scope="module")
def outline(pdf):
    """Of each entry its title, its page counted from 0, and its sections likewise."""
    entries = []
    for item in pdf.outline:
        if isinstance(item, Destination):
            entries.append((item.title, pdf.get_destination_page_number(item), []))
        else:
            assert all(isinstance(section, Destination) for section in item)  # two levels
            entries[-1][2].extend((s.title, pdf.get_destination_page_number(s)) for s in item)
    return entries


@pytest.fixture
def chapter(request, outline, texts):
    """A chapter's notebook, its entry in the outline, and its text."""
    notebook = nbformat.read(ROOT / f"{request.param}.ipynb", as_version=4)
    place = NAMES.index(request.param)
    entry, after = outline[place : place + 2]
    return notebook, entry, "".join(texts[entry[1] : after[1]])


each_chapter = pytest.mark.parametrize("chapter", PRINTED, indirect=True)


def headings(notebook, level):
    found = re.findall(
        rf"(?m)^{'#' * level} (.+)$",
        "\n\n".join(
            re.sub(r"(?ms)^```.*?^```", "", cell.source)
            for cell in notebook.cells
            if cell.cell_type == "markdown"
        ),
    )
    return [bare(re.sub(r"[`*]", "", heading)) for heading in found]


@each_chapter
def test_the_outline_has_every_chapter_and_its_sections(chapter, texts):
    notebook, (title, page, sections), _ = chapter
    assert [bare(title)] == headings(notebook, 1)
    assert [bare(words) for words, _ in sections] == [*headings(notebook, 2), "Answers"]
    for words, at in [(title.partition(". ")[2], page), *sections]:
        assert bare(words) in texts[at]


def test_the_cover_and_the_chapters_come_first_and_every_page_of_the_book_is_there():
    assert tool.names()[:9] == [PAGES[0], *CHAPTERS]
    assert sorted(tool.names()) == sorted(PAGES)


def test_each_page_begins_on_a_sheet_of_its_own(outline):
    starts = [page for _, page, _ in outline]
    assert len(outline) == len(NAMES)
    assert starts[0] == 0 and starts == sorted(set(starts))


def test_the_contents_say_on_which_page_everything_stands(outline, texts):
    contents = "".join(texts[: outline[1][1]]).partition("Contents")[2]
    for title, page, sections in outline:
        for words, at in [(title, page), *sections]:
            assert f"{bare(words)}{at + 1}" in contents


def in_view(cell):
    """The lines of code that a cell's page shows: claims fold."""
    code, printed = cell.source, "".join(output.get("text", "") for output in cell.outputs)
    hidden = "hide-input" in cell.metadata.get("tags", []) or cell.id in ("set-up", "imports")
    if "claim(" in code:
        code = re.split(r"(?m)^(?=(?:for|with|if|claim\().*\n?.*claim\(|claim\()", code)[0]
        hidden |= all(line.startswith("✓") for line in printed.splitlines())
    return [] if hidden else [bare(line) for line in code.splitlines()]


def left_out(notebook, text):
    """Of a chapter's lines of code and its captions, those that a text doesn't have."""
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in in_view(cell)]
    source = "\n".join(cell.source for cell in notebook.cells)
    captions = re.findall(r"(?m)^\*\*(Figure \d+\.\d+\.)\*\*", source)
    assert len(lines) > 50 and captions
    return [words for words in (*lines, *map(bare, captions)) if words not in text]


@each_chapter
def test_no_line_of_code_is_cut_and_no_caption_is_left_out(chapter):
    notebook, _, text = chapter
    assert left_out(notebook, text) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapters_code_captions_and_answers_are_put_together_for_print(name, whole):
    notebook = nbformat.read(ROOT / f"{name}.ipynb", as_version=4)
    article = whole.locator(f"article[id='{name.removeprefix('notebooks/')}']")
    assert left_out(notebook, bare(article.text_content())) == []
    answers = bare(article.locator("section.answers").text_content())
    assert missing_answers(notebook, answers) == []


def missing_answers(notebook, answers):
    """Of a chapter's questions and exercises, what the text of its answers doesn't have."""
    checks = [cell for cell in notebook.cells if cell.id.endswith("-check")]
    assert answers.count("Right.") >= len(checks) == answers.count("Checkyourself,question")
    solutions = [cell for cell in notebook.cells if cell.id.startswith("sol-")]
    told = [f"Exercise {cell.id[4:].replace('-', '.')}" for cell in solutions]
    for cell in solutions:
        told += re.findall(r"(?ms)^```python\n(.*?)^```", cell.source)
    return [words for words in map(bare, told) if words not in answers]


@each_chapter
def test_answers_stand_at_the_chapters_end(chapter, texts):
    notebook, (_, start, sections), text = chapter
    before = "".join(texts[start : sections[-1][1]])
    assert missing_answers(notebook, text[len(before) :].partition("Answers")[2]) == []
    assert "Notso." not in before


def test_no_page_is_empty_and_each_has_its_number(pieces, texts, pdf):
    for number, (page, text) in enumerate(zip(pieces, texts, strict=True), start=1):
        assert text or pdf.pages[number - 1].images
        assert [words.strip() for words, _, y in page if y < FOOT] == [str(number)]


def test_no_text_begins_in_a_margin(pieces, pdf):
    for page, found in zip(pdf.pages, pieces, strict=True):
        assert [float(side) for side in page.mediabox[2:]] == pytest.approx(A4, abs=1)
        assert [
            (text, x, y)
            for text, x, y in found
            if not (LEFT <= x <= RIGHT and y <= HEAD) and y > FOOT
        ] == []


def test_every_link_leads_to_a_page_or_to_an_address(pdf):
    places, inside, outside = pdf.named_destinations, 0, set()
    for page in pdf.pages:
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            assert link["/Subtype"] == "/Link"  # no field of a form
            if "/Dest" in link:
                assert pdf.get_destination_page_number(places[link["/Dest"]]) is not None
                inside += 1
            else:
                outside.add(link["/A"]["/URI"])
    assert inside > 100 and len(outside) > 20
    assert [url for url in outside if not re.match("https?://[a-z]", url)] == []


# What is wider than its box, and what can only be used on a screen.
FAULTS = """() => {
    const told = (e) => e.outerHTML.slice(0, 80);
    const seen = [...document.querySelectorAll(".printed *")].filter((e) => e.checkVisibility());
    const wide = seen.filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1
        && !e.closest("math, svg, .unseen"));
    const beyond = seen.filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
    const controls = seen.filter((e) => e.matches("button, input, form, fieldset, .hold"));
    const missing = [...document.images].filter((e) => !e.complete || !e.naturalWidth);
    const closed = [...document.querySelectorAll("details:not([open])")];
    return Object.entries({ wide, beyond, controls, missing, closed })
        .flatMap(([fault, found]) => found.map((e) => `${fault}: ${told(e)}`));
}"""


def test_nothing_is_wider_than_the_column_and_nothing_is_left_of_the_screen(whole):
    assert whole.evaluate(FAULTS) == []


def test_without_pages_or_a_browser_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "HTML", tmp_path)
    monkeypatch.setattr(tool, "CHROMIUM", ("no-such-browser",))
    for way_out in ("make read", "install Debian's package chromium"):
        with pytest.raises(SystemExit) as stopped:
            tool.main()
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().out.splitlines()
        assert way_out in line
        (tmp_path / "book").mkdir(exist_ok=True)
        (tmp_path / "book" / "intro.html").touch()
