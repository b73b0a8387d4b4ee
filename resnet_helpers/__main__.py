"""The command line: python -m resnet_helpers --help"""

import argparse
import inspect
import re
import sys
from dataclasses import fields, replace
from pathlib import Path

from resnet_helpers._check import first_line
from resnet_helpers.data import cache_folder, load, stl10
from resnet_helpers.experiments.distributed import DEVICES
from resnet_helpers.experiments.recipe import CHOICES, RECIPES, Recipe
from resnet_helpers.experiments.recordings import list_recordings, record
from resnet_helpers.experiments.train import Stopped, train_to_folder
from resnet_helpers.experiments.trained import predict_pictures


def run_train(given):
    """Train by a named recipe, some of its settings changed."""
    names = [field.name for field in fields(Recipe) if getattr(given, field.name) is not None]
    recipe = replace(RECIPES[given.recipe], **{name: getattr(given, name) for name in names})
    # Photographs come in all sizes; the other data sets' images have one already.
    size = {"image_size": recipe.image_size} if given.data.startswith("folder:") else {}
    name = Path(given.data.removeprefix("folder:")).expanduser().resolve().name
    folder = given.out or Path("trained") / f"{given.recipe}-{name}"
    train_to_folder(recipe, load(given.data, **size), folder, given.resume, device=given.device)


def run_predict(given):
    """Print a line for each picture: the three most probable classes."""
    probabilities, classes = predict_pictures(given.weights, given.pictures)
    for picture, row in zip(given.pictures, probabilities, strict=True):
        best = row.argsort(descending=True)[:3]
        print(f"{picture}: {', '.join(f'{classes[k]} {row[k]:.1%}' for k in best)}")


def run_record(given):
    """Make the runs of a recording, or list all recordings."""
    if given.list:
        list_recordings()
    else:
        record(given.name, given.data, given.only)


def run_data(given):
    """Fetch STL10, unless it is there, whole and right."""
    print(f"STL10 lies in {stl10.fetch(given.dir or cache_folder(), given.source)}")


def add_settings(parser):
    """An option for each of a recipe's settings; its docstring explains them."""
    explained = dict(re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", inspect.getdoc(Recipe), re.M))
    group = parser.add_argument_group("settings, each in place of the recipe's")
    for field in fields(Recipe):
        kind = {"type": field.type, "metavar": field.type.__name__.upper()}
        if field.type is bool:
            kind = {"action": argparse.BooleanOptionalAction}
        elif field.name in CHOICES:
            kind = {"choices": CHOICES[field.name]}
        text = " ".join(explained[field.name].split()).replace("%", "%%")
        group.add_argument(f"--{field.name.replace('_', '-')}", default=None, help=text, **kind)


def build_parser():
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m resnet_helpers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name, run, text):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    command = add("train", run_train, "train a network, and keep all that is worth keeping")
    option = command.add_argument
    option("--recipe", choices=RECIPES, required=True, help="a whole training by name")
    option("--data", required=True, help="sample, stl10, cifar10 or folder:PATH")
    option("--out", type=Path, help="the folder to write; by default trained/NAME")
    option("--resume", action="store_true", help="go on with an unfinished training")
    where = "where to compute; auto: on a GPU if there is one"
    option("--device", choices=DEVICES, default="auto", help=where)
    add_settings(command)

    option = add("predict", run_predict, "say what a trained network sees in pictures").add_argument
    option("weights", metavar="WEIGHTS", help="the best.safetensors of a training")
    option("pictures", metavar="PICTURE", nargs="+", help="a photograph, of any size")

    option = add("record", run_record, "train the runs that chapters show").add_argument
    option("name", nargs="?", help="which recording; see --list")
    option("--list", action="store_true", help="say what there is, and stop")
    option("--data", default="", help="the data set, such as folder:PATH")
    option("--only", default="*", help="a pattern of run names, such as 'plain-*'")

    option = add("data", run_data, "fetch STL10's labelled images ahead of a lecture").add_argument
    option("name", choices=["stl10"], help="which data set")
    option("--dir", type=Path, help="the folder it lies in; by default the cache folder")
    where = "where to look for the archive first"
    option("--from", dest="source", metavar="ADDRESS|FILE", help=where)
    return parser


def main(arguments=None):
    """Run a command; what is wrong is told in one line, and the exit status isn't 0."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # to fail over a ± that can't be printed helps nobody
            stream.reconfigure(errors="backslashreplace")
    given = build_parser().parse_args(arguments)
    try:
        given.run(given)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(130)  # as shells report a process that Ctrl-C has ended
    except (RuntimeError, MemoryError) as error:
        sys.exit(f"error: {explain(error)}")
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(f"error: {error}")


def explain(error):
    """What PyTorch or Python have raised, in one line that names a way out where one is known."""
    said = first_line(error)
    if isinstance(error, MemoryError) or re.search("(out of|enough|allocate) memory", str(error)):
        return f"not enough memory ({said}): train takes less with a smaller --batch-size"
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        return f"torch.compile fails on this machine ({said}): train goes without by --no-compile"
    if "CUDA" in said:
        return f"{said}: train goes without a GPU by --device cpu"
    return said


if __name__ == "__main__":
    main()
