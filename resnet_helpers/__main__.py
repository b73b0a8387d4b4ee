"""The command line: python -m resnet_helpers --help"""

import argparse
import sys

from resnet_helpers import runs


def list_recordings():
    """Print what can be recorded, what it needs, and how long each recorded run took."""
    for name, recording in runs.RECORDINGS.items():
        print(f"{name}: needs {recording.needs}")
        for settings in recording.runs:
            try:
                made = runs.load_run(name, settings.name)["provenance"]
                print(f"    {settings.name}: recorded {made['date']}, {made['seconds']} s")
            except FileNotFoundError:
                print(f"    {settings.name}: not recorded yet")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m resnet_helpers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="train the runs that chapters show, and keep them")
    record.add_argument("name", nargs="?", help="which recording; see --list")
    record.add_argument("--list", action="store_true", help="say what there is, and stop")
    record.add_argument("--data", help="the data set, such as folder:PATH")
    record.add_argument("--only", default="*", help="a pattern of run names, such as 'plain-*'")
    given = parser.parse_args(arguments)
    if given.list:
        list_recordings()
        return
    if given.name is None or given.data is None:
        record.error("say which recording and --data, or --list")
    try:
        runs.record(given.name, given.data, given.only)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
