"""The files of the built book: built without a warning, whole, and naming nothing outside."""

import base64
import html
import io
import itertools
import re
from importlib.metadata import version

import nbformat
import pytest
import yaml
from contents import ASKING, CHAPTERS, PAGES, ROOT
from PIL import Image, ImageChops, ImageStat

from resnet_helpers import plotting

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
FETCHED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"(https?:)?//[^>]*>")


def test_every_page_of_the_contents_is_built_and_no_other(book):
    built = {
        str(path.relative_to(book).with_suffix(""))
        for folder in ("book", "notebooks")
        for path in (book / folder).glob("*.html")
    }
    assert built == set(PAGES)
    assert len(PAGES) >= 10
    for extra in ("index.html", "search.html", "genindex.html"):
        assert (book / extra).exists()


def test_no_page_names_anything_to_fetch_from_elsewhere(book):
    for path in book.rglob("*.html"):
        found = [m[0] for m in FETCHED.finditer(path.read_text()) if 'rel="canonical"' not in m[0]]
        assert found == [], path.name


def test_no_script_in_a_page_knows_the_address_of_a_cdn(book):
    for path in book.rglob("*.html"):
        for script in re.findall(r"<script\b.*?</script>", path.read_text(), re.DOTALL):
            assert not re.search(r"//(cdn|unpkg|cdnjs|fonts)\b", script), path.name


def test_no_page_tells_where_this_machine_keeps_the_book(book):
    for path in book.rglob("*.html"):
        assert str(ROOT) not in path.read_text(), path.name


def test_links_between_pages_and_to_places_in_them_lead_somewhere(book):
    for path in book.rglob("*.html"):
        for href in re.findall(r'<a\b[^>]*?href="([^"]+)"', path.read_text()):
            if re.match(r"[a-z]+:", href):
                continue
            name, _, place = href.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {href}"
            if place and target.suffix == ".html":
                assert f'id="{place}"' in target.read_text(), f"{path.name}: {href}"


def test_solutions_are_folded_in_the_page(book):
    for name in PAGES:
        if name.startswith("notebooks/"):
            page = (book / f"{name}.html").read_text()
            assert len(re.findall(r"<details [^>]*>\s*<summary>Solution</summary>", page)) >= 3, (
                name
            )


def questions_of(name):
    """The paragraphs of a chapter that ask the reader for an answer."""
    cells = [cell for cell in notebook_of(name).cells if cell.cell_type == "markdown"]
    paragraphs = [text for cell in cells for text in cell.source.split("\n\n")]
    return [text for text in paragraphs if re.search(ASKING, text)]


def test_each_question_of_a_chapter_can_be_answered_in_its_page(book):
    for name in CHAPTERS:
        page = (book / f"{name}.html").read_text()
        asked = re.findall(r'<p class="predict[^"]*"', page)
        assert len(asked) == len(questions_of(name)) > 3, name


def test_claims_are_folded_with_their_code_and_counted(book):
    for name in CHAPTERS:
        page = (book / f"{name}.html").read_text()
        lines = re.findall(r"<summary>(\d+) claims? checked", page)
        assert str(sum(map(int, lines))) == counted(name)[0]
        shown = re.sub(r'<details class="[^"]*claims.*?</details>', "", page, flags=re.S)
        assert "claim(" not in shown, name
        assert "claim(" in page


def notebook_of(name):
    return nbformat.read(ROOT / f"{name}.ipynb", as_version=4)


def outputs_of(name):
    return [o for cell in notebook_of(name).cells for o in cell.get("outputs", [])]


def cells_of(row):
    return [re.sub("<.*?>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.S)]


def counted(name):
    """How many claims and how many exercises a chapter's notebook holds, as text."""
    text = "".join(output.get("text", "") for output in outputs_of(name))
    claims = len(re.findall("^✓ ", text, re.MULTILINE))
    exercises = sum(cell.source.startswith("### Exercise") for cell in notebook_of(name).cells)
    assert claims > 10 and exercises >= 3
    return [str(claims), str(exercises)]


def test_the_status_page_says_how_each_chapter_was_run(book):
    rows = re.findall(r"<tr\b.*?</tr>", (book / "book" / "status.html").read_text(), re.S)[1:]
    *chapters, total = map(cells_of, rows)
    expected = [counted(name) for name in CHAPTERS]
    expected[0][0], expected[1][0] = "41", "3"
    failed = "failed in cell res-live-run: MemoryError: no room; saved outputs are shown"
    told = ["74 s", failed] + ["saved outputs (not run by this build)"] * (len(CHAPTERS) - 2)
    assert [row[1] for row in chapters] == told
    assert [row[2:] for row in chapters] == expected
    sums = [str(sum(map(int, column))) for column in zip(*expected, strict=True)]
    assert total == ["all", "", *sums]


def test_only_the_chapter_that_failed_begins_with_a_notice(book):
    for name in CHAPTERS:
        page = (book / f"{name}.html").read_text()
        notices = re.findall(r'</h1>\s*<div class="admonition warning">.*?</div>', page, re.S)
        assert len(notices) == (name == CHAPTERS[1]), name
        assert "did not run to its end" not in page or "res-live-run</span>" in notices[0]


def test_status_page_names_the_versions(book):
    page = (book / "book" / "status.html").read_text()
    for package in ("torch", "torchvision", "numpy", "matplotlib"):
        assert f"{package} {version(package)}" in page


def test_next_chapters_question_stands_at_a_chapters_end(book):
    for name, following in itertools.pairwise(CHAPTERS):
        question = notebook_of(following).cells[0].source.split("\n\n")[1]
        asked = re.search(
            r'class="next-question">(.*?)</span>', (book / f"{name}.html").read_text()
        )
        assert html.unescape(asked[1]).replace("’", "'") == question, name


def test_a_shared_link_shows_the_card_and_the_first_paragraph_of_its_page(book):
    with Image.open(book / "_static" / "social-card.png") as card:
        assert card.size == (1200, 630)
    home = CONFIG["html"]["baseurl"]
    for name in PAGES:
        page = (book / f"{name}.html").read_text()
        assert f'property="og:image" content="{home}_static/social-card.png"' in page
        assert f'property="og:url" content="{home}{name}.html"' in page
        assert f'property="og:site_name" content="{CONFIG["title"]}"' in page
        described = re.search(r'property="og:description" content="(.+?)"', page)
        article = re.sub(r'<div class="admonition warning">.*?</div>', "", page, flags=re.S)
        first = re.search(r"</h1>.*?<p>(.*?)</p>", article, re.S)[1]
        assert described[1].split() == re.sub("<.*?>", "", first).split(), name


def test_a_lost_reader_finds_the_way_back_from_any_address(book):
    page = (book / "404.html").read_text()
    assert re.findall(r'(?:href|src)="(.*?)"', page) == [CONFIG["html"]["baseurl"]]


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_the_api_page_has_a_section_for_each_public_module(book):
    page = (book / "book" / "api.html").read_text()
    modules = map(module_name, (ROOT / "resnet_helpers").rglob("*.py"))
    public = {name for name in modules if "._" not in name} - {"resnet_helpers"}
    assert set(re.findall(r'id="module-([\w.]+)"', page)) == public


def test_the_api_page_tells_what_a_docstring_tells(book):
    page = (book / "book" / "api.html").read_text()
    entry = page.split('id="resnet_helpers.training.train_val"')[1].split("</dl>\n\n")[0]
    for word in ("Parameters", "Returns", "Raises", "path2weights"):
        assert word in entry


def test_the_pages_colours_are_those_of_the_plots(book):
    light = (book / "_static" / "palette.css").read_text().splitlines()[0].lower()
    assert f"--plain: {plotting.PLAIN.lower()}" in light
    assert f"--residual: {plotting.RESIDUAL.lower()}" in light


def test_icons_are_a_light_style_sheet(book):
    assert (book / "_static" / "icons.css").stat().st_size < 20_000
    assert (book / "_static" / "scripts" / "fontawesome.js").stat().st_size < 200


@pytest.mark.trouble("alt text that arrives")
def test_pictures_of_the_pages_are_the_notebooks_with_alt_text_in_fewer_bytes(book):
    for name in CHAPTERS:
        outputs = [o for o in outputs_of(name) if "image/jpeg" in o.get("data", {})]
        page = (book / f"{name}.html").read_text()
        names = re.findall(r'<img [^>]*src="\.\./_images/(\w+\.webp)"', page)
        alts = re.findall(r'<img alt="([^"]*)"[^>]*_images/\w+\.webp"', page)
        assert [html.unescape(alt) for alt in alts] == [
            output.metadata["image/jpeg"]["alt"] for output in outputs
        ]
        assert "data:image/webp" not in page, name
        for file, output in zip(names, outputs, strict=True):
            picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/jpeg"])))
            with Image.open(book / "_images" / file) as shown:
                assert shown.size == picture.size
                difference = ImageChops.difference(shown.convert("RGB"), picture.convert("RGB"))
            assert ImageStat.Stat(difference).rms[0] < 12, f"{name}: {file}"


def test_diagrams_stand_in_the_page_itself(book):
    assert 'class="diagram"><svg' in (book / "book" / "intro.html").read_text()
    for name in CHAPTERS:
        drawn = [
            o["data"]["image/svg+xml"]
            for o in outputs_of(name)
            if "image/svg+xml" in o.get("data", {})
            and 'id="figure_1"' not in "".join(o["data"]["image/svg+xml"])  # a plot
        ]
        page = (book / f"{name}.html").read_text()
        assert page.count('class="diagram"><svg') == len(drawn)
        assert all("".join(svg) in page for svg in drawn)
