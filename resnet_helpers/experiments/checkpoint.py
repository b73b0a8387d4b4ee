"""What is kept of an unfinished training: the best weights, and all that its next epoch depends on.

A process may be killed at any moment: the checkpoint of the last whole epoch stands, and on one
machine the training goes on from it as if unbroken, bit for bit.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from resnet_helpers._check import first_line
from resnet_helpers._files import write_atomically
from resnet_helpers.training import DAMAGED, save_weights, unpickle

CHECKPOINT, WEIGHTS = "checkpoint.pt", "best.safetensors"
# Settings of the machine: another one may not have them. A training may go on with others.
FREE = ("compile", "precision", "threads")


@dataclass(frozen=True)
class Checkpoint:
    """Where ``fit`` keeps a training after each epoch, and what the training is of.

    Attributes:
        folder: of checkpoint.pt.
        about: what is known of the training. Its ``settings``, but for ``FREE``, and ``images``,
            a digest, must be equal for the checkpoint to be read again.
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
        if len(history) > 1 and not self.folder.is_dir():
            raise FileNotFoundError(f"{self.folder} is no longer there")
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
            raise OSError(f"the checkpoint can't be written to {path}: {error}") from error

    def read(self):
        """What ``write`` wrote, for ``restore``; None if there is no checkpoint yet.

        Raises:
            ValueError: the file is damaged, or of another training: the message says what differs.
            OSError: the file can't be read, which says nothing of what is in it.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        content = path.read_bytes()
        try:
            # To the CPU: where it was written there may have been a GPU, and here none.
            kept = unpickle(content)
            found = kept["about"]
        except DAMAGED as error:
            raise ValueError(
                f"{path} is damaged, or no checkpoint ({first_line(error)}): begin again in "
                "another folder (--out)"
            ) from error
        # Setting by setting, so that the message can name those that differ.
        now, then = ({**of["settings"], "images": of["images"]} for of in (self.about, found))
        named = [name for name in now if name not in FREE and now[name] != then.get(name)]
        changes = [f"{name} {then.get(name)!r}, now {now[name]!r}" for name in named]
        if changes:
            raise ValueError(
                f"{path} is the checkpoint of another training ({'; '.join(changes)}): "
                "go on with its settings and images, or begin in another folder (--out)"
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
