"""What every figure keeps to: light, quick, readable for all, and there without scripts."""

import statistics

import pytest
from browsing import RESPONSE, barriers, slow_down

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import EXPORT, HERE

NAMES = [figure.__name__ for figure in FIGURES]


@pytest.fixture(params=FIGURES, ids=NAMES)
def figure(request):
    return request.param()


def test_there_are_six_with_anchors_of_their_own():
    assert len(FIGURES) == 6
    assert len({figure.anchor for figure in FIGURES}) == 6


def test_a_module_has_less_than_400_lines_and_imports_nothing(figure):
    module = (HERE / figure.source).read_text()
    assert module.count("\n") < 400
    assert module.rstrip().endswith(EXPORT)
    assert "import " not in module and "http" not in module and "fetch(" not in module


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_for_a_reader_who_cannot_see_or_point(show_figure, figure, scheme):
    page = show_figure(figure, scheme=scheme)
    assert barriers(page) == []


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_it_fits_the_window(show_figure, figure, width):
    page = show_figure(figure, width=width)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_it_answers_within_50_ms_on_a_processor_four_times_slower(show_figure, figure):
    page = show_figure(figure)
    slow_down(page)
    times = page.locator(".rh-figure").evaluate(RESPONSE)
    print(f"{figure.anchor}: median {statistics.median(times):.1f} ms, {max(times):.1f} at most")
    assert statistics.median(times) <= 50


def test_without_scripts_a_still_picture_says_what_is_to_be_seen(browser, tmp_path, figure):
    path = tmp_path / "figure.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{figure.page_html()}")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    picture = page.locator(".rh-figure img")
    assert picture.is_visible() and len(picture.get_attribute("alt")) > 60
    context.close()


def test_its_page_text_is_light(figure):
    assert len(figure.page_html()) < 150_000


def test_a_notebook_gets_the_widget_and_a_page_the_text(figure):
    bundle, _ = figure._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"] == figure.page_html()
