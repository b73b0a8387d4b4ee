"""A built page loads the scripts of the figures that stand in it, and draws each of them."""

import io
from pathlib import Path

import pytest
from browsing import FRAME, follow
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from resnet_helpers.figures import BlockStepper, CostCalculator

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
CONF = """
from deep_by_addition import figure_scripts, live_figure

def setup(app):
    app.add_directive("figure-widget", live_figure.FigureDirective)
    app.connect("builder-inited", figure_scripts.write)
    app.connect("html-page-context", figure_scripts.load)
"""
SCRIPTS = (
    "[...document.scripts].map((script) => script.src).filter((src) => src.includes('figures/'))"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder of two pages built by Sphinx: one with three figures, one with none."""
    source = tmp_path_factory.mktemp("source")
    figures = (CostCalculator(), BlockStepper(), CostCalculator(kernel=3))
    raw = "\n\n".join(f".. raw:: html\n\n   {figure.page_html()}" for figure in figures)
    (source / "index.rst").write_text(f"Figures\n=======\n\n{raw}\n\n.. toctree::\n\n   words\n")
    (source / "conf.py").write_text(CONF)
    (source / "words.rst").write_text("Words\n=====\n\nAnd no figure.\n")
    directive = '.. figure-widget:: playground\n\n   depth: 8\n   points: "moons"\n'
    (source / "play.rst").write_text(f":orphan:\n\nPlay\n====\n\n{directive}")
    with pytest.MonkeyPatch.context() as patch, docutils_namespace():
        patch.syspath_prepend(EXTENSIONS)
        out, said = source / "out", {"status": None, "warning": io.StringIO()}
        Sphinx(source, source, out, source / "trees", "html", warningiserror=True, **said).build()
    return out


@pytest.fixture
def page(pages, browser):
    problems = []
    page = browser.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.goto((pages / "index.html").as_uri())
    yield page
    page.close()
    assert problems == []


def test_a_page_loads_the_scripts_of_its_own_figures(pages, page):
    loaded = {Path(source).name.partition("?")[0] for source in page.evaluate(SCRIPTS)}
    assert loaded == {"cost.js", "stepper.js"}
    page.goto((pages / "words.html").as_uri())
    assert page.evaluate(SCRIPTS) == []
    assert "figures.css" not in page.content()


def test_each_figure_of_a_page_is_drawn_with_ids_of_its_own(page):
    assert page.locator(".rh-readout").count() == 3
    assert page.locator(".rh-still").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    assert {"figure-cost", "figure-stepper", "figure-cost-2"} <= set(ids)
    assert page.get_by_label("kernel k").nth(1).get_attribute("aria-valuetext") == "3"


def test_a_page_opened_by_a_link_scrolls_to_the_figure(pages, browser):
    page = browser.new_page(viewport={"width": 900, "height": 500})
    page.goto(f"{(pages / 'index.html').as_uri()}#figure-cost-2?kernel=11")
    for _ in range(3):
        page.evaluate(FRAME)
    assert -1 < page.locator("#figure-cost-2").bounding_box()["y"] < 100
    assert page.get_by_label("kernel k").nth(1).get_attribute("aria-valuetext") == "11"
    page.close()


def test_a_link_reaches_one_figure_alone(page):
    readouts = page.locator(".rh-readout")
    before = readouts.all_inner_texts()
    follow(page, "figure-cost-2?kernel=11")
    after = readouts.all_inner_texts()
    assert after[:2] == before[:2] and after[2] != before[2]
    assert -1 < page.locator("#figure-cost-2").bounding_box()["y"] < 500


def test_a_page_that_is_no_notebook_shows_a_figure_by_a_directive(pages, page):
    page.goto((pages / "play.html").as_uri())
    assert "8 layers, twice" in page.locator(".rh-title").inner_text()
    assert page.get_by_label("moons").is_checked()
