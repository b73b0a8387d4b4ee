"""The tools that frame, run and seed the chapters."""

import base64
import html
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import address
import execute
import frame
import install
import make_book
import nbformat
import pytest
import seeds
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


# A chapter's claim, found without its room's other modules, which load PyTorch.
IMPORT = f"""\
import sys
sys.path.append({str(ROOT / "resnet_helpers" / "classroom")!r})
from claims import claim
"""
CLAIM = IMPORT + 'claim("it is so", True)'


def write_notebook(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder that stands for the repository: its chapters, runs and pages are this test's own."""
    for module in (execute, make_book, frame):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(make_book, "BUILT", tmp_path / "_build")
    return tmp_path


@pytest.fixture
def pages(book, monkeypatch):
    """What each building of the pages found as a chapter's outputs, instead of Jupyter Book."""
    found = []

    def build_pages(paths, anew=True):
        make_book.stage(paths)
        staged = [execute.read(book / "_build/source/notebooks" / path.name) for path in paths]
        found.append([execute.printed(notebook) for notebook in staged])
        (book / "_build" / "html").mkdir(exist_ok=True)
        (book / "_build" / "html" / "index.html").touch()
        return True

    monkeypatch.setattr(make_book, "build_pages", build_pages)
    return found


def give_saved_output(path, text, data=None):
    notebook = execute.read(path)
    cell, new_output = notebook.cells[0], nbformat.v4.new_output
    cell.outputs = [new_output("stream", name="stdout", text=text)]
    cell.outputs += [new_output("display_data", data=data)] if data else []
    nbformat.write(notebook, path)


@pytest.mark.process
def test_a_notebook_runs_in_an_empty_folder_and_saves_its_outputs(book):
    path = write_notebook(book / "notebooks" / "a.ipynb", "import os", "print(os.listdir())")
    assert execute.run_all([path]) == []
    execute.save(path)
    saved = execute.read(path)
    assert saved.cells[1].outputs[0].text == "[]\n"
    assert "execution" not in saved.cells[1].metadata
    assert saved.metadata.language_info == {"name": "python"}
    assert execute.has_run(path)


@pytest.mark.trouble("a slow, full or odd machine")
@pytest.mark.process
def test_a_build_shows_saved_outputs_then_runs_and_goes_on_where_one_failed(book, pages, capsys):
    first = write_notebook(book / "notebooks" / "1_a.ipynb", CLAIM)
    second = write_notebook(
        book / "notebooks" / "2_b.ipynb",
        "import sys\nfrom pathlib import Path",
        f"print('a sign of need', file=sys.stderr)\nassert Path({str(book / 'mended')!r}).exists()",
    )
    give_saved_output(first, "saved")
    give_saved_output(second, "saved")
    cell = execute.read(second).cells[1].id
    failures = make_book.make_book([first, second], reads=False)
    assert failures == [f"2_b, cell {cell}: AssertionError:"]
    assert pages == [[["saved"], ["saved"]], [["✓ it is so"], ["saved"]]]
    printed = capsys.readouterr().out
    assert printed.index("The book is ready to read") < printed.index("chapter ")
    assert re.search(r"chapter 1 of 2: \d+ s, 1 claims hold(, about 1 minute to go)?\n", printed)
    assert re.search(rf"chapter 2 of 2: \d+ s, FAILED in cell {cell}(, about.*)?\n", printed)
    assert printed.count("about 1 minute to go") == 1
    assert f"    {cell}: a sign of need\n" in printed
    record = json.loads((book / "_build" / "ran" / "2_b.json").read_text())
    assert record["failed"] == {"cell": cell, "error": "AssertionError:"}
    assert record["claims"] == 0 and record["seconds"] > 0

    (book / "mended").touch()
    assert make_book.make_book([first, second], reads=False) == []
    printed = capsys.readouterr().out
    assert "1 of 2 chapters have run, and nothing that they need has changed." in printed
    assert "chapter 1 of 2" not in printed and "chapter 2 of 2: " in printed
    assert pages[2:] == [[["✓ it is so"], ["saved"]], [["✓ it is so"], []]]
    assert "1 claims hold" in printed.splitlines()[-2]


def test_reading_needs_no_run(book, pages):
    path = write_notebook(book / "notebooks" / "1_a.ipynb", "raise RuntimeError")
    give_saved_output(path, "saved")
    assert make_book.make_book([path], reads=True) == []
    assert pages == [[["saved"]]]


def keep_run(path):
    """Have a chapter's run kept, without running it."""
    stamp = execute.stamp(execute.read(path))
    record = {"stamp": stamp, "seconds": 1.0, "claims": 0, "failed": None}
    execute.write_text(execute.kept(path, ".json"), json.dumps(record))
    execute.kept(path, ".ipynb").write_bytes(path.read_bytes())


@pytest.mark.trouble("a slow, full or odd machine")
def test_a_run_holds_until_code_a_helper_or_a_version_changes(book, monkeypatch):
    helpers = book / "resnet_helpers"
    helpers.mkdir()
    (helpers / "__init__.py").touch()
    monkeypatch.setattr(execute.resnet_helpers, "__file__", str(helpers / "__init__.py"))
    path = write_notebook(book / "notebooks" / "1_a.ipynb", "x = 1")
    keep_run(path)
    assert execute.has_run(path)

    notebook = execute.read(path)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("words"))
    nbformat.write(notebook, path)
    assert execute.has_run(path)  # words are no code
    assert [cell.cell_type for cell in execute.with_outputs(path).cells] == ["markdown", "code"]

    (helpers / "data").mkdir()
    (helpers / "data" / "new.py").write_text("y = 2")
    assert not execute.has_run(path)
    keep_run(path)
    notebook.cells[1].source = "x = 2"
    nbformat.write(notebook, path)
    assert not execute.has_run(path)
    keep_run(path)
    monkeypatch.setattr(execute, "version", lambda package: "another")
    assert not execute.has_run(path)


@pytest.mark.trouble("a slow, full or odd machine")
@pytest.mark.process
def test_a_build_that_is_broken_off_leaves_no_process_and_goes_on_from_there(book):
    chapters = book / "notebooks"
    first = write_notebook(chapters / "1_a.ipynb", CLAIM)
    pid = book / "pid"
    code = f"""
import os, time
while not os.path.exists({str(execute.kept(first, ".json"))!r}):
    time.sleep(0.1)
open({str(pid)!r}, "w").write(str(os.getpid()))
time.sleep(600)"""
    write_notebook(chapters / "2_b.ipynb", code)
    script = f"""
import signal, sys
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT / "book" / "_tools")!r})
# Neither lectures nor data are made here, and the modules that make them load PyTorch.
sys.modules["slides"] = SimpleNamespace()
sys.modules["resnet_helpers.data"] = SimpleNamespace(cache_folder=lambda: Path({str(book)!r}))
import execute, make_book
signal.signal(signal.SIGINT, signal.default_int_handler)  # `make test &` would ignore it
execute.NOTEBOOKS = Path({str(chapters)!r})
make_book.BUILT = Path({str(book / "_build")!r})
make_book.build_pages = lambda paths, anew=True: (make_book.BUILT / "html").mkdir(parents=True) or (
    make_book.BUILT / "html" / "index.html").touch() or True
make_book.main()
"""
    building = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (pid.exists() and pid.read_text()) and building.poll() is None:
        time.sleep(0.05)
    building.send_signal(signal.SIGINT)
    _, complaint = building.communicate()
    assert building.returncode == 1
    assert complaint.endswith("Broken off. The next `make book` goes on from here.\n"), complaint
    assert "Traceback" not in complaint
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert execute.has_run(first)
    assert not execute.has_run(chapters / "2_b.ipynb")


@pytest.mark.process
def test_nbval_compares_a_run_that_holds_and_starts_no_kernel(book):
    for name, printed in (("1_a", "1"), ("2_b", "2")):
        path = write_notebook(book / "notebooks" / f"{name}.ipynb", "import os; os.abort()")
        notebook = execute.read(path)
        notebook.cells[0].execution_count = 1
        nbformat.write(notebook, path)
        keep_run(path)
        # A picture's HTML comes with save().
        give_saved_output(path, "1", {"image/jpeg": "", "text/html": ""})
        give_saved_output(execute.kept(path, ".ipynb"), printed, {"image/jpeg": ""})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "replay", "--nbval", str(path.parent)],
        cwd=book,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "book/_tools"), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "FAILED notebooks/2_b.ipynb::Cell 0" in done.stdout
    # In CI, pytest repeats in its summary what it says of a failure, whole.
    assert "Cell outputs differ" in done.stdout


@pytest.mark.trouble("alt text that arrives")
def test_a_saved_picture_gets_its_cells_alt_text_as_html_beside_it():
    drawn = io.BytesIO()
    Image.effect_noise((40, 30), 90).save(drawn, "jpeg")
    picture = {"image/jpeg": base64.b64encode(drawn.getvalue()).decode()}
    alt = 'Noise, "grey" & nothing else'
    cell = nbformat.v4.new_code_cell(metadata={"mystnb": {"image": {"alt": alt}}})
    cell.outputs = [nbformat.v4.new_output("display_data", data=picture)]
    execute.describe(cell)
    (output,) = cell.outputs
    assert output.metadata["image/jpeg"]["alt"] == alt
    assert output.data["image/jpeg"] == picture["image/jpeg"]
    source, told = re.fullmatch(
        r'<img src="data:image/webp;base64,(.*)" alt="(.*)">', output.data["text/html"]
    ).groups()
    assert html.unescape(told) == alt
    with Image.open(io.BytesIO(base64.b64decode(source))) as shown:
        assert shown.size == (40, 30)


@pytest.mark.trouble("a slow, full or odd machine")
def test_caches_that_cannot_be_written_move_into_the_environment(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(make_book, "SPARE", tmp_path / "spare")
    for variable in ("MPLCONFIGDIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / "fine"))
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(tmp_path / "file" / "cache"))
    make_book.move_caches()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "fine")
    assert os.environ["RESNET_HELPERS_CACHE"] == str(tmp_path / "spare")
    (line,) = capsys.readouterr().out.splitlines()
    assert str(tmp_path / "file" / "cache") in line and str(tmp_path / "spare") in line


@pytest.mark.trouble("a slow, full or odd machine")
def test_a_user_without_a_home_gets_one_in_the_environment(tmp_path, monkeypatch, capsys):
    def nobodys_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(make_book, "SPARE", tmp_path)
    monkeypatch.setattr(make_book.Path, "home", nobodys_home)
    for variable in ("MPLCONFIGDIR", "IPYTHONDIR", "RESNET_HELPERS_CACHE", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "fine"))
    make_book.move_caches()
    assert os.environ["HOME"] == str(tmp_path)
    assert capsys.readouterr().out == f"No home folder is known. {tmp_path} is used instead.\n"


@pytest.mark.trouble("a slow, full or odd machine")
@pytest.mark.process
def test_of_two_who_install_at_once_one_waits(tmp_path):
    script = "import install, pathlib, sys\ninstall.ROOT = pathlib.Path(sys.argv[1])\n"
    script += "install.wait_for_others()\nprint('mine', flush=True)\ninput()"
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path],
            env=os.environ | {"PYTHONPATH": str(ROOT / "book" / "_tools")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    )
    said = {process: process.stdout.readline() for process in (first, second)}
    waiting, other = sorted(said, key=lambda process: said[process] == "mine\n")
    assert said == {other: "mine\n", waiting: "Another make installs here; waiting for it.\n"}
    other.communicate("\n")
    assert waiting.communicate("\n")[0] == "mine\n"


@pytest.mark.trouble("a slow, full or odd machine")
def test_an_environment_of_another_folder_or_python_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "ROOT", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    here = "{}.{}".format(*sys.version_info)
    fits = {"folder": str(tmp_path), "python": here}
    assert install.misfit(fits) is None
    assert install.misfit(fits, here) is None
    assert install.misfit(None) == "it isn't whole"
    assert install.misfit(fits | {"folder": "elsewhere"}) == "it was made in elsewhere"
    assert install.misfit(fits | {"python": "3.9"}) == "it was made with Python 3.9, which is gone"
    assert install.misfit(fits, "3.99") == f"it has Python {here}, not 3.99"


@pytest.mark.trouble("a slow, full or odd machine")
@pytest.mark.process
@pytest.mark.parametrize(("user", "options"), [("0", "--allow-root --ip=::"), ("1000", "--ip=::")])
def test_jupyterlab_opens_for_root_too_as_in_a_container(tmp_path, user, options):
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (tmp_path / "id").chmod(0o755)
    asked = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--old-file=installed", "lab", "LAB=--ip=::"],
        cwd=ROOT,
        env=os.environ | {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])},
        capture_output=True,
        text=True,
    )
    assert asked.stdout.split() == [
        ".venv/bin/python",
        "-m",
        "jupyterlab",
        "notebooks",
        *options.split(),
    ]


@pytest.mark.trouble("a slow, full or odd machine")
def test_a_machine_that_is_too_old_or_too_full_is_told_what_is_needed(monkeypatch):
    monkeypatch.setattr(install, "DISK", 0)
    install.check_machine()
    monkeypatch.setattr(install, "DISK", 10**9)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "of smaller builds")
    install.check_machine()
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL")
    with pytest.raises(SystemExit, match=r"1000000000 GB of disk are needed in .*, there are"):
        install.check_machine()
    monkeypatch.setattr(install, "OLDEST", (3, 99))
    with pytest.raises(SystemExit, match=r"Python 3.99 or newer is needed; .* is Python 3\."):
        install.check_machine()


@pytest.mark.parametrize(
    ("origin", "other"),
    [
        ("https://github.com/a/b", None),
        ("git@github.com:a/b.git", None),
        ("../elsewhere", None),
        ("git@github.com:c/d.git", "https://github.com/c/d"),
        ("https://github.com/c/d.git", "https://github.com/c/d"),
    ],
)
def test_a_clone_of_another_address_is_told_how_to_set_it(book, origin, other):
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    (book / "_config.yml").write_text("repository: {url: https://github.com/a/b}")
    subprocess.run(["git", "init", "-q", book], check=True)
    subprocess.run(["git", "-C", book, "remote", "add", "origin", origin], check=True)
    sentence = make_book.other_origin()
    assert sentence is None if other is None else sentence.endswith(f"make address URL={other}")


def test_the_address_is_set_wherever_it_stands_and_nowhere_else(book):
    (book / "_config.yml").write_text(
        "repository: {url: https://github.com/a/b, branch: main}\n"
        "html: {baseurl: https://a.github.io/b/}\n"
    )
    (book / "other.md").write_text(
        "git clone https://github.com/a/b.git https://github.com/a/b-data https://github.com/a/bc"
    )
    (book / ".venv").mkdir()
    (book / ".venv" / "its.md").write_text("https://github.com/a/b")
    cells = [nbformat.v4.new_markdown_cell("x"), nbformat.v4.new_code_cell("y")]
    cells[0].id, cells[1].id = "links", "set-up"
    path = book / "notebooks" / "04_a.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    frame.write_frame(path)
    changed = address.set_address("https://github.com/Owner/a-book")
    assert changed == [book / "_config.yml", path, book / "other.md"]
    assert (book / "_config.yml").read_text() == (
        "repository: {url: https://github.com/Owner/a-book, branch: main}\n"
        "html: {baseurl: https://owner.github.io/a-book/}\n"
    )
    assert (book / "other.md").read_text() == (
        "git clone https://github.com/Owner/a-book.git "
        "https://github.com/a/b-data https://github.com/a/bc"
    )
    assert (book / ".venv" / "its.md").read_text() == "https://github.com/a/b"
    assert frame.differing_cells(path) == []


@pytest.mark.process
def test_seeds_replaces_the_one_seed_line_and_runs_the_claims(tmp_path, capsys):
    path = write_notebook(
        tmp_path / "a.ipynb",
        IMPORT + "SEED = 0",
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


@pytest.mark.trouble("another kernel")
@pytest.mark.process
def test_the_set_up_cell_installs_nothing_where_the_helpers_are_and_comes_before_torch():
    """OpenMP reads GOMP_SPINCOUNT once, when torch is imported."""
    set_up = frame.framed_cells("04_a.ipynb")["set-up"]
    script = (
        f"import os, subprocess, sys\nsubprocess.run = None\n{set_up}\n"
        "assert 'torch' not in sys.modules\nprint(os.environ['GOMP_SPINCOUNT'])"
    )
    without = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    without["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", script], env=without, capture_output=True, text=True
    )
    assert done.stdout == "10000\n", done.stderr


@pytest.mark.trouble("another kernel")
@pytest.mark.process
def test_the_set_up_cell_names_the_right_kernel_where_there_is_no_pytorch():
    set_up = frame.framed_cells("04_a.ipynb")["set-up"]
    bare = [sys.executable, "-I", "-S", "-c", set_up]  # without what is installed
    done = subprocess.run(bare, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: This kernel has no torch and no torchvision and no numpy: choose the "
        "kernel .venv, made by `make book`, or run `%pip install torch torchvision` in a cell "
        "and then this cell again."
    )
