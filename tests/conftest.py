"""What several test modules need."""

import shutil

import pytest


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
