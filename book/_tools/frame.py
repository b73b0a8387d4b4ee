"""What every chapter has alike: its badges and its set-up cell, written from _config.yml.

python book/_tools/frame.py            writes them into the notebooks
python book/_tools/frame.py --check    says which notebooks differ, and exits with 1
"""

import argparse
import sys
from pathlib import Path

import nbformat
import yaml

from resnet_helpers._files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"

# The badges are the book's own pictures, so that no page fetches one from elsewhere.
LINKS = """\
[![Open in Colab](../book/_static/open-in-colab.svg)]\
(https://colab.research.google.com/github/{slug}/blob/{branch}/notebooks/{name}) \
[![Download this notebook](../book/_static/download-notebook.svg)]\
({address}/raw/{branch}/notebooks/{name})"""

SET_UP = """\
# Set-up. On Colab this fetches the book's helpers; where they are installed it does nothing.
import importlib.util
import subprocess
import sys
from importlib.metadata import version

REPOSITORY = "{address}"
needs = ("torch", "torchvision", "numpy")
if missing := [name for name in needs if importlib.util.find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"This kernel has no {{' and no '.join(missing)}}: choose the kernel .venv, made by "
        "`make book`, or run `%pip install torch torchvision` in a cell and then this cell again."
    )
if importlib.util.find_spec("resnet_helpers") is None:
    # What the machine brings stays: pip must not exchange its torch for another.
    keep = [f"{{name}}=={{version(name)}}" for name in needs]
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, f"git+{{REPOSITORY}}", *keep], check=True)
resnet_helpers = importlib.import_module("resnet_helpers")  # before torch: it sets its threads"""


def framed_cells(notebook_name):
    """The source of each cell that the frame owns, by cell id."""
    repository = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    address = repository["url"]
    names = {
        "address": address,
        "branch": repository["branch"],
        "name": notebook_name,
        "slug": address.removeprefix("https://github.com/"),
    }
    return {"links": LINKS.format(**names), "set-up": SET_UP.format(**names)}


def differing_cells(path):
    """The ids of the frame's cells that are missing from a notebook or differ from the frame."""
    sources = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    frame = framed_cells(path.name)
    return [cell_id for cell_id, source in frame.items() if sources.get(cell_id) != source]


def write_frame(path):
    """Write the frame's cells into a notebook that has cells with their ids."""
    notebook = nbformat.read(path, as_version=4)
    frame = framed_cells(path.name)
    for cell in notebook.cells:
        cell.source = frame.get(cell.id, cell.source)
    write_atomically(path, lambda beside: nbformat.write(notebook, beside))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    check = parser.parse_args().check
    wrong = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not check:
            write_frame(path)
        if differing := differing_cells(path):
            wrong[path.name] = differing
    for name, cells in wrong.items():
        print(f"{name}: these cells are missing or differ from the frame: {', '.join(cells)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
