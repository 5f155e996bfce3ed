"""How seldom something is done so that it takes no more than a share of one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

REST = 200  # times as long as the work took, which is half a percent of one core
LEAST_REST_SECONDS = 0.5


class Pace:
    """Work, and the rest after it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._rest_until = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the last work is long enough ago."""
        return self.clock() >= self._rest_until

    @contextmanager
    def work(self) -> Iterator[None]:
        """The context in which this thread works."""
        begun, used = self.clock(), time.thread_time()
        try:
            yield
        finally:
            self._rest_until = begun + max(LEAST_REST_SECONDS, REST * (time.thread_time() - used))
