"""The state of an unfinished training: all that its next epoch depends on, in one file.

A process may be killed at any moment: the state of the last whole epoch stands, and on one
machine the training goes on from it as if unbroken, bit for bit.
"""

import pickle
from pathlib import Path

import torch

from resnet_helpers._files import write_atomically


def write_state(path, cause, stateful, generator, progress):
    """Write a state, atomically.

    Args:
        cause: a dictionary of what the training is of: settings, data. A state is read again for
            an equal one alone.
        stateful: a dictionary of what has a ``state_dict``: model, optimiser, schedule.
        generator: of the batches' order and of the augmentation.
        progress: what else is to be kept, such as the history so far, of plain Python types.

    Raises:
        OSError: the file can't be written; the last good one stays.
    """
    everything = {
        "cause": cause,
        "generator": generator.get_state(),
        "global_generator": torch.get_rng_state(),
        "progress": progress,
        **{name: part.state_dict() for name, part in stateful.items()},
    }

    def write(beside):
        try:
            torch.save(everything, beside)
        except RuntimeError as error:  # how torch.save tells of a full disk
            raise OSError(str(error)) from error

    try:
        write_atomically(path, write)
    except OSError as error:
        raise OSError(
            f"the run's state can't be written to {path}: {error}. Make room and "
            f"run the same command again: it goes on after epoch {len(progress['history']) - 1}"
        ) from error


def read_state(path, cause):
    """What ``write_state`` wrote, for ``restore``; None if there is no state yet.

    Raises:
        ValueError: the state is damaged, or of another cause: the message names what differs.
    """
    if not Path(path).exists():
        return None
    try:
        everything = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged ({error}): remove it to start afresh") from error
    for part, expected in cause.items():
        found = everything["cause"].get(part)
        if found != expected:
            raise ValueError(
                f"{path} is the state of a run with other {part}{_difference(found, expected)}: "
                "remove it to start afresh"
            )
    return everything


def restore(everything, stateful, generator):
    """Put everything back as it was after the last whole epoch; returns the ``progress``."""
    for name, part in stateful.items():
        part.load_state_dict(everything[name])
    generator.set_state(everything["generator"])
    torch.set_rng_state(everything["global_generator"])
    return everything["progress"]


def _difference(found, expected):
    if not (isinstance(found, dict) and isinstance(expected, dict)):
        return ""
    names = [name for name in expected if found.get(name) != expected[name]]
    changes = (f"{name} {found.get(name)!r}, now {expected[name]!r}" for name in names)
    return f" ({'; '.join(changes)})"
