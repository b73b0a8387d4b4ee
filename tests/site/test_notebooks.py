"""Every notebook keeps to the frame of a chapter, and its solutions pass their checkers."""

import html
import json
import re
from pathlib import Path

import frame
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEADINGS = ["What this chapter claimed", "Exercises", "Summary", "Further reading"]


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return read(path)


def test_all_chapters_of_the_contents_are_here():
    contents = (ROOT / "_toc.yml").read_text()
    named = re.findall(r"notebooks/(\S+)", contents)
    assert named == [path.stem for path in NOTEBOOKS]
    assert len(NOTEBOOKS) >= 3


def test_a_chapter_begins_with_title_links_objectives_and_set_up(notebook, path):
    ids = [cell.id for cell in notebook.cells[:5]]
    assert ids == ["title", "links", "objectives", "set-up", "imports"]
    number = int(path.stem[:2])
    assert notebook.cells[0].source.startswith(f"# Chapter {number}. ")
    for label in ("You will be able to", "You need", "Time"):
        assert f"**{label}" in notebook.cells[2].source


def test_a_chapter_ends_with_claims_exercises_summary_and_reading(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[-4:] == HEADINGS
    assert len(headings) >= 7
    claimed = [cell for cell in code_cells(notebook) if cell.source == "claimed()"]
    assert len(claimed) == 1


def test_the_frame_is_the_one_that_the_config_gives(path):
    assert frame.differing_cells(path) == []


def test_it_was_run_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_ids_are_readable(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell_id in ids:
        # The ids that Jupyter makes up are eight hexadecimal digits.
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell_id), cell_id
        assert not re.fullmatch(r"[0-9a-f]{8}", cell_id), cell_id


def test_no_output_is_an_error_a_bar_a_path_or_on_stderr(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", cell.id
            text = json.dumps({k: v for k, v in output.items() if k != "data"})
            text += json.dumps(
                {k: v for k, v in output.get("data", {}).items() if "image" not in k}
            )
            assert not re.search(r"it/s\]|s/it\]|Warning:", text), cell.id
            assert not re.search(r"/(home|root|tmp|work)/|[A-Z]:\\\\", text), cell.id


@pytest.mark.trouble("alt text that arrives")
def test_every_figure_has_alt_text_and_a_caption(notebook):
    for i, cell in enumerate(notebook.cells):
        pictures = [
            (output, kind)
            for output in cell.get("outputs", [])
            for kind in ("image/jpeg", "image/svg+xml")
            if kind in output.get("data", {})
        ]
        if not pictures:
            continue
        assert len(pictures) == 1, f"{cell.id}: one figure a cell, so that alt text fits it"
        output, kind = pictures[0]
        alt = output.metadata.get(kind, {}).get("alt", "")
        assert len(alt) > 40, f"{cell.id}: alt text says what is to be seen (make notebooks)"
        if kind == "image/jpeg":  # the web book takes it from the cell, a diagram brings its own
            assert cell.metadata["mystnb"]["image"]["alt"] == alt, f"{cell.id}: make notebooks"
        # JupyterLab and nbconvert show this in the picture's place, with its alt text.
        shown = f'alt="{html.escape(alt)}">'
        assert output.data["text/html"].endswith(shown), f"{cell.id}: make notebooks"
        caption = notebook.cells[i + 1].source
        assert re.match(r"\*\*Figure \d+\.\d+\.\*\* ", caption), f"{cell.id}: caption"


def test_figures_are_numbered_in_order(notebook, path):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    numbers = re.findall(r"^\*\*Figure (\d+)\.(\d+)\.\*\*", text, re.MULTILINE)
    chapter = str(int(path.stem[:2]))
    assert numbers == [(chapter, str(i + 1)) for i in range(len(numbers))]
    assert numbers


def test_text_is_plain_markdown(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"^:::|^```\{|\{(cite|doc|ref|math)", cell.source, re.M), cell.id


@pytest.mark.parametrize(
    ("chapter", "order"),
    [
        (1, "play-figure live-figure rates-figure recorded-figure exists-figure overfit ahead"),
        (2, "block-code live-figure recorded-curves paper jacobian correlation gamma not second"),
    ],
)
def test_what_happens_stands_before_why(chapter, order):
    ids = [cell.id.partition("-")[2] for cell in read(NOTEBOOKS[chapter - 1]).cells]
    assert [name for name in ids if name in order.split()] == order.split()


def test_a_trial_that_is_told_of_has_its_claim_its_record_or_its_source(notebook):
    # Exercises, summary and objectives tell of what stands in the sections between.
    ends = [cell.id for cell in notebook.cells if cell.source == "## What this chapter claimed"]
    told, section = [], []
    for cell in notebook.cells[4:]:
        if cell.id in ends:
            break
        if cell.cell_type == "markdown" and re.match("#+ ", cell.source):
            section = []
            told.append(section)
        section.append(cell)
    assert ends and len(told) > 3
    for section in told:
        trials, proofs = [], ""
        for cell in section:
            if cell.cell_type == "code":
                proofs += cell.source
            else:
                trials += re.findall(r"\b(?:seeds?|tried|every rate|always)\b[^.]*", cell.source)
                proofs += "".join(re.findall(r"\]\(https?://", cell.source))
        if trials:
            assert re.search(r"claim\(|provenance_line\(|\]\(http", proofs), trials


def test_links_to_other_pages_lead_somewhere(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", cell.source):
                assert (ROOT / "notebooks" / target).exists(), f"{cell.id}: {target}"


def test_at_least_two_thirds_of_the_cells_are_compared(capsys):
    rows = []
    for path in NOTEBOOKS:
        cells = code_cells(read(path))
        ignored = sum("nbval-ignore-output" in tags(cell) for cell in cells)
        assert not any("nbval-skip" in tags(cell) for cell in cells), path.stem
        rows.append((path.stem, len(cells) - ignored, ignored))
    with capsys.disabled():
        print("\nnbval compares, ignores:")
        for name, compared, ignored in rows:
            print(f"    {name}: {compared} compared, {ignored} ignored")
    for name, compared, ignored in rows:
        assert compared >= 2 * ignored, name


def exercises(notebook):
    return [cell for cell in code_cells(notebook) if cell.id.startswith("ex-")]


def solution(notebook, exercise):
    (cell,) = [c for c in notebook.cells if c.id == exercise.id.replace("ex-", "sol-")]
    return cell.source


def test_there_are_three_exercises_and_one_to_predict(notebook):
    assert len(exercises(notebook)) >= 3
    text = "\n".join(cell.source for cell in notebook.cells)
    pattern = r"^### Exercise \d+\.\d+ · .+\n+\*Difficulty [123] of 3 · \d+ minutes\*"
    assert len(re.findall(pattern, text, re.MULTILINE)) == len(exercises(notebook))
    assert re.search(r"^### Exercise [^#]*redict, then measure", text, re.MULTILINE)


def test_exercises_are_unanswered_and_say_so(notebook):
    for cell in exercises(notebook):
        (output,) = cell.outputs
        assert output["data"]["text/plain"].startswith("· Not answered yet"), cell.id


def test_solutions_are_folded(notebook):
    for cell in exercises(notebook):
        text = solution(notebook, cell)
        assert re.match(r"<details>\n<summary>Solution</summary>\n\n", text), cell.id
        assert text.endswith("\n\n</details>"), cell.id


def test_every_solution_passes_its_checker(notebook):
    names = {}
    for cell in code_cells(notebook):
        if "for-exercises" in tags(cell):
            exec(cell.source, names)
    for cell in exercises(notebook):
        check = cell.source.rstrip().splitlines()[-1]
        assert re.fullmatch(r"check_\w+\(\w+\)", check), cell.id
        (code,) = re.findall(r"```python\n(.*?)```", solution(notebook, cell), re.DOTALL)
        answered = dict(names)
        exec(code, answered)
        verdict = eval(check, answered)
        assert verdict.mark == "✓", f"{cell.id}: {verdict.message}"
