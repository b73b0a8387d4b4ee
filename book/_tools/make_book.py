"""Build the web book in _build/html: at once from saved outputs, then from runs of the chapters.

python book/_tools/make_book.py           the whole book
python book/_tools/make_book.py --read    without running the chapters

A chapter isn't run again as long as its last run holds (execute.py says what that means), so a
build that was broken off goes on where it stopped. A chapter that fails keeps its saved outputs.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import beside
import execute
import nbformat
import platformdirs
import slides
import yaml
from execute import ROOT

from resnet_helpers.data import cache_folder

BUILT = ROOT / "_build"
SPARE = ROOT / ".venv" / "cache"
SAMPLE_SET = 300  # megabytes


def can_hold(folder, megabytes):
    """Whether a folder is there, or can be made, and takes so many megabytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return shutil.disk_usage(folder).free >= megabytes * 1e6
    except OSError:
        return False


def move_caches():
    """Move those caches into .venv that can't be where they usually are, and say so."""
    try:
        Path.home()
    except RuntimeError:  # a user whom this machine doesn't know, as in some containers
        os.environ["HOME"] = str(SPARE)
        print(f"No home folder is known. {SPARE} is used instead.")
    drawn = any(cache_folder().glob("sample-*"))
    own = os.environ.get("MPLCONFIGDIR"), os.environ.get("IPYTHONDIR")
    usual = {
        "RESNET_HELPERS_CACHE": (cache_folder(), 1 if drawn else SAMPLE_SET),
        "MPLCONFIGDIR": (own[0] or platformdirs.user_config_path("matplotlib"), 1),
        "IPYTHONDIR": (own[1] or Path.home() / ".ipython", 1),
    }
    moved = {name: at for name, (at, size) in usual.items() if not can_hold(Path(at), size)}
    os.environ |= dict.fromkeys(moved, str(SPARE))
    if moved:
        folders = ", ".join(map(str, moved.values()))
        print(f"Can't be written, or hold too little: {folders}. {SPARE} is used instead.")


def other_origin():
    """A sentence where this clone comes from another address than the book's badges lead to."""
    git = ["git", "-C", str(ROOT), "config", "--get", "remote.origin.url"]
    try:
        origin = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    except OSError:  # there is no git on this machine
        return None
    address = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    slug = re.fullmatch(r"(?:https://|git@|ssh://git@)github\.com[:/](.+?)(?:\.git)?/?", origin)
    if slug is None or f"https://github.com/{slug[1]}" == address:
        return None
    return (
        f"This clone comes from github.com/{slug[1]}, but its badges lead to {address}. "
        f"To change that: make address URL=https://github.com/{slug[1]}"
    )


def stage(paths):
    """Lay out what Sphinx reads: links to the repository, and chapters with their runs' outputs."""
    staged = BUILT / "source"
    shutil.rmtree(staged, ignore_errors=True)
    (staged / "notebooks").mkdir(parents=True)
    for item in ROOT.iterdir():
        if item.name not in {"notebooks", "_build"} and not item.name.startswith("."):
            (staged / item.name).symlink_to(item)
    for path in paths:
        nbformat.write(execute.with_outputs(path), staged / "notebooks" / path.name)


def build_pages(paths, anew=True):
    """Build the pages and, meanwhile, the lectures.

    Args:
        paths: the chapters.
        anew: whether all pages are built, and not only those of which something changed.

    Returns:
        whether there was nothing to complain of.
    """
    stage(paths)
    script = "import quickly; from jupyter_book.cli.main import main; main()"
    jupyter_book = [sys.executable, "-c", script, "build", str(BUILT / "source"), "-q"]
    options = ["--path-output", str(ROOT), "--warningiserror", "--keep-going"]
    lectures, whole = BUILT / "html" / "lectures", True
    with subprocess.Popen(
        [*jupyter_book, *options, *(["--all"] if anew else [])],
        cwd=Path(__file__).parent,  # where quickly is
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as building:
        try:
            slides.make_lectures(lectures)
        except ValueError as error:  # a talk asks for what its chapter no longer has
            print(error)
            whole = False
        output, _ = building.communicate()
    if building.returncode:
        print(output)
        whole = False
    beside.link_pages(lectures)
    return whole


def index():
    return BUILT / "html" / "index.html"


def show_saved(paths):
    """Build the pages from saved outputs, so that one can begin to read."""
    whole = build_pages(paths)
    if not index().exists():
        sys.exit("No page could be built: see above.")
    print(f"The book is ready to read (saved outputs):\n    {index()}", flush=True)
    return whole


def make_book(paths, reads):
    """Build the pages, run the chapters, build the pages again; return what went wrong.

    Args:
        paths: the chapters.
        reads: whether to stop before the chapters run.

    Returns:
        a list of sentences.
    """
    start = time.perf_counter()
    waiting = [path for path in paths if not execute.has_run(path)]
    for path in waiting:
        execute.forget(path)
    print("Building the pages: about a minute.", flush=True)
    failures, whole = [], []
    if waiting and reads:
        whole.append(show_saved(paths))
    else:
        if waiting:
            failures = execute.run_all(paths, lambda: whole.append(show_saved(paths)))
            print("Building the pages again, with what came out.", flush=True)
        whole.append(build_pages(paths, anew=not waiting))
        records = [execute.record_of(path) for path in paths]
        claims = sum(record["claims"] for record in records)
        took = execute.minutes(time.perf_counter() - start)
        print(f"The book is built, in {took}; {claims} claims hold. Open it in a browser:")
        print(f"    {index()}")
    if failures:
        print("These chapters failed. Their pages show saved outputs, all other pages are whole.")
    return failures if all(whole) else ["The pages have faults: see above.", *failures]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--read", action="store_true", help="don't run the chapters")
    reads = parser.parse_args().read
    if sentence := other_origin():
        print(sentence)
    move_caches()
    try:
        wrong = make_book(sorted(execute.NOTEBOOKS.glob("*.ipynb")), reads)
    except KeyboardInterrupt:
        sys.exit("\nBroken off. The next `make book` goes on from here.")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
