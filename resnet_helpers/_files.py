"""Writing files so that nobody ever reads half of one."""

import uuid
from pathlib import Path


def write_atomically(path, write):
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
