"""What several tests of the data room need."""

import multiprocessing

import pytest


@pytest.fixture(scope="session")
def forks():
    """multiprocessing, with processes forked from one that has imported the room already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["resnet_helpers.data", "pytest"])
    return context
