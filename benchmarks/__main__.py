"""Time the book's code beside the lecture notes': python -m benchmarks

Prints a table of ratios, and with --write puts it on the book's page of benchmarks.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from benchmarks import measure
from resnet_helpers._files import write_text
from resnet_helpers.data import load
from resnet_helpers.experiments import load_recording
from resnet_helpers.experiments.provenance import machine
from resnet_helpers.networks import resnet18, resnet50

PAGE = Path(__file__).parents[1] / "book" / "benchmarks.md"

# A name, and a function of the images and of the number of repeats.
BENCHMARKS = (
    (
        "loader, 96×96",
        lambda images, repeats: measure.loader_speed(images, 96, 1920, repeats),
    ),
    (
        "loader, enlarged to 224×224",
        lambda images, repeats: measure.loader_speed(images, 224, 640, repeats),
    ),
    (
        "channel statistics of 5,000 images",
        lambda images, repeats: measure.statistics_speed(images, repeats),
    ),
    (
        "training ResNet-18 at 96×96",
        lambda images, repeats: measure.training_speed(resnet18, images, 96, 320, repeats),
    ),
    (
        "training ResNet-50 at 96×96",
        lambda images, repeats: measure.training_speed(resnet50, images, 96, 160, repeats),
    ),
)


def summary(pairs):
    """Median ratio of book to notes, and from the lowest to the highest, as text."""
    ratios = sorted(book / notes for notes, book in pairs)
    middle = statistics.median(ratios)
    return f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def row(name, pairs):
    """A line of the table: name, images a second of the notes and of the book, ratio."""
    notes, book = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"| {name} | {notes:,.0f} | {book:,.0f} | {summary(pairs)} |"


def run(repeats, threads):
    """All benchmarks: the lines of the page's table, and the overhead's line."""
    torch.set_num_threads(threads)
    images = load("sample").train
    rows = []
    for name, benchmark in BENCHMARKS:
        rows.append(row(name, benchmark(images, repeats)))
        print(rows[-1], flush=True)
    bare = measure.bare_speed(resnet18, images, 96, 320, repeats)
    shares = sorted(1 - book / alone for alone, book in bare)
    overhead = (
        f"Of a training step of ResNet-18 at 96×96, {statistics.median(shares):.1%} "
        f"({shares[0]:.1%} to {shares[-1]:.1%}) is spent outside the bare model's forward pass, "
        "backward pass and optimiser. (Below zero: within the wobble.)"
    )
    print(overhead)
    return rows, overhead


def time_to_accuracy():
    """How soon the book's recipe is as good as the notes' ever: read from the recorded runs."""
    recorded = load_recording("recipes-imagenette96")
    shares = []
    for seed in (0, 1):
        theirs = recorded["notes-recipe-resnet18", seed]["history"]
        ours = recorded["book-recipe-resnet18-4-epochs", seed]["history"]
        best = max(row["val_accuracy"] for row in theirs)
        reached = next(row["seconds"] for row in ours if row["val_accuracy"] >= best)
        shares.append(reached / theirs[-1]["seconds"])
    return (
        "The book's recipe, planned for four epochs, is as good on validation as the notes' recipe "
        f"at its best after {shares[0]:.0%} and {shares[1]:.0%} of the notes' twelve epochs' time "
        "(ResNet-18 at 96×96 on photographs, two seeds, side by side; recorded once, shown in "
        "[Chapter 7](../notebooks/07_a_better_recipe.ipynb))."
    )


def page(rows, overhead, repeats, threads, seconds):
    """The page of the book, as Markdown."""
    made = machine()
    lines = "\n".join(rows)
    return f"""# Benchmarks

How much faster than the lecture notes' code is this book's, on the same machine, in the same
minute? The notes convert, resize, normalise and mirror each image by itself in a `DataLoader`, and
train in PyTorch's default order of numbers. The book keeps bytes in memory, transforms whole
batches, and trains with the channels last.
`benchmarks/notes.py` holds the notes' way in other words.

| | notes, images/s | book, images/s | book / notes |
|---|---|---|---|
{lines}

{overhead}

{time_to_accuracy()}

The ratio is the median of {repeats} alternating repeats, in brackets the lowest and the highest.
Seconds differ between machines, and on one machine from minute to minute. Ratios differ less.

Measured {made["date"]} in {seconds / 60:.0f} minutes: {made["processor"]}, {threads} threads,
PyTorch {made["torch"]}, commit {made["commit"]}. Again: `python -m benchmarks --write`
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="how often each pair is timed")
    parser.add_argument("--threads", type=int, default=2, help="of the processor")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}, a page")
    given = parser.parse_args()
    start = time.perf_counter()
    print("| | notes, images/s | book, images/s | book / notes |")
    rows, overhead = run(given.repeats, given.threads)
    if given.write:
        text = page(rows, overhead, given.repeats, given.threads, time.perf_counter() - start)
        write_text(PAGE, text)


if __name__ == "__main__":
    main()
