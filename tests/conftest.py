"""What several test modules need."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
# Every name but this machine's leads nowhere: the pages are tested with the network cut.
CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache folder that is this test's own and empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RESNET_HELPERS_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def chromium():
    """The path of the machine's Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine: install it to test the pages (.ci/run does)")


@pytest.fixture(scope="session")
def browser(chromium):
    """A running Chromium."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", CUT])
        yield running
        running.close()


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the built pages, built from the notebooks' saved outputs."""
    folder = tmp_path_factory.mktemp("book")
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["execute"]["execute_notebooks"] = "off"
    extensions = config["sphinx"]["local_extensions"]
    extensions.update({name: str(ROOT / folder) for name, folder in extensions.items()})
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    options = ["--all", "--warningiserror", "--keep-going", "--config", folder / "_config.yml"]
    built = subprocess.run(
        [jupyter_book, "build", ROOT, *options, "--path-output", folder],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return folder / "_build" / "html"
