"""The checkpoint of an unfinished training: all that its next epoch depends on, in one file.

A process may be killed at any moment: the checkpoint of the last whole epoch stands, and on one
machine the training goes on from it as if unbroken, bit for bit.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from resnet_helpers._files import write_atomically


@dataclass(frozen=True)
class Checkpoint:
    """Where ``fit`` keeps a training after each epoch, and what the training is of.

    Attributes:
        path: the file.
        about: a dictionary of what must be equal for the file to be read again, such as the
            settings and a digest of the images.
    """

    path: Path
    about: dict

    def write(self, parts, generator, history):
        """Write the checkpoint, atomically.

        Args:
            parts: a dictionary of what has a ``state_dict``: model, optimiser, schedule.
            generator: of the batches' order and of the augmentation.
            history: a dictionary an epoch, of plain Python types.

        Raises:
            OSError: the file can't be written; the last good one stays.
        """
        everything = {
            "about": self.about,
            "generator": generator.get_state(),
            "global_generator": torch.get_rng_state(),
            "history": history,
            **{name: part.state_dict() for name, part in parts.items()},
        }

        try:
            write_atomically(self.path, lambda beside: torch.save(everything, beside))
        except (OSError, RuntimeError) as error:  # torch.save tells of a full disk by the latter
            raise OSError(
                f"the checkpoint can't be written to {self.path}: {error}. Make room and run "
                f"the same command again: it goes on after epoch {len(history) - 1}"
            ) from error

    def read(self):
        """What ``write`` wrote, for ``restore``; None if there is no file yet.

        Raises:
            ValueError: the file is damaged, or of another training: the message says what differs.
        """
        if not self.path.exists():
            return None
        try:
            kept = torch.load(self.path, weights_only=True)
            found = kept["about"]
        except (
            OSError,
            RuntimeError,
            EOFError,
            LookupError,
            TypeError,
            pickle.PickleError,
        ) as error:
            raise ValueError(
                f"{self.path} is damaged, or no checkpoint ({error}): remove it to start afresh"
            ) from error
        # Setting by setting, so that the message can name those that differ.
        now, then = ({**about, **about.get("settings", {})} for about in (self.about, found))
        names = [name for name in now if name != "settings" and now[name] != then.get(name)]
        if names:
            changes = (f"{name} {then.get(name)!r}, now {now[name]!r}" for name in names)
            raise ValueError(
                f"{self.path} is the checkpoint of another training ({'; '.join(changes)}): "
                "remove it to start afresh"
            )
        return kept


def restore(kept, parts, generator):
    """Put everything back as it was when it was written; returns the history."""
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    generator.set_state(kept["generator"])
    torch.set_rng_state(kept["global_generator"])
    return kept["history"]
