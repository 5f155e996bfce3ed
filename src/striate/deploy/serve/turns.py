"""Who may use a network now: many who leave it as it is at once, or one who does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Turns of at most so many threads together, or of one alone, in about the order in which they ask.

    >>> turns = Turns(2)
    >>> with turns.together(), turns.together():
    ...     pass
    >>> with turns.alone():
    ...     pass
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places = threading.Semaphore(most)
        self._entrance = threading.Lock()

    @contextmanager
    def together(self) -> Iterator[None]:
        """The context of one of several."""
        with self._entrance:
            self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The context of one who has waited for all others to leave; nobody enters meanwhile."""
        with self._entrance:
            for _ in range(self._most):
                self._places.acquire()
            try:
                yield
            finally:
                self._places.release(self._most)
