"""How the C library keeps memory that was freed."""

import ctypes
from contextlib import suppress

MALLOPT_TRIM_THRESHOLD, MALLOPT_MMAP_THRESHOLD = -1, -3  # <malloc.h>
LARGEST_MMAP_THRESHOLD = 32 * 2**20  # bytes; glibc refuses more


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks of freed memory: to map them anew takes longer than the product written there."""
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        if libc.mallopt(MALLOPT_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD):
            libc.mallopt(MALLOPT_TRIM_THRESHOLD, 2**30)
