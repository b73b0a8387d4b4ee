"""What the notebooks of "Deep by Addition" import. The core is what the chapters teach:

    blocks, networks    the parts of plain and residual networks, and the networks
    arithmetic          parameters and multiply–adds
    transforms          from bytes to what a network takes
    training            loss, metric, one epoch, ``train_val``
    analysis, plotting  what goes on inside a network; how the book draws it

Around it, each room for one kind of work:

    data                where images come from
    experiments         what takes long: recipes, whole trainings, recorded runs
    classroom           what the book needs and the subject doesn't: claims, exercises, diagrams
    figures             interactive figures

They use one another in this order only: core, data, experiments, then classroom and figures.
"""

import contextlib
import os
from collections.abc import Iterator

# PyTorch's threads spin while they wait. Short spins, or they block the cores of a busy machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread: for networks so small that a second one only waits.

    Afterwards, and after an error too, there are as many threads as before.
    """
    import torch  # here, so that to import a room that needs no PyTorch stays fast

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
