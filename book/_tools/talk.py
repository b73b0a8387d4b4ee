"""Read the talks of book/lectures, and pull out of the chapters what they show.

A talk is a file NN_name.md of sections, one a slide. Figures, code and numbers come out of chapter
NN by a cell's id, so that none stands twice. book/teaching.md says how a talk is written.
"""

import ast
import html
import io
import re
import shlex
import sys
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat.v4 import new_code_cell
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from deep_by_addition import inline_svg, unplugged  # noqa: E402

LECTURES = ROOT / "book" / "lectures"
SVG, ROWS, COLUMNS = "image/svg+xml", 14, 70
PROTOCOL = (
    "VOTE alone, 1 minute. Right: 30 to 70 % → neighbours talk, 2 minutes, vote again; "
    "fewer → explain anew; more → one sentence."
)
SHORTER = """\
from dataclasses import replace

LIVE = replace(LIVE, epochs={})  # the chapter takes more: a class is waiting"""
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
MARKDOWN.use(
    dollarmath_plugin,
    renderer=lambda formula, options: unplugged.CONVERTER.convert_with_local_state(
        formula, displaystyle=options["display_mode"]
    ).replace("&ApplyFunction;", "\u2061"),
)


class Chapter:
    """A notebook with saved outputs, its cells by their ids."""

    def __init__(self, number):
        (self.path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
        self.notebook = nbformat.read(self.path, as_version=4)
        self.cells = {cell.id: cell for cell in self.notebook.cells}

    def cell(self, name):
        if name not in self.cells:
            raise ValueError(f"{self.path.name} has no cell {name!r}")
        return self.cells[name]

    def text(self, name):
        """What a cell printed or returned, or what a cell of text says."""
        cell = self.cell(name)
        if cell.cell_type == "markdown":
            return cell.source
        return "\n".join(o.get("text") or o.data.get("text/plain", "") for o in cell.outputs)

    def filled(self, text):
        """A text with each {{CELL: regex}} replaced by its first group, or by what it matched."""

        def value(wanted):
            found = re.search(wanted[2], self.text(wanted[1]))
            if not found:
                raise ValueError(f"{self.path.name}, {wanted[1]}: nothing matches {wanted[2]!r}")
            return found[found.lastindex or 0]

        return re.sub(r"\{\{([\w-]+): (.+?)\}\}", value, text)

    def code(self, name, of=None, lines=None):
        """A cell's code, or one function's, or some lines', without comments and docstrings."""
        rows = (source := self.cell(name).source).splitlines()
        tree = ast.parse(source)
        first, last = map(int, (lines or f"1-{len(rows)}").split("-"))
        for node in ast.walk(tree):
            if of and getattr(node, "name", "") == of:
                first, last = node.lineno, node.end_lineno
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                rows[node.body[0].lineno - 1 : node.body[0].end_lineno] = [None] * (
                    node.body[0].end_lineno - node.body[0].lineno + 1
                )
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                rows[token.start[0] - 1] = token.line[: token.start[1]].rstrip() or None
        text = "\n".join(row for row in rows[first - 1 : last] if row is not None)
        text = dedent(text.strip("\n"))
        return checked(name, re.sub(r"\n{3,}", "\n\n", text))


def checked(name, text):
    rows = text.splitlines()
    if len(rows) > ROWS or max(map(len, rows), default=COLUMNS + 1) > COLUMNS:
        widest = max(map(len, rows), default=0)
        raise ValueError(
            f"{name} has {len(rows)} lines of at most {widest} letters: a slide holds 1 to "
            f"{ROWS} of at most {COLUMNS}. Choose some by lines=FROM-TO or of=FUNCTION"
        )
    return text


def letters(text):
    """The size of code on a slide: as large as its lines allow."""
    rows = text.splitlines()
    size = min(36, 1120 / (0.6 * max(map(len, rows))), 480 / (1.4 * len(rows)))
    return f"font-size: {size:.1f}px"


@dataclass
class Slide:
    """A section of a talk."""

    chapter: Chapter
    number: int
    title: str
    options: dict
    body: str
    notes: str
    votes: list = field(default_factory=list)  # answer, guessed shares, options each with its why
    lives: list = field(default_factory=list)  # cells that run in front of the class, and seconds
    epochs: str = ""  # of a training that is shorter there than in the chapter
    html: str = ""

    def __post_init__(self):
        self.minutes = float(self.options.get("minutes", 0))
        self.long = self.options.get("from") == "90"
        self.covers = [int(n) for n in self.options.get("covers", "").split(",") if n]
        parts = re.split(r"(?ms)^(::\w[^\n]+|:::vote .*?^:::)$", self.body)
        self.html = f"<h2>{MARKDOWN.renderInline(self.title)}</h2>" + "".join(
            self.part(part.strip()) for part in parts if part.strip()
        )

    @property
    def kind(self):
        if self.number == 1:
            return "opening"
        return "shows" if 'class="stage"' in self.html else "asks" if self.votes else "says"

    def part(self, text):
        if text.startswith(":::vote"):
            return self.vote(text)
        if not text.startswith("::"):
            return f'<div class="words">{MARKDOWN.render(text)}</div>'
        kind, name, *options = shlex.split(text[2:])
        options = dict(option.split("=", 1) for option in options)
        if kind == "from":
            return f'<div class="stage">{self.output(name, **options)}</div>'
        if kind == "code":
            return f'<div class="stage">{self.code(name, **options)}</div>'
        if kind == "live":
            self.lives.append((name, float(options.pop("seconds"))))
            self.epochs = options.pop("epochs", "")
            saved = self.output(options.pop("fallback"), options.pop("shows", None))
            return (
                f'<div class="stage">{self.code(name, **options)}'
                f'<div class="fragment saved"><div class="stage">{saved}</div></div></div>'
            )
        raise ValueError(f"slide {self.title!r}: ::{kind} isn't one of from, code, live")

    def vote(self, text):
        head, *rows, _ = text.splitlines()
        guess = rows.pop() if rows[-1].startswith("guess ") else ""
        rows = [row[2:].split(" // ") for row in rows]  # behind the letter
        self.votes.append((head.split("answer=")[1].strip(), guess[6:], rows))
        items = "".join(f"<li>{MARKDOWN.renderInline(option)}</li>" for option, _ in rows)
        return f'<ol class="vote">{items}</ol>'

    def code(self, name, steps="", **options):
        text = self.chapter.code(name, **options)
        rows = highlight(text, PythonLexer(), HtmlFormatter(nowrap=True)).splitlines()
        lines = "".join(f'<span class="row">{row}\n</span>' for row in rows)
        marks = '<i class="fragment step"></i>' * steps.count("|")
        style = f'style="{letters(text)}" data-steps="{steps}"'
        return f"<pre {style}><code>{lines}</code></pre>{marks}"

    def output(self, name, lines=None):
        for output in self.chapter.cell(name).outputs:
            data = output.get("data", {})
            if SVG in data:
                drawn, alt = data[SVG], output.metadata.get(SVG, {}).get("alt", "")
                if 'id="figure_1"' in drawn:
                    return fitted(inline_svg.plot(drawn, alt, f"s{self.number}").astext())
                return fitted(f'<div class="plot">{drawn}</div>')
            if "data-figure" in data.get("text/html", ""):
                still = re.search("<img[^>]*>", data["text/html"])[0]
                return f'<div class="play" data-src="figures/{name}.html">{still}</div>'
            if "<img" in data.get("text/html", ""):
                return data["text/html"]
        rows = self.chapter.text(name).rstrip().splitlines()
        first, last = map(int, (lines or f"1-{len(rows)}").split("-"))
        text = re.sub("(?m)^measured: ", "", dedent("\n".join(rows[first - 1 : last])))
        text = checked(name, text)
        return f'<pre style="{letters(text)}">{html.escape(text)}</pre>'

    def section(self):
        notes = self.notes + (f"\n{PROTOCOL}" if self.votes else "")
        said = "".join(f"<p>{MARKDOWN.renderInline(line)}</p>" for line in notes.splitlines())
        said = re.sub(r"<p>([A-Z]{3,})", r"<p><b>\1</b>", said)
        return (
            f'<section class="{self.kind}" data-timing="{self.minutes * 60:.0f}"'
            f"{' data-long' * self.long}>{self.html}"
            f'<aside class="notes">{said}</aside></section>'
        )


def fitted(svgs):
    """Drawings side by side that grow until they fill a slide's width or height."""
    boxes = re.findall(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svgs)
    total = sum(float(width) for width, _ in boxes)

    def sized(tag):
        box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', tag[0])
        width, height = map(float, box.groups())
        bare = re.sub(r' (?:style|width|height)="[^"]*"', "", tag[0][:-1])
        return f'{bare} style="--share: {width / total:.4f}; --ratio: {width / height:.4f}">'

    return re.sub(r"<svg\b[^>]*>", sized, svgs)


class Talk:
    """A file of book/lectures: slides, and what is written for the class on paper."""

    def __init__(self, path):
        self.number = path.stem[:2]
        self.chapter = Chapter(self.number)
        text, _, self.paper = path.read_text("utf-8").partition("\n# On paper\n")
        head, *slides = re.split(r"(?m)^## ", text)
        self.title = re.search(r"(?m)^# (.+)", head)[1].replace("`", "")
        self.slides, wrong = [], []
        for number, text in enumerate(slides, 1):
            try:
                self.slides.append(self.slide(number, text))
            except (ValueError, KeyError) as error:
                wrong.append(f"{path.name}, slide {number}: {error}")
        if wrong:
            raise ValueError("\n".join(wrong))

    def slide(self, number, text):
        title, options, body = re.match(r"(.*?) *\{(.*)\}\n(.*)", text, re.S).groups()
        options = dict(option.split("=", 1) for option in shlex.split(options))
        body, _, notes = self.chapter.filled(body).partition(":::notes\n")
        return Slide(self.chapter, number, title, options, body, notes.rpartition(":::")[0].strip())

    def shorter(self):
        """Cells for the live notebook that cut its trainings down."""
        return [
            new_code_cell(SHORTER.format(slide.epochs), id=f"{slide.lives[0][0]}-shorter")
            for slide in self.slides
            if slide.epochs
        ]

    def of(self, minutes):
        return [slide for slide in self.slides if minutes == 90 or not slide.long]
