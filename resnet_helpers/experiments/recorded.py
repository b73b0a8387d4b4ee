"""Recorded runs, for whoever reads them: JSON files that ``recordings`` has made.

A recorded run has the ``settings`` of one training, its ``history`` (a row an epoch) and its
``provenance``: by what command, on which data, with which versions and processor, how long. It is
never edited by hand. To read one takes no PyTorch.
"""

import json
import re
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"
# The sample set's classes come in turn: its first nine test images are of nine classes.
REPLAYED = 9


def load_run(recording, run, folder=RECORDED):
    """A recorded run: the dictionary that ``recordings.record`` wrote.

    Raises:
        FileNotFoundError: it isn't recorded; the message says by which command it can be.
    """
    path = Path(folder) / recording / f"{run}.json"
    if not path.exists():
        command = f"python -m resnet_helpers record {recording} --data DATA"
        raise FileNotFoundError(f"{run} of {recording} isn't recorded: {command} makes it")
    return json.loads(path.read_text(encoding="utf-8"))


def load_recording(recording, folder=RECORDED):
    """The runs of a recording that have been made, sorted by their keys.

    Returns:
        A dictionary from each run's key, (network, depth, seed) or (recipe, seed), to what
        ``load_run`` gives.

    Raises:
        FileNotFoundError: no such recording, or none of its runs has been made.
    """
    names = {_key(path.stem): path.stem for path in (Path(folder) / recording).glob("*.json")}
    if not names:
        known = ", ".join(sorted(path.name for path in Path(folder).iterdir()))
        raise FileNotFoundError(
            f"nothing is recorded as {recording!r} (but {known}): python -m resnet_helpers record "
            "--list says what can be"
        )
    return {key: load_run(recording, names[key], folder) for key in sorted(names)}


def runs_of(recorded, *key):
    """Of what ``load_recording`` returns, the runs with this key, such as "plain", 20, by seed."""
    return [run for (*other, _), run in sorted(recorded.items()) if tuple(other) == key]


def provenance_line(recorded):
    """One line for the page on a list of runs: on which data and machine they ran, how long.

    Raises:
        ValueError: no run, or runs of different recordings or schedules.
    """
    every = [
        {"device": "cpu", "together": 1, **run["provenance"], **run["settings"]} for run in recorded
    ]
    common = ("command", "digest", "processor", "device", "torch", "epochs")
    if len({tuple(made[name] for name in common) for made in every}) != 1:
        raise ValueError("expected one run or more, all of one recording and one schedule")
    made = every[0]
    dates, commits, seeds, together = (
        ", ".join(map(str, sorted({made[name] for made in every})))
        for name in ("date", "commit", "seed", "together")
    )
    minutes = sum(made["seconds"] for made in every) / 60
    runs = f"{len(recorded)} runs" if len(recorded) > 1 else "1 run"
    where = f"{made['threads']} thread each, on {made['processor']}"
    if made["device"] != "cpu":
        where = f"{together} at a time, in {made['precision']} on {made['device']}"
    return (
        f"Recorded {dates}: {runs} on {made['data']}, {made['training_images']:,} training "
        f"images, {made['epochs']} epochs, seed {seeds}; {minutes:.0f} minutes in all, "
        f"{where}, PyTorch {made['torch']}, commit {commits}. Again: {made['command']}"
    )


def _key(name):
    """plain-20-seed0 → ("plain", 20, 0); book-recipe-seed1 → ("book-recipe", 1)."""
    recipe, seed = name.rsplit("-seed", 1)
    network = re.fullmatch(r"(plain|residual)-(\d+)", recipe)
    return (network[1], int(network[2]), int(seed)) if network else (recipe, int(seed))
