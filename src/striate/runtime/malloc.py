"""Memory that a step or a batch frees stays in the process, so that the next does not have to ask for it again.

The C library hands large blocks back to the system as soon as they are free. Every step then faults each page of its
activations in anew, and the system clears them first: a third of the time of VGG-11 at 224 px (benchmarks/training.md).
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

# Of malloc.h; glibc only.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
NEVER = -1
DEFAULT_MMAP_MAX = 65_536
# Where the thresholds that glibc adapts by itself end up after the first large block was freed.
ADAPTED_MMAP_THRESHOLD = 32 * 2**20


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """The context in which freed memory stays in the process; at its end it goes back to the system.

    Does nothing where the C library is not glibc. Peak memory stays what it is; between the peaks it does not fall.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    library = ctypes.CDLL(None)
    library.mallopt(M_MMAP_MAX, 0)
    library.mallopt(M_TRIM_THRESHOLD, NEVER)
    try:
        yield
    finally:
        library.mallopt(M_MMAP_MAX, DEFAULT_MMAP_MAX)
        library.mallopt(M_MMAP_THRESHOLD, ADAPTED_MMAP_THRESHOLD)
        library.mallopt(M_TRIM_THRESHOLD, 2 * ADAPTED_MMAP_THRESHOLD)
        library.malloc_trim(0)
