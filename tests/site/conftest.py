"""What the tests of the built pages share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from browsing import opened
from contents import CHAPTERS, ROOT

# What `make book` would have left of two chapters. It has run no other.
RUNS = {
    CHAPTERS[0]: {"stamp": "a", "seconds": 73.6, "claims": 41, "failed": None},
    CHAPTERS[1]: {
        "stamp": "b",
        "seconds": 12.0,
        "claims": 3,
        "failed": {"cell": "res-live-run", "error": "MemoryError: no room"},
    },
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder with what two chapters' runs left: the first is whole, the second failed."""
    folder = tmp_path_factory.mktemp("ran")
    for name, run in RUNS.items():
        (folder / f"{name.removeprefix('notebooks/')}.json").write_text(json.dumps(run))
    return folder


@pytest.fixture(scope="session")
def book(made_once, runs):
    """The folder of the built pages, built from the notebooks' saved outputs."""

    def build(folder):
        config = yaml.safe_load((ROOT / "_config.yml").read_text())
        config["execute"]["execute_notebooks"] = "off"
        extensions = config["sphinx"]["local_extensions"]
        extensions.update({name: str(ROOT / folder) for name, folder in extensions.items()})
        (folder / "_config.yml").write_text(yaml.safe_dump(config))
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        options = ["--all", "--warningiserror", "--keep-going", "--config", folder / "_config.yml"]
        built = subprocess.run(
            [jupyter_book, "build", ROOT, *options, "--path-output", folder],
            env=os.environ | {"DEEP_BY_ADDITION_RAN": str(runs)},
            capture_output=True,
            text=True,
        )
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]

    return made_once("book", build) / "_build" / "html"


@pytest.fixture(scope="module")
def page(request, book, browser):
    """The page that a file of tests is about, opened once: each test sets what it needs."""
    with opened(browser, book.as_uri(), f"{request.module.PAGE}.html") as page:
        yield page
