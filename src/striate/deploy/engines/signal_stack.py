"""The stack on which Python answers signals, which OpenVINO takes from a thread and frees with itself."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """stack_t of Linux (sigaltstack(2))."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size_bytes", ctypes.c_size_t))


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Within it a library may give the calling thread another stack for signals; behind it the old one is back.

    OpenVINO (2026.4) gives one to the thread that compiles, and unmaps it when its plugin goes: the next Ctrl-C then
    ends the process, as Python's handlers run on that stack.
    """
    if sys.platform != "linux":
        yield
        return
    library, before = ctypes.CDLL(None), _Stack()
    library.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(before), None)


def signal_stack() -> tuple[int, int]:
    """Where the calling thread's stack for signals begins, and its size in bytes; 0, 0 where there is none. Linux."""
    found = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found.start or 0, found.size_bytes
