"""The pages' face: fonts that stand in them, colours that everybody can tell, formulas whole."""

import itertools
import re

import matplotlib
import matplotlib.pyplot as plt
import pytest
from contents import CHAPTERS, ROOT
from deep_by_addition import inline_svg, palette, sentence_outputs, unplugged
from docutils import nodes
from fontTools.ttLib import TTFont

from resnet_helpers import plotting
from resnet_helpers._pictures import is_photograph, svg_of

PAGE = CHAPTERS[0]
FONTS = ROOT / "book" / "_static" / "fonts"
matplotlib.use("Agg")


def luminance(color):
    """WCAG 2.2's relative luminance of a colour such as #d55e00."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    pale, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (pale + 0.05) / (dark + 0.05)


def test_contrast_is_wcags():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colors", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_every_word_and_every_line_stands_out_from_its_ground(colors):
    words = ["ink", "quiet", "plain-ink", "residual", "checked", "you"]
    for word, ground in itertools.product(words, ["paper", "surface"]):
        assert contrast(colors[word], colors[ground]) >= 4.5, (word, ground)
    for word in ("ink", "you"):
        assert contrast(colors[word], colors["you-soft"]) >= 4.5, word
    for line in ("plain", "residual", "third", "you", "quiet"):
        assert contrast(colors[line], colors["paper"]) >= 3, line


@pytest.mark.parametrize("name", ["PLAIN", "RESIDUAL", "GREEN", "BLACK", "GREY", "YELLOW", "PINK"])
def test_every_colour_of_a_plot_stands_out_from_paper(name):
    for paper in ("#ffffff", palette.LIGHT["paper"]):
        assert contrast(getattr(plotting, name), paper) >= 3


def test_the_fonts_are_light_renamed_and_licensed():
    sizes = {path.name: path.stat().st_size for path in FONTS.glob("*.woff2")}
    assert len(sizes) == 5 and sum(sizes.values()) < 200_000
    licences = (FONTS / "LICENSE.txt").read_text()
    assert licences.count("SIL OPEN FONT LICENSE Version 1.1") == 4
    for name in sizes:
        with TTFont(FONTS / name) as font:
            assert font["name"].getDebugName(1).startswith("Addition ")
            assert "MATH" in font or name != "math.woff2"


def test_the_faces_have_every_letter_that_the_pages_show(book):
    """Emojis and other scripts are pictures and quotations: they come from the reader's machine."""
    text = set()
    for name in CHAPTERS:
        page = (book / f"{name}.html").read_text().split("<article", 1)[1].split("</article>")[0]
        text |= set(
            re.sub(r"<(?:script|style|svg).*?</(?:script|style|svg)>|<[^>]*>", "", page, flags=re.S)
        )
    faces = {}
    for name in ("serif", "code", "math", "sans"):
        with TTFont(FONTS / f"{name}.woff2") as font:
            faces[name] = set(font.getBestCmap())
    some = set().union(*faces.values())
    missing = {letter for letter in text if letter.isprintable() and 32 < ord(letter) < 0x3000}
    missing = {letter for letter in missing if ord(letter) not in some}
    assert missing <= set("️⁡"), f"not in any face: {missing}; run book/_tools/fonts.py"


def test_the_maths_of_every_page_is_a_converters_without_an_error(book):
    for path in book.rglob("*.html"):
        for formula in re.findall(r"<math\b.*?</math>", path.read_text(), re.S):
            assert "merror" not in formula and "\\" not in formula, f"{path.name}: {formula[:200]}"


@pytest.mark.browser
def test_every_face_is_used_and_none_comes_from_elsewhere(page):
    page.wait_for_function("document.fonts.ready")
    faces = page.evaluate(
        """() => [...document.fonts].filter((face) => face.status === "loaded")
            .map((face) => `${face.family} ${face.style}`)"""
    )
    assert sorted(faces) == [
        "Addition Code normal",
        "Addition Math normal",
        "Addition Sans normal",
        "Addition Serif italic",
        "Addition Serif normal",
    ]


@pytest.mark.browser
def test_in_the_dark_no_figure_stands_in_a_pale_frame(page):
    """The theme's rule for what cells put out beat the book's, and drew one of eight pixels."""
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    frames = page.evaluate(
        """() => [...document.querySelectorAll(".text_html:has(.rh-figure)")]
            .map((e) => getComputedStyle(e))
            .map((style) => [style.backgroundColor, style.padding])"""
    )
    assert frames and all(frame == ["rgba(0, 0, 0, 0)", "0px"] for frame in frames)


KINDS = {
    "root": r"\sqrt{\frac{\sigma^2 + \varepsilon}{2}}",
    "sum": r"\sum_{i=l}^{L-1} \mathrm{F}(x_i)",
    "index": r"C_{\mathrm{in}}",
    "fence": r"\left(\frac{1}{N}\sum_{i=1}^{N}\sigma_i\right)^2",
}


@pytest.mark.browser
def test_roots_grow_sums_are_large_and_indices_small(browser, book):
    """In Chromium, without a font that knows mathematics, none of the three held."""
    sheet = (book / "_static" / "fonts" / "fonts.css").read_text()
    math = ""
    for name, latex in KINDS.items():
        math += f'<p id="{name}">' + unplugged.CONVERTER.convert_with_local_state(
            latex, displaystyle=True
        )
    page = browser.new_page()
    page.set_content(f'<style>{sheet} math {{ font: 20px "Addition Math" }}</style>{math}')
    page.evaluate("document.fonts.load('20px \"Addition Math\"')")
    page.evaluate("document.fonts.ready.then(() => 0)")

    def box(selector):
        return page.locator(selector).first.bounding_box()

    letter = box("#index mi")["height"]
    assert box("#root msqrt")["height"] > box("#root mfrac")["height"]
    assert box("#root mfrac")["height"] > 1.8 * letter
    assert box("#sum mo")["height"] > 1.3 * letter
    assert box("#sum munderover")["height"] > 2 * box("#sum mo")["height"] * 0.8
    assert box("#index mrow mi")["height"] < 0.85 * letter
    assert box("#fence mo")["height"] > 1.5 * letter
    limits = page.locator("#fence munderover").count()
    page.close()
    assert limits == 1  # above and below it, not at its side


LINES = """() => {
    const lines = [];
    for (const text of document.querySelectorAll(".bd-article section > p:not(.links, .time)")) {
        if (!text.offsetParent || text.querySelector("math")
            || parseFloat(getComputedStyle(text).fontSize) < 17) continue;
        const size = parseFloat(getComputedStyle(text).lineHeight);
        const counted = {};
        const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode;
            for (let i = 0; i < node.length; i++) {
                const range = new Range();
                range.setStart(node, i);
                range.setEnd(node, i + 1);
                const { width, top, height } = range.getBoundingClientRect();
                const top_ = text.getBoundingClientRect().top;
                const line = Math.floor((top + height / 2 - top_) / size);
                if (width) counted[line] = (counted[line] ?? 0) + 1;
            }
        }
        lines.push(...Object.values(counted));
    }
    return lines;
}"""


@pytest.mark.browser
def test_a_line_of_text_has_at_most_seventy_letters(page):
    for width in (390, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        lines = sorted(page.evaluate(LINES))
        assert len(lines) > 100
        # One line in fifty is all of narrow letters.
        assert lines[int(0.98 * len(lines))] <= 70, lines[-10:]
        assert lines[-1] <= 75


def two_panels():
    plotting.use_style()
    figure, (left, right) = plotting.error_axes("training error", loss="loss (nats)")
    left.plot([1, 2, 3], [3, 2, 1], color=plotting.PLAIN, label="plain-8")
    left.legend(fontsize=7)
    right.plot([1, 2, 3], [0.3, 0.2, 0.1], "o", color=plotting.RESIDUAL)
    return figure


@pytest.fixture(autouse=True)
def closed():
    with plt.rc_context():
        yield
    plt.close("all")


def test_a_plot_as_svg_is_the_same_each_time_and_small():
    first, second = svg_of(two_panels()), svg_of(two_panels())
    assert first == second and len(first) < 30_000
    assert "<text" in first and "<dc:date>" not in first


def test_photographs_stay_pictures_and_a_table_of_numbers_does_not():
    figure, axis = plt.subplots()
    axis.imshow([[1, 2], [3, 4]])
    assert not is_photograph(figure)
    axis.imshow([[[1, 2, 3]]])
    assert is_photograph(figure)


def test_a_page_shows_each_panel_of_a_plot_in_its_own_svg_face_and_colours():
    html = inline_svg.plot(svg_of(two_panels()), 'two "panels"', "plot-3").astext()
    assert html.count("<svg") == 2 and html.count("<g") == html.count("</g>")
    assert 'role="img" aria-label="two &quot;panels&quot;"' in html
    assert "var(--plain)" in html and plotting.PLAIN.lower() not in html
    assert "DejaVu" not in html and "<style" not in html
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", html)]
    assert min(sizes) >= 10  # points: an SVG's unit here
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) and all(name.startswith("plot-3-") for name in ids)
    assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", html)) == set(ids)


def test_a_line_too_pale_for_paper_is_made_to_stand_out_in_either_theme():
    figure, axis = plt.subplots()
    axis.plot([1, 2], [1, 2], color="#F0AC80")
    axis.plot([1, 2], [2, 1], color="#5C2900")
    html = inline_svg.plot(svg_of(figure), "alt", "plot-0").astext()
    found = re.findall(r"stroke: light-dark\((#\w{6}), (#\w{6})\)", html)
    assert len(found) == 2
    for light, dark in found:
        assert contrast(light, palette.LIGHT["paper"]) >= 3
        assert contrast(dark, palette.DARK["paper"]) >= 3
    assert found[1][0] == "#5c2900"


def test_a_plot_whose_legend_belongs_to_all_panels_stays_whole():
    figure = two_panels()
    figure.legend()
    assert inline_svg.plot(svg_of(figure), "alt", "plot-0").astext().count("<svg") == 1


@pytest.mark.browser
def test_on_a_phone_panels_stand_below_one_another_and_their_letters_have_12_pixels(browser):
    html = inline_svg.plot(svg_of(two_panels()), "alt", "plot-0").astext()
    sheet = (ROOT / "book" / "_static" / "book.css").read_text()
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_content(f"<style>{sheet}</style><main style='margin: 16px'>{html}</main>")
    for width, below, least in ((390, True, 12), (1366, False, 13)):
        page.set_viewport_size({"width": width, "height": 800})
        tops, sizes = page.evaluate(
            """() => [
                [...document.querySelectorAll("svg")].map((e) => e.getBoundingClientRect().top),
                [...document.querySelectorAll("text")].map(
                    (e) => parseFloat(getComputedStyle(e).fontSize)
                        * Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b))]"""
        )
        assert (tops[1] > tops[0] + 100) == below
        assert min(sizes) >= least - 0.05
    page.close()


@pytest.mark.parametrize(
    ("printed", "kinds"),
    {
        "✓ five is more than four": ["sentences"],
        "measured: 4 blocks  0.1\nmeasured: 16 blocks 0.3": ["sentences"],
        "blocks   4    16\nmeasured  0.1  0.3\n✓ it rises": ["sentences", "columns"],
        "Recorded today: 3 runs\nRecorded yesterday: 1 run\n✓ all rise": ["sentences", "source"],
        "train  5,000\ntest   8,000": [],
    }.items(),
)
def test_printed_lines_are_sentences_columns_or_where_numbers_come_from(printed, kinds):
    document = nodes.document(None, None)
    document += nodes.literal_block(printed, printed, classes=["output"])
    sentence_outputs.mark(None, document)
    assert document[0]["classes"] == ["output", *kinds]
