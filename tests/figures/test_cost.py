"""The cost calculator: its numbers are the package's, by mouse, by keyboard, by link."""

from browsing import follow, link_to, random_figures

from resnet_helpers.figures.cost import CostCalculator

# Of each row the texts, where a short number counts by its title, and the route of its colour.
TABLE = """() => [...document.querySelectorAll(".rh-table tbody tr")].map((row) => [
    row.querySelector("[role=img]").ariaLabel,
    ...[...row.children].map((cell) => cell.querySelector("[title]")?.title ?? cell.innerText)])"""


def table(page):
    return page.evaluate(TABLE)


def expected(figure):
    routes = zip(("directly", "through a bottleneck"), figure.routes(), strict=True)
    return [
        [route, x.words, f"{x.height}×{x.width}", f"{x.parameters:,}", f"{x.macs:,}"]
        for route, layers in routes
        for x in layers
    ]


def test_short_numbers_are_those_of_their_titles(show_figure):
    page = show_figure(CostCalculator())
    shorts = page.locator(".rh-table [title]").all_inner_texts()
    assert shorts == [
        "204.8\u202fK",
        "160.6\u202fM",
        "4,096",
        "3.211\u202fM",
        "51.20\u202fK",
        "40.14\u202fM",
    ]


def test_on_a_phone_no_column_of_the_table_is_out_of_sight(show_figure):
    page = show_figure(CostCalculator(), width=390)
    box = page.locator(".rh-table")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_the_lectures_example_has_the_numbers_of_facts():
    direct, through = CostCalculator().routes()
    assert direct[0].macs == 160_563_200
    assert [layer.macs for layer in through] == [3_211_264, 40_140_800]


def test_twenty_random_settings_show_pythons_numbers(show_figure):
    page = show_figure(CostCalculator())
    for figure in random_figures(CostCalculator):
        follow(page, link_to(figure))
        assert table(page) == expected(figure)
        totals = [sum(getattr(layer, figure.unit) for layer in way) for way in figure.routes()]
        said = page.locator(".rh-readout").inner_text()
        assert all(f"{total:,}" in said for total in totals)


def test_a_slider_moves_by_arrow_keys_and_the_numbers_follow(show_figure):
    figure = CostCalculator()
    page = show_figure(figure)
    page.get_by_label("kernel k").focus()
    page.keyboard.press("ArrowLeft")
    figure.kernel = 3
    assert table(page) == expected(figure)


def test_a_slider_moves_by_mouse_and_the_numbers_follow(show_figure):
    figure = CostCalculator()
    page = show_figure(figure)
    box = page.get_by_label("channels in").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    figure.c_in = 2048
    assert table(page) == expected(figure)


def test_an_example_sets_all_sliders(show_figure):
    page = show_figure(CostCalculator())
    start = page.get_by_label("start from")
    start.select_option(label="ResNet-50, conv4_x")
    figure = CostCalculator(
        height=14, width=14, c_in=1024, c_out=1024, kernel=3, bottleneck=256, expand=True
    )
    assert table(page) == expected(figure)
    page.get_by_label("kernel k").press("ArrowRight")
    assert start.evaluate("list => list.selectedOptions[0].textContent") == "your own"
