"""What several test modules need."""

import fcntl
import os
import shutil
from collections import Counter

import pytest
import quickly  # noqa: F401 (before nbformat)
from firefox import FIREFOX, Firefox
from playwright.sync_api import sync_playwright

import resnet_helpers  # noqa: F401 (first: it says how PyTorch's threads wait)

# Every name but this machine's leads nowhere: the pages are tested with the network cut.
CUT = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


def pytest_collection_modifyitems(items):
    """Mark what builds pages, starts node or a browser; note which kind of trouble it is about."""
    for item in items:
        if {"browser", "firefox"} & set(item.fixturenames):
            item.add_marker("browser")
        if {"made_once", "node"} & set(item.fixturenames):
            item.add_marker("process")
        kinds = (mark.args[0] for mark in item.iter_markers("trouble"))
        item.user_properties += [("trouble", kind) for kind in kinds]


def pytest_terminal_summary(terminalreporter):
    """Count the tests of troubles that readers of other books and packages have had."""
    passed = terminalreporter.stats.get("passed", [])
    kinds = Counter(kind for test in passed for name, kind in test.user_properties)
    if kinds:
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        terminalreporter.write_line(f"troubles that others had: {counts}")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A function that has a folder made by the first worker that needs it, and returns it."""
    home = tmp_path_factory.getbasetemp()
    home = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home

    def folder_of(name, make):
        folder, made = home / name, home / f"{name}.made"
        with (home / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                made.touch()
        return folder

    return folder_of


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
def firefox(tmp_path_factory):
    """A running Firefox."""
    if not FIREFOX:
        pytest.skip("no Firefox on this machine (.ci/run installs one)")
    running = Firefox(tmp_path_factory.mktemp("firefox"))
    yield running
    running.close()
