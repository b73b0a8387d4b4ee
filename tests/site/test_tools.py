"""The tools that frame, run and seed the chapters."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_tools"))

import execute  # noqa: E402
import frame  # noqa: E402
import seeds  # noqa: E402


def write_notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_notebook_runs_in_an_empty_folder_and_saves_its_outputs(tmp_path):
    path = write_notebook(tmp_path / "a.ipynb", "import os", "print(os.listdir())")
    notebook = nbformat.read(path, as_version=4)
    execute.execute(notebook)
    execute.save(notebook, path)
    saved = nbformat.read(path, as_version=4)
    assert saved.cells[1].outputs[0].text == "[]\n"
    assert "execution" not in saved.cells[1].metadata
    assert saved.metadata.language_info == {"name": "python"}


def test_seeds_replaces_the_one_seed_line_and_runs_the_claims(tmp_path, capsys):
    path = write_notebook(
        tmp_path / "a.ipynb",
        "from resnet_helpers.classroom.claims import claim\nSEED = 0",
        "print('measured: seed', SEED)\nclaim('the seed is below two', SEED < 2)",
    )
    assert seeds.run(path, 1)
    assert not seeds.run(path, 2)
    printed = capsys.readouterr().out
    assert "a, seed 1: " in printed and "1 claims, all hold\n    seed 1\n" in printed
    assert "FAILED: ✗ the seed is below two" in printed


@pytest.mark.parametrize("sources", [["x = 1"], ["SEED = 0", "SEED = 1"]])
def test_a_notebook_without_exactly_one_seed_line_is_refused(tmp_path, sources):
    path = write_notebook(tmp_path / "a.ipynb", *sources)
    with pytest.raises(ValueError, match=r"a.ipynb has \d lines 'SEED = …': expected exactly one"):
        seeds.with_seed(path, 3)


def test_frame_writes_its_cells_and_notices_a_change(tmp_path):
    cells = [nbformat.v4.new_markdown_cell("x"), nbformat.v4.new_code_cell("y")]
    cells[0].id, cells[1].id = "links", "set-up"
    path = tmp_path / "04_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert frame.differing_cells(path) == ["links", "set-up"]
    frame.write_frame(path)
    assert frame.differing_cells(path) == []
    links, set_up = (cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert "colab.research.google.com/github/" in links and "notebooks/04_a.ipynb" in links
    compile(set_up, "set-up", "exec")


def test_the_set_up_cell_installs_nothing_where_the_helpers_are_there():
    set_up = frame.framed_cells("04_a.ipynb")["set-up"]
    calls = []

    class Subprocess:
        run = calls.append

    source = set_up.replace("import subprocess\n", "")
    exec(source, {"subprocess": Subprocess})
    assert calls == []
