"""Let a training keep the memory that it frees, since the next step needs as much again."""

import ctypes
import sys

# mallopt's numbers in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MMAP_THRESHOLDS = 2**30, 32 * 2**20  # older versions of glibc take no more than the second


def keep_freed_memory():
    """Tell the C library not to hand freed memory back to the system, where that can be told.

    Each step of a training frees tens of large tensors and asks for them again. By default glibc
    returns them to the system, which then clears every page anew: on two cores that costs a
    tenth of the time of a step. The process stays as large as it has once been. It works on
    Linux with glibc; elsewhere nothing happens.

    Returns:
        True if it could be told.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    kept = any(mallopt(M_MMAP_THRESHOLD, size) for size in MMAP_THRESHOLDS)
    return bool(kept and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
