"""A real JupyterLab: the interactive figures answer to a kernel, pictures have their alt text."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from contents import CHAPTERS, ROOT
from playwright.sync_api import TimeoutError as TooLate
from playwright.sync_api import expect

from resnet_helpers.figures import FIGURES

SHOW = """\
import warnings
warnings.simplefilter("error")
from IPython.display import display
from resnet_helpers.figures import FIGURES, CostCalculator
shown = [figure() for figure in FIGURES]
for figure in shown:
    display(figure)
"""
ASK = """\
calculator = next(figure for figure in shown if isinstance(figure, CostCalculator))
print("the kernel knows", calculator.kernel)
"""
# "void": the promise of a command would be waited for without a limit.
OPEN = "(path) => void window.jupyterapp.commands.execute('docmanager:open', { path })"
OPENED = """(path) => {
    const notebook = window.jupyterapp.shell.currentWidget;
    return notebook?.context?.path === path
        && notebook.sessionContext.session?.kernel?.status === "idle";
}"""


DRAW = """\
import warnings
warnings.simplefilter("default")  # matplotlib's are not the figures'
import matplotlib.pyplot as plt
from resnet_helpers.plotting import use_style
use_style()
plt.plot([1, 2])
plt.show()
"""
ALT = 'Loss rises from 1 to 2: "worse" & worse.'
ALTS = """[...window.jupyterapp.shell.currentWidget.node
    .querySelectorAll(".jp-OutputArea-output img")]
    .filter((img) => !img.closest(".rh-figure")).map((img) => img.alt)"""


def saved_figures():
    """All chapters' cells that keep a picture."""
    for chapter in CHAPTERS:
        for cell in nbformat.read(ROOT / f"{chapter}.ipynb", as_version=4).cells:
            if any(alt_of(output) for output in cell.get("outputs", [])):
                yield cell


def alt_of(output):
    """The alt text of a picture that a notebook keeps; None where the output is none."""
    kinds = ("image/jpeg", "image/svg+xml")
    return next(
        (output.metadata[kind]["alt"] for kind in kinds if kind in output.get("data", {})), None
    )


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    # Without a kernel's name JupyterLab would ask for one.
    notebook.metadata.kernelspec = {"display_name": "Python 3", "name": "python3"}
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab with two notebooks in its folder."""
    home = tmp_path_factory.mktemp("lab")
    folder, log = home / "notebooks", home / "log"
    folder.mkdir()
    write_notebook(folder / "saved.ipynb", *saved_figures())
    new_cell = nbformat.v4.new_code_cell
    draw = new_cell(DRAW, metadata={"mystnb": {"image": {"alt": ALT}}})
    write_notebook(folder / "figures.ipynb", new_cell(SHOW), new_cell(ASK), draw)
    options = ["--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token="]
    options += ["--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}"]
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | places,
            stdout=output,
            stderr=output,
        )
    try:
        yield _address_of(server, log)
    finally:
        server.terminate()
        server.wait(30)


def _address_of(server, log):
    """The address in the server's log, once it answers there: it is written before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.3)
        found = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/", log.read_text())
        if found:
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"{found[0]}api/status", timeout=10).close()
                return found[0]
    pytest.fail(f"JupyterLab didn't start: {log.read_text()[-2000:]}")


def run_cell(page, number):
    page.evaluate(
        """(number) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = number;
            void window.jupyterapp.commands.execute("notebook:run-cell");
        }""",
        number,
    )


def run_until(page, number, condition):
    """Run a cell, and again where JupyterLab let the command fall, until a condition is true."""
    for _ in range(15):
        run_cell(page, number)
        with contextlib.suppress(TooLate):
            return page.wait_for_function(condition, timeout=8000).json_value()
    pytest.fail(f"not so after 15 runs: {condition}")


@pytest.fixture(scope="module")
def page(lab, browser):
    """JupyterLab in a page: to load it takes longer than what is tested in it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{lab}lab")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget", timeout=60_000)
    yield page
    page.close()


def open_notebook(page, name):
    page.evaluate(OPEN, name)
    page.wait_for_function(OPENED, arg=name, timeout=60_000)


@pytest.mark.process
def test_all_figures_are_drawn_in_jupyterlab_and_the_kernel_follows_them(page):
    open_notebook(page, "figures.ipynb")
    run_cell(page, 0)
    drawn = page.locator(".jp-OutputArea .rh-readout")
    expect(drawn).to_have_count(len(FIGURES), timeout=60_000)
    assert all(text.strip() for text in page.locator(".rh-readout").all_inner_texts())
    # No figure takes another's labels or choices.
    groups = page.locator(".rh-choice:has([type=radio])").all()
    assert groups
    for group in groups:
        assert group.locator("input:checked").count() == 1
    # Each answers to the keyboard, whose arrows JupyterLab has other uses for.
    for figure in page.locator(".rh-figure").all():
        picture = figure.locator(".rh-stage").first
        before = picture.screenshot()
        figure.locator("[type=range], [type=radio]:checked").first.press("ArrowRight")
        assert picture.screenshot() != before
    # And Python knows, once the kernel has heard what came before.
    page.get_by_label("kernel k").press("ArrowLeft")
    run_until(
        page,
        1,
        """[...document.querySelectorAll(".jp-OutputArea pre")]
            .some((said) => said.textContent.includes("the kernel knows 3"))""",
    )


@pytest.mark.trouble("alt text that arrives")
@pytest.mark.process
def test_a_figure_drawn_in_jupyterlab_has_the_alt_text_of_its_cell(page):
    open_notebook(page, "figures.ipynb")
    assert run_until(page, 2, f"{ALTS}.length && {ALTS}") == [ALT]


@pytest.mark.trouble("alt text that arrives")
@pytest.mark.process
def test_each_chapters_saved_figures_have_their_alt_texts_in_jupyterlab(page):
    outputs = [output for cell in saved_figures() for output in cell.outputs]
    saved = [alt for alt in map(alt_of, outputs) if alt]
    assert len(saved) > 40
    open_notebook(page, "saved.ipynb")
    page.wait_for_function(f"(count) => {ALTS}.length === count", arg=len(saved), timeout=60_000)
    assert page.evaluate(ALTS) == saved
