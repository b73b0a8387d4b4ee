"""Formulas in Firefox and in Chromium: each of the book's, by the boxes of their parts."""

import json
import re

import pytest

HALF_EM = 10  # pixels, of letters of 20
# The size of each part of each formula, in pixels.
MEASURE = """(async () => {
    await document.fonts.load('20px "Addition Math"');
    await document.fonts.ready;
    return JSON.stringify([...document.querySelectorAll("math")].map((math) =>
        [math, ...math.querySelectorAll("*")].map((part) => {
            const { width, height } = part.getBoundingClientRect();
            return [part.localName, width, height];
        })));
})()"""


@pytest.fixture(scope="module")
def formulas(book):
    """The book's formulas, each once."""
    pages = [path.read_text("utf-8") for path in sorted(book.rglob("*.html"))]
    return sorted(
        {found for page in pages for found in re.findall(r"<math\b.*?</math>", page, re.S)}
    )


@pytest.fixture(scope="module")
def address(book, formulas, tmp_path_factory):
    """The address of a page of all formulas."""
    faces = (book / "_static" / "fonts" / "fonts.css").read_text("utf-8")
    page = '<!doctype html><meta charset="utf-8">'
    page += f'<style>{faces} math {{ font: 20px "Addition Math" }}</style>'
    page += "".join(f"<p>{formula}</p>" for formula in formulas)
    path = tmp_path_factory.mktemp("formulas") / "all.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


def test_every_root_sum_and_fraction_is_as_large_in_firefox_as_in_chromium(
    formulas, address, firefox, browser
):
    """The letters' own boxes aren't compared: one browser gives their ink, one their line."""
    firefox.open(address)
    in_firefox = json.loads(firefox.evaluate(MEASURE))
    page = browser.new_page()
    page.goto(address)
    in_chromium = json.loads(page.evaluate(MEASURE))
    page.close()
    assert len(formulas) == len(in_firefox) == len(in_chromium) > 100
    parts = {"mfrac", "msqrt", "mover", "munder", "munderover", "msub", "msup", "msubsup"}
    counted = 0
    for formula, *both in zip(formulas, in_firefox, in_chromium, strict=True):
        for one, other in zip(*both, strict=True):
            (name, width, height), (_, width_there, height_there) = one, other
            if name in parts:
                counted += 1
                assert abs(width - width_there) <= HALF_EM, formula
                assert abs(height - height_there) <= HALF_EM, formula
        widths = [parts_of_one[0][1] for parts_of_one in both]
        assert max(widths) <= 1.1 * min(widths) + HALF_EM, formula
    assert counted > 100
