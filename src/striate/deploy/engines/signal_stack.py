"""The stack on which Python answers signals, which OpenVINO takes from a thread and frees with itself."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Stack(ctypes.Structure):
    """stack_t of Linux, sigaltstack(2): where it begins, its state, its size."""

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
    before = signal_stack()
    try:
        yield
    finally:
        ctypes.CDLL(None).sigaltstack(ctypes.byref(before), None)


def signal_stack() -> Stack:
    """That of the calling thread, of Linux."""
    found = Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found
