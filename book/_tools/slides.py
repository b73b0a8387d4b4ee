"""Make the lectures: decks, hand-outs, worksheets, plans, keys and notebooks.

python book/_tools/slides.py [FOLDER]     into _build/html/lectures, from saved outputs

The folder opens from a USB stick, without a server and without a network. talk.py reads the talks.
"""

import base64
import copy
import csv
import html
import importlib.util
import re
import shlex
import shutil
import symtable
import sys
from pathlib import Path

import beside
import nbformat
from nbformat.v4 import new_markdown_cell
from talk import LECTURES, MARKDOWN, ROOT, SVG, Talk

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from deep_by_addition import fonts, palette

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import read as figure_file

STATIC = ROOT / "book" / "_static"
# Of reveal.js, which comes inside the Python package sphinx-revealjs, and is no part of this book.
PLAYER = ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE")
LICENCE = "Text CC BY 4.0, code MIT, pictures of the sample set CC BY-SA 4.0 (OpenMoji)."
GUESSES = re.compile(r"\*\*(?:Write down|Before you|Predict|Guess)|write down", re.I)
CARD = "".join(f"<b>{letter}</b>" for letter in "ABCD")
# A figure's own page: a slide shows it in a frame, where a pointer's place is right at any scale.
FRAME = """\
<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{name}</title>
<link rel="stylesheet" href="../style/fonts.css"><link rel="stylesheet" href="../style/palette.css">
<link rel="stylesheet" href="../style/figures.css"><link rel="stylesheet" href="../style/deck.css">
<script defer src="../style/deck.js"></script><script defer src="{name}.js"></script></head>
<body class="rh-projector"><main>{html}</main></body></html>
"""


def page(title, body, root="../", head=""):
    styles = "".join(
        f'<link rel="stylesheet" href="{root}style/{name}.css">'
        for name in ("fonts", "palette", "deck")
    )
    return (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title>{head}{styles}</head><body>{body}</body></html>\n"
    )


def sheet(title, body, kind=""):
    """A page that is printed on A4."""
    end = f"<footer>Deep by Addition. {LICENCE}</footer>"
    return page(title, f'<main class="sheet {kind}"><h1>{title}</h1>{body}{end}</main>')


def deck(talk):
    sections = "".join(slide.section() for slide in talk.slides)
    body = f'<div class="reveal"><main class="slides">{sections}</main></div>'
    for script in ("player/reveal", "player/notes", "style/deck"):
        body += f'<script src="{script}.js"></script>'
    return page(talk.title, body, "", '<link rel="stylesheet" href="player/reveal.css">')


def handout(talk):
    rows = "".join(
        f'<div class="third"><div class="small" inert><section class="{slide.kind}">{slide.html}'
        "</section></div></div>"
        for slide in talk.of(45)
    )
    return sheet(f"{talk.title}: hand-out", rows, "handout")


def worksheet(talk):
    def axes(found):
        x, y, low, high = map(html.escape, shlex.split(found[1]))
        label = f"empty axes: {y} against {x}"
        return (
            f'<figure class="axes" role="img" aria-label="{label}"><span>{high}</span><b>{y}</b>'
            f"<span>{low}</span><i>{x}</i></figure>"
        )

    def exercise(found):
        text = talk.chapter.cell(found[1]).source
        text = re.sub(r"(?s)<details.*?</details>", "", text)
        return re.sub(r"(?m)^\*Difficulty.*\n", "", text)

    text = re.sub(r"(?m)^::axes (.+)$", axes, talk.chapter.filled(talk.paper))
    text = re.sub(r"(?m)^::text (\S+)$", exercise, text)
    return sheet(f"{talk.title}: worksheet", MARKDOWN.render(text))


def plan(talk):
    rows, now = "", {45: 0.0, 90: 0.0}
    for slide in talk.slides:
        starts = [f"{now[m]:g}" if slide in talk.of(m) else "" for m in now]
        plays = slide.lives or 'class="play"' in slide.html
        kind = "vote" if slide.votes else "live" if plays else ""
        first = re.search(r"^[A-Z]+ +(.*?[.?!](?= |$)|.*)", slide.notes)[1]
        cells = [*starts, slide.number, slide.title, kind, first, slide.options.get("cut", "")]
        rows += "<tr>" + "".join(f"<td>{MARKDOWN.renderInline(str(c))}</td>" for c in cells)
        now = {m: t + slide.minutes * (slide in talk.of(m)) for m, t in now.items()}
    heads = ("of 45", "of 90", "slide", "title", "kind", "what happens", "when late")
    head = "".join(f'<th scope="col">{word}</th>' for word in heads)
    end = f"<p>It ends after {now[45]:g} minutes, the long hour after {now[90]:g}.</p>"
    return sheet(f"{talk.title}: plan", f"<table><tr>{head}</tr>{rows}</table>{end}", "plan")


def counted(number):
    """What classes have voted: rows of votes.csv about a talk."""
    with (LECTURES / "votes.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["talk"] == number]


def key(talk):
    text = ""
    for slide in talk.slides:
        for answer, guess, rows in slide.votes:
            text += f"\n## Slide {slide.number}. {slide.title}\n\n"
            taught = [row for row in counted(talk.number) if row["slide"] == str(slide.number)]
            for row in taught:
                text += f"{row['date']}, {row['place']}: {row['votes']} votes.\n\n"
            if not taught:
                text += f"Expected: {guess} %, a guess until somebody has taught it.\n\n"
            for letter, (option, why) in zip("ABCD", rows, strict=False):
                bold = "**" * (letter == answer)
                text += f"- {bold}{letter}: {option}{bold}. {why}\n"
    text += "\n## Solutions of the exercises\n"
    for cell in talk.chapter.notebook.cells:
        if cell.id.startswith("sol-"):
            solution = re.sub(r"<summary>.*?</summary>|</?details>", "", cell.source)
            text += f"\n### Exercise {cell.id[4:].replace('-', '.')}\n\n{solution}\n"
    return sheet(f"{talk.title}: key", MARKDOWN.render(text))


def bare(notebook, cells):
    """A notebook of some cells of another, without outputs."""
    cells = copy.deepcopy(cells)
    for cell in cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def student_notebook(chapter):
    """The chapter without solutions and outputs, with a place for each guess."""
    cells = []
    for cell in chapter.notebook.cells:
        if cell.id.startswith("sol-"):
            continue
        cells.append(cell := copy.deepcopy(cell))
        if cell.id.endswith("-check"):  # the options stay, and what is said of each goes
            option = r"(?s)<details[^>]*>\s*<summary>(.*?)</summary>.*?</details>\n*"
            cell.source = re.sub(option, r"- \1\n", cell.source)
        elif cell.cell_type == "markdown" and GUESSES.search(cell.source):
            cells.append(new_markdown_cell("**My guess:** …", id=f"{cell.id}-mine"))
    return bare(chapter.notebook, cells)


def names_of(cell):
    """The names that a cell gives to later cells, and those that it takes from earlier ones."""
    whole = symtable.symtable(cell.source, cell.id, "exec")
    tables = [whole]
    for table in tables:
        tables += table.get_children()
    given = {s.get_name() for s in whole.get_symbols() if s.is_assigned() or s.is_imported()}
    return given, {s.get_name() for t in tables for s in t.get_symbols() if s.is_global()} - given


def live_notebook(talk):
    """The cells of the demonstrations, and those before them that they need."""
    named = {name for slide in talk.slides for name, _ in slide.lives}
    kept, wanted = [], set()
    for cell in reversed(talk.chapter.notebook.cells):
        if cell.cell_type == "code":
            given, taken = names_of(cell)
            needed = given & wanted and "claims" not in cell.id
            if cell.id == "imports":
                kept += talk.shorter()
            if needed or cell.id in named | {"set-up", "imports"}:
                kept.append(cell)
                wanted = wanted - given | taken
    return bare(talk.chapter.notebook, kept[::-1])


def figures(talk, folder):
    """Each figure of the chapter apart, and a page for each that answers to the hand."""
    kinds = {figure.name: figure for figure in FIGURES}
    cells = talk.chapter.notebook.cells
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        number = after and re.match(r"\*\*Figure (\d+\.\d+)\.\*\*", after.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if number and SVG in data:
                (folder / f"{number[1]}.svg").write_text(data[SVG], "utf-8")
            elif number and "image/jpeg" in data:
                picture = base64.b64decode(data["image/jpeg"])
                (folder / f"{number[1]}.jpg").write_bytes(picture)
            elif live := re.search(r'data-figure="(\w+)"', data.get("text/html", "")):
                text = FRAME.format(name=live[1], html=data["text/html"])
                (folder / f"{cell.id}.html").write_text(text, "utf-8")
                (folder / f"{live[1]}.js").write_text(kinds[live[1]].page_script(), "utf-8")


def player(folder):
    """What all talks share: reveal.js with its licence, and the book's own style."""
    carrier = importlib.util.find_spec("sphinx_revealjs")
    if carrier is None:
        raise ValueError("sphinx-revealjs isn't installed; make slides installs it")
    reveal = Path(carrier.origin).parent / "_static" / "revealjs"
    for name in PLAYER:
        shutil.copy(reveal / name, folder / "player")
    for name in ("deck.css", "deck.js"):
        shutil.copy(STATIC / name, folder / "style")
    faces = "".join(
        fonts.RULE.format(*face, fonts.data_uri(file.read_bytes(), "font/woff2"))
        for name, face in fonts.FACES.items()
        for file in [STATIC / "fonts" / f"{name}.woff2"]
    )
    colors = palette.rule("html", palette.LIGHT)
    colors += palette.rule('html[data-theme="dark"]', palette.DARK)
    colors += "html { --pst-color-background: var(--paper); --pst-color-surface: var(--surface); "
    colors += "--pst-color-text-base: var(--ink); --pst-color-text-muted: var(--quiet); }\n"
    sheets = {"fonts": faces, "palette": colors, "figures": figure_file("figures.css")}
    for name, text in sheets.items():
        (folder / "style" / f"{name}.css").write_text(text, "utf-8")


def index(talks):
    rows = beside.PROBE
    for t in talks:
        n = t.number
        taught = "Taught" if counted(n) else "Not yet taught"
        links = {
            "90 min": f"{n}.html",
            "45 min": f"{n}.html?minutes=45",
            "plan": f"teacher/{n}-plan.html",
            "key": f"teacher/{n}-key.html",
            "live notebook": f"teacher/{n}-live.ipynb",
            "hand-out": f"class/{n}-handout.html",
            "worksheet": f"class/{n}-worksheet.html",
            "student notebook": f"class/{n}-notebook.ipynb",
        }
        anchors = " · ".join(f'<a href="{href}">{words}</a>' for words, href in links.items())
        rows += f"<h2>{int(n)}. {t.title}</h2><p>{anchors}</p>"
        rows += f"<p>{taught}. {beside.to_chapter(t)}</p>"
    keys = (
        "<p>In a lecture: S opens the notes in a window of their own, PageDown and PageUp turn the "
        "slide, D is for dark rooms, O shows all slides. To print one: add ?print-pdf to its "
        'address. For votes: <a href="class/abcd.html">a card to fold</a>.</p>'
    )
    body = f'<main class="sheet index"><h1>Lectures of Deep by Addition</h1>{keys}{rows}</main>'
    return page("Lectures of Deep by Addition", body, "")


def make_lectures(folder):
    """Write everything for all talks into a folder.

    Raises:
        ValueError: what talks ask for and their chapters lack; the other talks were written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("class", "teacher", "figures", "player", "style"):
        (folder / name).mkdir(parents=True)
    player(folder)
    talks, wrong = [], []
    for path in sorted(LECTURES.glob("[0-9]*.md")):
        try:
            talks.append(Talk(path))
        except ValueError as error:
            wrong.append(str(error))
    for one in talks:
        pages = {"": deck, "class/-handout": handout, "class/-worksheet": worksheet}
        pages |= {"teacher/-plan": plan, "teacher/-key": key}
        for name, make in pages.items():
            where, _, kind = name.rpartition("/")
            (folder / where / f"{one.number}{kind}.html").write_text(make(one), "utf-8")
        students = folder / "class" / f"{one.number}-notebook.ipynb"
        nbformat.write(student_notebook(one.chapter), students)
        nbformat.write(live_notebook(one), folder / "teacher" / f"{one.number}-live.ipynb")
        figures(one, folder / "figures")
    card = page("A card to fold", f'<main class="card" aria-label="A, B, C, D">{CARD}</main>')
    (folder / "class" / "abcd.html").write_text(card, "utf-8")
    (folder / "index.html").write_text(index(talks), "utf-8")
    if wrong:
        raise ValueError("\n".join(wrong))


if __name__ == "__main__":
    lectures = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build/html/lectures"
    make_lectures(lectures)
    beside.link_pages(lectures)
