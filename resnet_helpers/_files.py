"""Writing files so that nobody ever reads half of one."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | os.PathLike, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, then rename it there.

    Args:
        path: where the file is to stand; missing folders are made.
        write: a function that writes the whole file to the path it is given.

    Raises:
        OSError: the folder can't be written or the disk is full; what stood at ``path`` stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid.uuid4().hex}-{path.name}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text as UTF-8, in the manner of ``write_atomically`` and with its errors."""
    write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8"))
