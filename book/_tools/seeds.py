"""Run a chapter with several seeds and say which of its claims hold for each.

python book/_tools/seeds.py 06_training              seeds 0 to 4
python book/_tools/seeds.py 06_training 5 6 7

The chapter itself is run, with the number in its line `SEED = 0` replaced. What it prints on
lines that begin with `measured:` is shown, so that the margins of the claims can be seen.
"""

import argparse
import re
import sys
import time

import nbformat
from execute import NOTEBOOKS, execute
from nbclient.exceptions import CellExecutionError

SEED_LINE = re.compile(r"^SEED = \d+$", re.MULTILINE)


def with_seed(path, seed):
    """A notebook with its seed replaced.

    Raises:
        ValueError: the notebook has no line ``SEED = 0``, or more than one.
    """
    notebook = nbformat.read(path, as_version=4)
    found = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source, count = SEED_LINE.subn(f"SEED = {seed}", cell.source)
            found += count
    if found != 1:
        raise ValueError(f"{path.name} has {found} lines 'SEED = …': expected exactly one")
    return notebook


def printed(notebook):
    """All that a notebook's cells have printed, line by line."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs).splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapter", help="the notebook's name without .ipynb")
    parser.add_argument("seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    failed = False
    for seed in arguments.seeds:
        notebook = with_seed(NOTEBOOKS / f"{arguments.chapter}.ipynb", seed)
        start = time.perf_counter()
        try:
            execute(notebook)
            outcome = "all claims hold"
        except CellExecutionError as error:
            failed = True
            outcome = f"FAILED: {error.evalue}"
        lines = printed(notebook)
        claims = sum(line.startswith("✓") for line in lines)
        print(f"seed {seed}: {time.perf_counter() - start:.0f} s, {claims} claims, {outcome}")
        for line in lines:
            if line.startswith("measured:"):
                print(f"    {line.removeprefix('measured:').strip()}")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
