"""Memory that is freed and asked for again at every step of a training stays with the process."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGEST_BYTES = (2**30, 2**25)  # of what comes from the heap; before glibc 2.35 the second is the most there is


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, for the rest of the process; of another C library nothing is asked.

    By itself it gives large arrays back to the system at once, and the system fills every page with zeros when the next
    step asks for it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and any(mallopt(_MMAP_THRESHOLD, size) for size in _LARGEST_BYTES):
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
