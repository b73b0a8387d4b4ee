"""The command line: python -m resnet_helpers --help"""

import argparse
import dataclasses
import sys
from pathlib import Path

from resnet_helpers.data import cache_folder, load, stl10
from resnet_helpers.experiments import fit, recordings
from resnet_helpers.experiments.distributed import LostProcess
from resnet_helpers.experiments.recipe import PRESETS, Preset


def list_recordings():
    """Print what can be recorded, what it needs, and how long each recorded run took."""
    for name, recording in recordings.RECORDINGS.items():
        print(f"{name}: needs {recording.needs}")
        for run in map(recordings.run_name, recording.runs):
            try:
                made = recordings.load_run(name, run)["provenance"]
                print(f"    {run}: recorded {made['date']}, {made['seconds']} s")
            except FileNotFoundError:
                print(f"    {run}: not recorded yet")


def check_stl10(root):
    """Print what is right and what is wrong of STL10's labelled files in a folder.

    Raises:
        FileNotFoundError: not all of them are there and right.
    """
    faults = stl10.check(root)
    for name, fault in faults.items():
        print(f"{name}: {fault or 'right'}")
    if any(faults.values()):
        raise FileNotFoundError(
            f"STL10 isn't whole in {root / stl10.FOLDER}: python -m resnet_helpers data stl10 "
            f"--dir {root} fetches it"
        )


def run_record(given, parser):
    if given.list:
        list_recordings()
    elif given.name is None or given.data is None:
        parser.error("say which recording and --data, or --list")
    else:
        recordings.record(given.name, given.data, given.only)


def run_data(given, parser):
    root = given.dir or cache_folder()
    if given.where:
        print(root / stl10.FOLDER)
    elif given.check:
        check_stl10(root)
    elif given.name is None:
        parser.error("say which data set (stl10), or --check or --where")
    else:
        print(f"STL10 lies in {stl10.fetch(root, given.source, with_folds=given.folds)}")


def run_train(given, parser):
    settings = {f.name: getattr(given, f.name) for f in dataclasses.fields(Preset)}
    changes = {name: value for name, value in settings.items() if value is not None}
    preset = dataclasses.replace(PRESETS[given.preset], **changes)
    # Photographs come in all sizes; the other data sets' images have one already.
    size = {"image_size": preset.image_size} if given.data.startswith("folder:") else {}
    name = Path(given.data.removeprefix("folder:")).resolve().name
    fit.fit(
        preset,
        load(given.data, **size),
        given.out or Path("trained") / f"{given.preset}-{name}",
        given.resume,
    )


def add_train(commands):
    train = commands.add_parser(
        "train", help="train a network by a preset, and keep all that is worth keeping"
    )
    train.add_argument("--preset", choices=PRESETS, required=True, help="a whole training by name")
    train.add_argument("--data", required=True, help="sample, stl10, cifar10 or folder:PATH")
    train.add_argument("--out", type=Path, help="the folder to write; by default trained/NAME")
    train.add_argument("--resume", action="store_true", help="go on with an unfinished training")
    settings = train.add_argument_group(
        "settings, each in place of the preset's (python -c 'help(\"resnet_helpers.presets\")' "
        "explains them)"
    )
    for field in dataclasses.fields(Preset):
        kind = {"action": argparse.BooleanOptionalAction} if field.type is bool else {}
        kind = kind or {"type": field.type, "metavar": field.type.__name__.upper()}
        settings.add_argument(f"--{field.name.replace('_', '-')}", default=None, **kind)
    train.set_defaults(run=run_train, parser=train)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m resnet_helpers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_train(commands)
    record = commands.add_parser("record", help="train the runs that chapters show, and keep them")
    record.add_argument("name", nargs="?", help="which recording; see --list")
    record.add_argument("--list", action="store_true", help="say what there is, and stop")
    record.add_argument("--data", help="the data set, such as folder:PATH")
    record.add_argument("--only", default="*", help="a pattern of run names, such as 'plain-*'")
    record.set_defaults(run=run_record, parser=record)
    data = commands.add_parser("data", help="fetch STL10's labelled images ahead of a lecture")
    data.add_argument("name", nargs="?", choices=["stl10"], help="which data set")
    data.add_argument("--dir", type=Path, help="the folder it lies in; by default the cache folder")
    data.add_argument(
        "--from", dest="source", metavar="ADDRESS|FILE", help="where to look for the archive first"
    )
    data.add_argument(
        "--folds", action="store_true", help="fetch the ten folds too: all of the 2.64 GB"
    )
    data.add_argument("--check", action="store_true", help="say what is there and right, and stop")
    data.add_argument("--where", action="store_true", help="say where it lies, and stop")
    data.set_defaults(run=run_data, parser=data)
    given = parser.parse_args(arguments)
    try:
        given.run(given, given.parser)
    except fit.Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(130)  # as shells report a process that Ctrl-C has ended
    except (ValueError, OSError, FloatingPointError, LostProcess) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
