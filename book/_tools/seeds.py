"""Run chapters with several seeds and say whether all their claims hold for each.

python book/_tools/seeds.py                              every chapter, seeds 0 to 4
python book/_tools/seeds.py 06_training --seeds 5 6 7

The chapter itself is run, with the number in its line `SEED = 0` replaced. What it prints on
lines that begin with `measured:` is shown, so that the margins of the claims can be seen.
"""

import argparse
import re
import sys
import time

import nbformat
from execute import NOTEBOOKS, count_claims, execute, printed
from nbclient.exceptions import CellExecutionError

SEED_LINE = re.compile(r"^SEED = \d+$", re.MULTILINE)


def with_seed(path, seed):
    """A notebook with its seed replaced and without its saved outputs.

    Raises:
        ValueError: the notebook has no line ``SEED = 0``, or more than one.
    """
    notebook = nbformat.read(path, as_version=4)
    found = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.source, count = SEED_LINE.subn(f"SEED = {seed}", cell.source)
            found += count
    if found != 1:
        raise ValueError(f"{path.name} has {found} lines 'SEED = …': expected exactly one")
    return notebook


def run(path, seed):
    """Run a chapter with a seed, print what came out, and return whether all claims held."""
    notebook = with_seed(path, seed)
    start = time.perf_counter()
    try:
        execute(notebook)
        outcome = "all hold"
    except CellExecutionError as error:
        outcome = f"FAILED: {error.evalue}"
    seconds = time.perf_counter() - start
    print(f"{path.stem}, seed {seed}: {seconds:.0f} s, {count_claims(notebook)} claims, {outcome}")
    for line in printed(notebook):
        if line.startswith("measured:"):
            print(f"    {line.removeprefix('measured:').strip()}")
    sys.stdout.flush()
    return outcome == "all hold"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="names without .ipynb; by default all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    names = arguments.chapters or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    paths = [NOTEBOOKS / f"{name}.ipynb" for name in names]
    outcomes = [run(path, seed) for path in paths for seed in arguments.seeds]
    print(f"{sum(outcomes)} of {len(outcomes)} runs: all claims hold")
    sys.exit(not all(outcomes))


if __name__ == "__main__":
    main()
