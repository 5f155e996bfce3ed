"""The learners of open pages: few at once, each gone when nobody has asked for it in a while."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from striate.deploy.serve.refusals import Refused
from striate.playground.learner import Learner

MOST_LEARNERS = 64
IDLE_SECONDS = 15 * 60.0


class Learners:
    """By names that nobody guesses. Where there are too many, the one that was asked for longest ago goes.

    Of the event loop's thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._held: dict[str, tuple[Learner, float]] = {}  # the one that was asked for longest ago first

    def __len__(self) -> int:
        return len(self._held)

    def add(self, learner: Learner) -> str:
        """Hold one; its name."""
        self._forget()
        while len(self._held) >= MOST_LEARNERS:
            self._held.pop(next(iter(self._held)))
        name = secrets.token_urlsafe(12)
        self._held[name] = (learner, self._now())
        return name

    def find(self, name: str) -> Learner:
        """The learner of this name. Raises Refused where it is held no more."""
        self._forget()
        if name not in self._held:
            raise Refused(410, "this network is held no more; start over")
        learner, _ = self._held.pop(name)
        self._held[name] = (learner, self._now())
        return learner

    def _forget(self) -> None:
        before = self._now() - IDLE_SECONDS
        for name in [name for name, (_, asked) in self._held.items() if asked < before]:
            del self._held[name]
