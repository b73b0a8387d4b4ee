"""What is kept of an unfinished training: the best weights, and all that its next epoch depends on.

A process may be killed at any moment: the checkpoint of the last whole epoch stands, and on one
machine the training goes on from it as if unbroken, bit for bit.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from resnet_helpers._files import write_atomically
from resnet_helpers.training import UNREADABLE, save_weights

CHECKPOINT, WEIGHTS = "checkpoint.pt", "best.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """Where ``fit`` keeps a training after each epoch, and what the training is of.

    Attributes:
        folder: of checkpoint.pt.
        about: what is known of the training. Its ``settings`` and ``images``, a digest, must be
            equal for the checkpoint to be read again.
    """

    folder: Path
    about: dict

    def write(self, parts, generator, history):
        """Write all that is to be kept after an epoch, each file atomically.

        The weights of the epoch with the lowest validation loss, if it is measured, go to
        best.safetensors, and ``about`` with them, as JSON.

        Args:
            parts: a dictionary of what has a ``state_dict``: model, optimiser, schedule.
            generator: of the batches' order and of the augmentation.
            history: a dictionary an epoch, of plain Python types.

        Raises:
            OSError: a file can't be written; the last good one stays.
        """
        if "val_loss" in history[-1] and best_epoch(history) == len(history):
            about = {"about": json.dumps(self.about)}
            save_weights(parts["model"], self.folder / WEIGHTS, about)
        everything = {
            "about": self.about,
            "generator": generator.get_state(),
            "global_generator": torch.get_rng_state(),
            "history": history,
            **{name: part.state_dict() for name, part in parts.items()},
        }
        path = self.folder / CHECKPOINT
        try:
            write_atomically(path, lambda beside: torch.save(everything, beside))
        except (OSError, RuntimeError) as error:  # torch.save tells of a full disk by the latter
            raise OSError(
                f"the checkpoint can't be written to {path}: {error}. Make room and run "
                f"the same command again: it goes on after epoch {len(history) - 1}"
            ) from error

    def read(self):
        """What ``write`` wrote, for ``restore``; None if there is no checkpoint yet.

        Raises:
            ValueError: the file is damaged, or of another training: the message says what differs.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        try:
            kept = torch.load(path, weights_only=True)
            found = kept["about"]
        except (*UNREADABLE, LookupError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged, or no checkpoint ({error}): remove it to start afresh"
            ) from error
        # Setting by setting, so that the message can name those that differ.
        now, then = ({**of["settings"], "images": of["images"]} for of in (self.about, found))
        changes = [f"{n} {then.get(n)!r}, now {now[n]!r}" for n in now if now[n] != then.get(n)]
        if changes:
            raise ValueError(
                f"{path} is the checkpoint of another training ({'; '.join(changes)}): "
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


def best_epoch(history):
    """The first epoch with the lowest validation loss, counted from 1."""
    losses = [row["val_loss"] for row in history]
    return 1 + losses.index(min(losses))
