"""What every figure keeps to: light, readable for all, unspoilt by links, there without scripts."""

import itertools
import json
import random
import re
from urllib.parse import quote

import ipywidgets
import pytest
import traitlets
from browsing import FOLLOW, barriers, follow, is_too_wide, link_to, resize
from IPython.core.formatters import DisplayFormatter

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import EXPORT, HERE

WIDTHS = (320, 360, 560, 768, 1366)
# What a figure adds to a notebook, in bytes. The lesion lab brings two networks and 200 pictures.
MOST = {"lesions": 650_000}
# All that a reader sees, hears or reaches; and that after each of some links.
LOOK = """() => document.querySelector(".rh-figure").innerHTML
    + [...document.querySelectorAll("input")].map((input) => `${input.checked} ${input.value}`)"""
LOOKS = f"""async (links) => {{
    const looks = [];
    for (const link of links) {{
        await ({FOLLOW})(link);
        looks.push(({LOOK})());
    }}
    return looks;
}}"""


@pytest.fixture(scope="module", params=FIGURES, ids=lambda figure: figure.name)
def figure(request):
    """Made once for all tests, which leave it as it is: some compute much at their start."""
    return request.param()


def look(page):
    return page.evaluate(LOOK)


def changed(figure):
    """The same figure with another value wherever its state is one of a few."""
    others = {
        name: next(value for value in spec["values"] if value != getattr(figure, name))
        for name, spec in figure.allowed.items()
        if "values" in spec
    }
    return type(figure)(**others)


def nonsense(names, rng):
    """A link's query that says nothing a figure could mean, though some of it looks like it."""
    others = [figure.anchor for figure in FIGURES]
    words = ["", "null", "NaN", "-Infinity", "undefined", "toString", "__proto__", "constructor"]
    values = itertools.chain(
        (quote(json.dumps(word)) for word in (*words, *others, "a" * 20_000, "1", "true")),
        words,
        ("1e999", "-1e999", "1e300", "-1", "-3", "2.5", "0.5", "123456789", "1e-9", "-0.1"),
        ("[[]]", "{}", "[[1]]", '["x",20]', '{"values":[0]}', "[" * 5000, "[-1]", "[101]"),
        ("%", "%E0%A4", "%7Bbroken", "%00", "a?b", "a=b", "%26", "%F0%9F%98%80", "0x10"),
    )
    values = list(values)
    count = rng.randrange(1, 2 * len(names))
    keys = [*names, "__proto__", "toString", "allowed", "data", "nothing", ""]
    return "&".join(f"{rng.choice(keys)}={rng.choice(values)}" for _ in range(count))


def test_anchors_differ():
    assert len({figure.anchor for figure in FIGURES}) == len(FIGURES)


def test_a_module_imports_its_neighbours_alone_and_asks_no_other_place(figure):
    module = (HERE / f"{figure.name}.js").read_text()
    imported = set(re.findall(r'\bfrom "([^"]*)"', module))
    assert {"./kit.js"} <= imported <= {"./kit.js", f"./{figure.name}_math.js"}
    assert module.rstrip().endswith(EXPORT)
    for name in ("kit.js", *imported - {"./kit.js"}):
        neighbour = (HERE / name).read_text()
        assert not re.search(r"^import ", neighbour, re.MULTILINE)  # joined as it stands
        module += neighbour
    module = module.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in module and "fetch(" not in module and "import(" not in module


def test_what_is_not_allowed_is_refused_by_python_too(figure):
    for name in figure.allowed:
        with pytest.raises(traitlets.TraitError, match=name):
            type(figure)(**{name: "nonsense"})


def test_a_notebook_keeps_state_and_still_but_no_code(figure):
    bundle, _ = figure._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    html = bundle["text/html"]
    assert html.startswith(f'<div class="rh-figure" id="{figure.anchor}"')
    assert "<script" not in html and "<style" not in html and "<svg" not in html
    assert len(html) < MOST.get(figure.name, 120_000)


@pytest.mark.trouble("another kernel")
def test_colabs_old_widgets_keep_the_html(figure, monkeypatch):
    # ipywidgets 7, there, has this method, which IPython prefers to a bundle with HTML.
    monkeypatch.setattr(ipywidgets.Widget, "_ipython_display_", print, raising=False)
    data, _ = DisplayFormatter().format(figure)
    assert data["text/html"] == figure.page_html()
    assert data["text/plain"] == figure.anchor


def test_it_keeps_no_reader_out_and_fits_any_window(show_figure, figure):
    page = show_figure(figure, scheme="dark")
    assert barriers(page) == []
    page = show_figure(figure)  # in the dark its parts stand at the same places
    assert barriers(page) == []
    for width in WIDTHS:
        resize(page, width)
        assert not is_too_wide(page), width


def test_it_answers_to_the_keyboard(show_figure, figure):
    page = show_figure(figure)
    before = look(page)
    page.locator(".rh-figure :is([type=range], [type=radio]:checked)").first.press("ArrowRight")
    assert look(page) != before


def test_a_link_carries_the_state(show_figure, figure):
    other = changed(figure)
    wanted = look(show_figure(other))
    page = show_figure(figure, link=link_to(other))
    assert look(page) == wanted
    page.get_by_role("button", name="Link to this state").click()
    assert page.evaluate("location.hash.slice(1)") == link_to(other)
    page.evaluate("document.body.style.padding = '3000px 0'")
    follow(page, f"{link_to(other)}&once=more")
    assert -1 < page.locator(".rh-figure").bounding_box()["y"] < 100


def test_no_link_can_spoil_it(show_figure, figure):
    rng = random.Random(0)
    page = show_figure(figure)
    default, other = look(page), link_to(changed(figure))
    links = [f"{figure.anchor}?{nonsense(list(figure.allowed), rng)}" for _ in range(100)]
    # Each has to undo another state: what a link doesn't say, or can't, is as the page came.
    looks = page.evaluate(LOOKS, [link for bad in links for link in (other, bad)])
    assert default not in looks[::2]
    assert [link for link, seen in zip(links, looks[1::2], strict=True) if seen != default] == []
    assert look(show_figure(figure, link=links[0])) == default  # as the page is opened, too


def test_without_scripts_a_still_picture_says_what_is_to_be_seen(browser, tmp_path, figure):
    path = tmp_path / "figure.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{figure.page_html()}")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    picture = page.locator(".rh-figure img")
    assert picture.is_visible() and len(picture.get_attribute("alt")) > 60
    context.close()
