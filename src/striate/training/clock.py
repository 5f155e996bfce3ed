"""Seconds of training, and when the next state is due."""

from __future__ import annotations

import time

from striate.training.folder.state import Counters

SAVE_EVERY_SECONDS = 60.0


class Clock:
    """A monotonic clock, so a changed date changes nothing."""

    def __init__(self, counters: Counters) -> None:
        self.seen_before = counters.seen
        self.since = self.saved = time.monotonic()
        self.seconds = 0.0

    def save_is_due(self) -> bool:
        """Whether the last state is too old."""
        return time.monotonic() - self.saved > SAVE_EVERY_SECONDS

    def stop(self, counters: Counters) -> None:
        """Add the time since the last stop to the counters."""
        now = time.monotonic()
        counters.seconds += now - self.since
        self.seconds += now - self.since
        self.since = self.saved = now

    def rate(self, counters: Counters) -> float:
        """Pictures per second since the epoch was begun or resumed, rounded for reading."""
        return round((counters.seen - self.seen_before) / max(self.seconds, 1e-9), 1)
