"""When the work began that a person waits for: their command, or their call of a function."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_begun: ContextVar[float | None] = ContextVar("begun", default=None)


@contextmanager
def timed_from_here() -> Iterator[None]:
    """What is done within it began here, unless it is part of what began earlier.

    >>> with timed_from_here():
    ...     first = begun()
    ...     with timed_from_here():
    ...         first == begun()
    True
    """
    token = _begun.set(begun())
    try:
        yield
    finally:
        _begun.reset(token)


def seconds_gone() -> float:
    """Since then."""
    return time.monotonic() - begun()


def begun() -> float:
    """The moment, on the monotonic clock; now where nothing was begun."""
    since = _begun.get()
    return time.monotonic() if since is None else since
