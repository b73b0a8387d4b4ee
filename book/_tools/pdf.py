"""Make one PDF of the whole book, from its built pages: _build/deep-by-addition.pdf.

python book/_tools/pdf.py

Chromium prints all pages as one, which pdf.js puts together, with the style for print in book.css.
It does so twice: the second time the contents and the answers' links say on which page something
stands.
"""

import functools
import io
import logging
import shutil
import sys
from pathlib import Path

import yaml
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Fit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_ext"))

from deep_by_addition import fonts

from resnet_helpers._pictures import data_uri

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parents[1]
HTML = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "deep-by-addition.pdf"
LARGE = 200_000  # bytes; a photograph that Chromium unpacked to more is packed again
CHROMIUM = "chromium", "chromium-browser", "google-chrome"
WEIGHTS = 400, 600
MARGIN, HEIGHT = 50, 842  # of the page, in points
STYLE = """(text) => {
    document.querySelector('link[href*="fonts/fonts.css"]').remove();
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
}"""
FILL = """(pages) => document.querySelectorAll("a.paged").forEach((a) => {
    a.lastChild.textContent = pages[decodeURIComponent(a.hash.slice(1))];
})"""


def names():
    """The pages in the order of the PDF: the cover, the chapters, and all others behind them."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    return [contents["root"], *sorted(files, key=lambda name: not name.startswith("notebooks/"))]


def config():
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


@functools.cache
def faces():
    """A style sheet of the book's faces, each weight a font: no PDF can hold a variable one."""
    rules = ""
    for name, (family, style, weights) in fonts.FACES.items():
        least, *most = map(int, weights.split())
        for weight in WEIGHTS if most else [least]:
            font = TTFont(ROOT / "book" / "_static" / "fonts" / f"{name}.woff2")
            if "fvar" in font:
                limits = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes}
                instancer.instantiateVariableFont(font, limits | {"wght": weight}, True)
            font.flavor = None
            font.save(file := io.BytesIO())
            source = data_uri(file.getvalue(), "font/ttf")
            rules += fonts.RULE.format(family, style, weight, source).replace("woff2", "truetype")
    return rules


def open_book(browser, html):
    """All pages as one, open in a browser, and its outline."""
    pages = [(name, (html / f"{name}.html").read_text("utf-8")) for name in names()]
    page = browser.new_page(java_script_enabled=False, color_scheme="light")
    page.goto((html / f"{pages[0][0]}.html").as_uri())
    page.evaluate(STYLE, faces())
    script = (TOOLS / "pdf.js").read_text("utf-8")
    return page, page.evaluate(script, [pages, config()["html"]["baseurl"]])


def printed(page, tagged):
    """A reader of the PDF of an open page, and of each place its page, from 0, and its height."""
    data = page.pdf(format="A4", prefer_css_page_size=True, print_background=True, tagged=tagged)
    pdf = PdfReader(io.BytesIO(data))
    places = {}
    for name, place in pdf.named_destinations.items():
        number, top = pdf.get_destination_page_number(place), place.top
        # What begins a page may be set at the very foot of the page before, and not each time.
        places[name[1:]] = (number, top) if top > MARGIN else (number + 1, HEIGHT)
    return pdf, places


def make_pdf(browser, html, path):
    """Write the book as a PDF.

    Args:
        browser: Playwright's Chromium.
        html: the folder of the built pages.
        path: where to write.
    """
    page, outline = open_book(browser, html)
    _, places = printed(page, tagged=False)  # which changes no place, and takes less long
    page.close()  # printed once more, it would be broken into pages elsewhere
    page, _ = open_book(browser, html)
    page.evaluate(FILL, {place: number + 1 for place, (number, _) in places.items()})
    pdf, places = printed(page, tagged=True)
    page.close()
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it counts a page's objects once too often
    writer = PdfWriter(clone_from=pdf)
    for title, place, sections in outline:
        parent = None
        for words, to in [(title, place), *sections]:
            number, top = places[to]
            item = writer.add_outline_item(
                title=words,
                page_number=number,
                parent=parent,
                fit=Fit.xyz(left=0, top=top),
                is_open=False,
            )
            parent = parent or item
    for page in writer.pages:
        for name, drawn in page["/Resources"].get("/XObject", {}).items():
            photograph = drawn.get_object()
            if photograph.get("/Filter") == "/FlateDecode" and len(photograph._data) > LARGE:
                image = page.images[name]
                image.replace(image.image.convert("RGB"), quality=90)
    about = {"/Title": "title", "/Author": "author", "/Subject": "copyright"}
    writer.add_metadata({name: config()[key] for name, key in about.items()})
    writer.page_mode = "/UseOutlines"
    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write(path)


def main():
    if not (HTML / f"{names()[0]}.html").exists():
        print("There are no pages to print yet: make read builds them, in a minute.")
        sys.exit(2)
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    if not found:
        print("No Chromium here, which prints the pages: install Debian's package chromium.")
        sys.exit(2)
    print("Printing the book: about a minute.", flush=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        make_pdf(browser, HTML, PDF)
        browser.close()
    print(f"    {PDF}")


if __name__ == "__main__":
    main()
