"""Each deck in Firefox, from a folder copied elsewhere, without a network."""

import json
import shutil

import pytest

# What is in sight: the slide, and how many of its fragments.
PLACE = """JSON.stringify([Reveal.getIndices().h, Reveal.getIndices().f ?? -1,
    Reveal.isLastSlide() && !Reveal.availableFragments().next])"""
READY = """!document.querySelector("section.present .play")
    || !!document.querySelector("section.present iframe[data-ready]")"""
LOOK = """document.querySelector(".rh-figure").innerHTML
    + [...document.querySelectorAll(".rh-figure input")].map((one) => one.value + one.checked)"""
# Give a figure's first control the focus; whether it is a slider that stands at its end.
FOCUS = """(() => {
    const one = document.querySelector(".rh-figure :is([type=range], [type=radio]:checked)");
    one.focus();
    return one.type === "range" && one.value === one.max;
})()"""


@pytest.fixture(scope="module")
def stick(lectures, tmp_path_factory):
    """The lectures as on a stick: a copy, in a folder whose name has a space."""
    return shutil.copytree(lectures, tmp_path_factory.mktemp("stick") / "the lectures")


def test_a_deck_goes_to_its_end_and_its_figures_move(firefox, stick, talk):
    firefox.open((stick / f"{talk.number}.html").as_uri())
    firefox.until(lambda: firefox.evaluate("Reveal.isReady()"))
    seen, moved, ended = set(), 0, False
    while not ended:
        slide, fragment, ended = json.loads(firefox.evaluate(PLACE))
        assert (slide, fragment) not in seen, "a key did not turn the slide"
        if slide not in {one for one, _ in seen}:
            firefox.until(lambda: firefox.evaluate(READY))
            moved += move_figure(firefox)
        seen.add((slide, fragment))
        firefox.press("PageDown")
    assert {slide for slide, _ in seen} == set(range(len(talk.slides)))
    assert moved == sum("data-src" in slide.html for slide in talk.slides)
    assert firefox.problems == []


def move_figure(firefox):
    """Move the figure of the slide in sight, if it has one, by an arrow key; return how many."""
    name = firefox.evaluate("document.querySelector('section.present iframe')?.src")
    if not name:
        return 0
    tree = firefox.ask("browsingContext.getTree", root=firefox.page)["contexts"][0]
    (frame,) = [child["context"] for child in tree["children"] if child["url"] == name]
    before = firefox.evaluate(LOOK, frame)
    firefox.press("ArrowLeft" if firefox.evaluate(FOCUS, frame) else "ArrowRight", frame)
    firefox.until(lambda: firefox.evaluate(LOOK, frame) != before, seconds=5)
    return 1
