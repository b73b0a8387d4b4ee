"""The degradation explorer: it shows the recorded errors, and hides one until it is predicted."""

import itertools
import json
import re
from statistics import fmean

import matplotlib.pyplot as plt
import pytest
import traitlets
from browsing import follow, resize

from resnet_helpers.experiments.recorded import RECORDED
from resnet_helpers.figures.degradation import DegradationExplorer

DEPTHS = (20, 56)
LABELS = """() => [...document.querySelectorAll(".rh-stage text")].map((text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    return { words: text.textContent, left, right, top, bottom };
})"""


def errors(network, depth, measure):
    """The errors in % of each seed, read from the files: rows of seeds, columns of points."""
    folder = RECORDED / "degradation-cifar10-long"
    files = [folder / f"{network}-{depth}-seed{seed}.json" for seed in range(3)]
    name = {"training": "train_error", "test": "test_error"}[measure]
    found = [json.loads(path.read_text("utf-8")) for path in files]
    return [[100 * row[name] for row in run["history"]] for run in found]


def open_explorer(**setting):
    """The explorer that hides nothing, with the cursor at the end."""
    return DegradationExplorer(**{"predict": False, "passes": 30} | setting)


def said(page):
    return re.sub(r"\s+", " ", page.locator(".rh-readout").inner_text())


def expected(figure, network, depth):
    """What the readout must say of one curve with the cursor where the figure has it."""
    point = figure.values(network, depth, figure.measure)[figure.passes - 1]
    return f"{network}-{depth} {point.mean:.1f} % ({point.low:.1f} to {point.high:.1f})"


def shown(page):
    """The names of the curves that are drawn."""
    return page.locator("[data-curve]").evaluate_all("all => all.map(x => x.dataset.curve)")


def plot(page):
    return page.get_by_role("slider")


def pixel(page, passes, error):
    """Where on the screen a point of the linear plot lies, by the axes' own labels."""
    at = {label["words"]: label for label in page.evaluate(LABELS)}
    across = [(at[word]["left"] + at[word]["right"]) / 2 for word in ("0", "30")]
    # The labels "0" and "20" are there twice, last on the x axis: "40" and "80" on the y axis only.
    up = [(at[word]["top"] + at[word]["bottom"]) / 2 for word in ("40", "80")]
    return (
        across[0] + (across[1] - across[0]) * passes / 30,
        up[0] + (up[1] - up[0]) * (error - 40) / 40,
    )


def drag(page, *points):
    """Draw through points (passes, error in %)."""
    page.mouse.move(*pixel(page, *points[0]))
    page.mouse.down()
    for passes, error in points[1:]:
        page.mouse.move(*pixel(page, passes, error), steps=5)
    page.mouse.up()


def show_button(page):
    return page.get_by_role("button", name="Show what happened")


@pytest.mark.parametrize("measure", ["training", "test"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("network", ["plain", "residual"])
def test_the_values_are_those_of_the_recorded_files(network, depth, measure):
    seeds = list(zip(*errors(network, depth, measure), strict=True))
    points = DegradationExplorer().values(network, depth, measure)
    assert [point.passes for point in points] == list(range(1, 31))
    for point, numbers in zip(points, seeds, strict=True):
        wanted = fmean(numbers), min(numbers), max(numbers)
        assert point[1:] == pytest.approx(wanted, abs=0.0501)


def test_what_is_not_recorded_is_refused():
    with pytest.raises(ValueError, match="plain-110 isn't recorded"):
        DegradationExplorer().values("plain", 110, "training")
    with pytest.raises(ValueError, match="unknown measure 'loss'"):
        DegradationExplorer().values("plain", 20, "loss")
    with pytest.raises(traitlets.TraitError):
        DegradationExplorer(depths=[])


def test_the_still_picture_says_the_ends_that_its_text_says():
    figure = DegradationExplorer()
    ends = [
        figure.values(network, depth, "training")[-1].mean
        for network in ("plain", "residual")
        for depth in DEPTHS
    ]
    assert [f"{end:.0f} %" for end in ends] == re.findall(r"\d+ %", figure.alt)
    still = figure.still()
    labels = [text.get_text() for text in still.axes[0].texts]
    plt.close(still)
    assert labels == ["plain-20", "plain-56", "residual-20", "residual-56"]


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"networks": "residual", "depths": [20], "passes": 1},
        {"networks": "both", "depths": [20, 56], "measure": "test", "passes": 17},
        {"networks": "both", "depths": [56], "measure": "training", "passes": 12},
        {"networks": "plain", "depths": [56, 20], "measure": "test"},
    ],
)
def test_the_readout_says_pythons_values(show_figure, setting):
    figure = open_explorer(**setting)
    page = show_figure(figure)
    kinds = ("plain", "residual") if figure.networks == "both" else (figure.networks,)
    chosen = [(network, depth) for network in kinds for depth in sorted(figure.depths)]
    text = said(page)
    after = "After 1 pass" if figure.passes == 1 else f"After {figure.passes} passes"
    assert f"{after}, {figure.measure} error" in text
    assert all(expected(figure, *one) in text for one in chosen)
    assert shown(page) == [f"{network}-{depth}" for network, depth in chosen]


def test_arrow_keys_move_the_cursor(show_figure):
    page = show_figure(open_explorer())
    plot(page).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "After 28 passes" in said(page)
    assert expected(DegradationExplorer(passes=28), "plain", 56) in said(page)
    assert plot(page).get_attribute("aria-valuetext") == "28 passes"
    page.keyboard.press("Home")
    assert expected(DegradationExplorer(passes=1), "plain", 20) in said(page)
    page.keyboard.press("ArrowLeft")  # there is nothing before it
    assert expected(DegradationExplorer(passes=1), "plain", 20) in said(page)


def test_the_mouse_moves_the_cursor(show_figure):
    page = show_figure(open_explorer())
    page.mouse.move(*pixel(page, 7.2, 50))
    assert "After 7 passes" in said(page)
    assert expected(DegradationExplorer(passes=7), "plain", 20) in said(page)


def test_the_controls_choose_what_is_shown(show_figure):
    page = show_figure(open_explorer())
    page.get_by_label("both").check()
    page.get_by_label("20").uncheck()
    page.get_by_label("test", exact=True).check()
    assert shown(page) == ["plain-56", "residual-56"]
    assert expected(DegradationExplorer(measure="test"), "residual", 56) in said(page)
    words = [label["words"] for label in page.evaluate(LABELS)]
    assert "test error (%)" in words


def test_the_last_depth_stays(show_figure):
    page = show_figure(open_explorer())
    page.get_by_label("20").uncheck()
    assert page.get_by_label("56").is_disabled()
    page.get_by_label("20").check()
    assert page.get_by_label("56").is_enabled()


@pytest.mark.parametrize(
    ("networks", "asked", "others"),
    [
        ("plain", "plain-56", ["plain-20"]),
        ("both", "residual-56", ["plain-20", "plain-56", "residual-20"]),
    ],
)
def test_predict_first_hides_the_deepest_network(show_figure, networks, asked, others):
    page = show_figure(open_explorer(networks=networks))
    page.get_by_label("predict first").check()
    assert shown(page) == others
    assert asked not in said(page)
    assert asked not in [label["words"] for label in page.evaluate(LABELS)]
    assert f"training error of {asked}" in page.locator(".rh-figure").inner_text()


def test_a_curve_drawn_by_mouse_is_compared_at_its_end(show_figure):
    figure = DegradationExplorer(predict=True)
    page = show_figure(figure)
    assert show_button(page).is_disabled()
    drag(page, (1, 85), (15, 40), (30, 15))
    assert shown(page) == ["plain-20", "your curve"]
    page.mouse.move(*pixel(page, 15, 50))
    own = int(re.search(r"your curve (\d+) %", said(page))[1])
    assert own == pytest.approx(40, abs=1)
    plot(page).focus()
    page.keyboard.press("End")
    own = int(re.search(r"your curve (\d+) %", said(page))[1])
    assert own == pytest.approx(15, abs=1)
    show_button(page).click()
    assert shown(page) == ["plain-20", "plain-56", "your curve"]
    mean = figure.values("plain", 56, "training")[-1].mean
    assert f"plain-56 ended at {mean:.1f} %" in said(page)
    assert f"{mean - own:.1f} points too low" in said(page)
    assert expected(open_explorer(), "plain", 56) in said(page)


def test_a_quick_stroke_leaves_no_gap(show_figure):
    page = show_figure(DegradationExplorer(predict=True))
    page.mouse.move(*pixel(page, 1, 80))
    page.mouse.down()
    page.mouse.move(*pixel(page, 30, 22))
    page.mouse.up()
    plot(page).focus()
    page.keyboard.press("Home")
    for step in range(30):
        own = int(re.search(r"your curve (\d+) %", said(page))[1])
        assert own == pytest.approx(80 - 2 * step, abs=1)
        page.keyboard.press("ArrowRight")


def test_a_curve_drawn_by_keyboard_is_compared_at_its_end(show_figure):
    figure = DegradationExplorer(networks="residual", measure="test", predict=True, passes=1)
    page = show_figure(figure)
    plot(page).focus()
    page.keyboard.press("PageDown")  # from a blind guess, 90 %
    page.keyboard.press("ArrowUp")
    assert plot(page).get_attribute("aria-valuetext") == "1 pass, your curve 81 %"
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")  # from the point before
    assert "your curve 80 %" in said(page)
    show_button(page).focus()
    page.keyboard.press("Enter")
    mean = figure.values("residual", 56, "test")[-1].mean
    assert f"{80 - mean:.1f} points too high" in said(page)
    assert page.evaluate("document.activeElement.textContent") == "Draw again"


def test_a_finger_draws_and_the_page_does_not_scroll(show_figure):
    page = show_figure(DegradationExplorer(predict=True), width=390, has_touch=True)
    page.evaluate("document.body.style.paddingBottom = '2000px'")
    plot(page).scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        where = [dict(zip("xy", pixel(page, *point), strict=True)) for point in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    touch("touchStart", (1, 20))
    for point in ((1, 50), (1, 80), (8, 70), (15, 60), (22, 50), (30, 40)):  # upwards at first
        touch("touchMove", point)
    touch("touchEnd")
    assert "your curve" in shown(page)
    assert show_button(page).is_enabled()
    assert page.evaluate("scrollY") == before


def test_draw_again_hides_the_curve_and_forgets_the_drawing(show_figure):
    page = show_figure(DegradationExplorer(predict=True))
    drag(page, (1, 85), (30, 30))
    show_button(page).click()
    page.get_by_role("button", name="Draw again").click()
    assert shown(page) == ["plain-20"]
    assert show_button(page).is_disabled()
    assert "ended" not in said(page)


def test_another_question_forgets_the_drawing(show_figure):
    page = show_figure(DegradationExplorer(predict=True))
    drag(page, (1, 85), (30, 30))
    page.get_by_label("20").uncheck()
    assert "your curve" in shown(page)  # the same curve is asked for
    page.get_by_label("residual").check()
    assert "your curve" not in shown(page)


def test_a_link_carries_a_drawing(show_figure):
    page = show_figure(open_explorer(networks="both"))
    page.get_by_label("56").uncheck()
    page.get_by_label("predict first").check()
    drag(page, (1, 85), (30, 15))
    page.get_by_role("button", name="Link to this state").click()
    before = said(page), shown(page)
    page = show_figure(DegradationExplorer(), link=page.evaluate("location.hash.slice(1)"))
    assert (said(page), shown(page)) == before
    assert "your curve" in shown(page)


def test_a_link_cannot_show_the_answer_without_a_drawing(show_figure):
    page = show_figure(DegradationExplorer())
    for number, times in ((500, 30), (23, 29), ("null", 30)):
        drawing = ",".join([str(number)] * times)
        follow(page, f"figure-degradation?predict=true&revealed=true&prediction=[{drawing}]")
        assert shown(page) == ["plain-20"]


@pytest.mark.parametrize("measure", ["training", "test"])
def test_no_label_is_cut_or_lies_on_another(show_figure, measure):
    figure = DegradationExplorer(
        networks="both",
        depths=[20, 56],
        measure=measure,
        predict=True,
        prediction=[23] * 30,
        revealed=True,
    )
    page = show_figure(figure)
    for width in (320, 340, 360, 560, 760):
        resize(page, width)
        texts = page.evaluate(LABELS)
        words = {text["words"] for text in texts}
        assert {"plain-20", "residual-20", "residual-56", "your curve", "blind guess"} <= words
        box = page.locator(".rh-stage svg").bounding_box()
        for one in texts:
            assert box["x"] <= one["left"] and one["right"] <= box["x"] + box["width"], one
            assert box["y"] <= one["top"] and one["bottom"] <= box["y"] + box["height"], one
        for one, other in itertools.combinations(texts, 2):
            assert apart(one, other) or apart(other, one), (one, other)


def apart(one, other):
    """Whether a label ends before another begins, to the right of it or below."""
    return one["right"] <= other["left"] or one["bottom"] <= other["top"] + 1
