"""Run notebooks from top to bottom and save their outputs.

python book/_tools/execute.py                            all of them
python book/_tools/execute.py notebooks/06_training.ipynb

A notebook runs in an empty folder, so that it can't come to depend on where it is. What would
differ from run to run without meaning anything (times of cells, versions) isn't saved.
"""

import argparse
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from resnet_helpers._files import write_atomically

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def execute(notebook):
    """Run a notebook in place, in an empty folder.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed; the message has its traceback.
    """
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        ).execute()


def save(notebook, path):
    """Write a notebook without what changes from machine to machine.

    The alt text of a figure, which the web book takes from its cell, is written to the picture
    as well: there JupyterLab and nbconvert (for slides) look for it. A widget's view is left out:
    it would point to a kernel that is gone, while the HTML beside it works by itself.
    """
    for cell in notebook.cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            if alt and "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {"alt": alt}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    write_atomically(path, lambda beside: nbformat.write(notebook, beside))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="by default all")
    paths = parser.parse_args().notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        execute(notebook)
        save(notebook, path)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
