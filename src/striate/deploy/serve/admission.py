"""How many pictures may be under way at once, and the end of taking any."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from striate.core.units import counted
from striate.deploy.serve.refusals import Refused

LOOK_SECONDS = 0.02


class Admission:
    """Counts the pictures of requests that were accepted: all of these are answered. Of the event loop's thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.pictures = 0
        self.closing = False

    def require_open(self) -> None:
        """Raise Refused when no more is taken."""
        if self.closing:
            raise Refused(503, "the server is stopping")

    @contextmanager
    def admitted(self, pictures: int) -> Iterator[None]:
        """The context in which a request of so many pictures is under way. Raises Refused when there is no room.

        A request that finds nobody before it is always let in.
        """
        self.require_open()
        if self.pictures and self.pictures + pictures > self.most:
            raise Refused(
                503, f"{counted(self.pictures, 'picture')} wait already, and {self.most} may; try again in a second"
            )
        self.pictures += pictures
        try:
            yield
        finally:
            self.pictures -= pictures

    async def emptied(self, within_seconds: float) -> None:
        """Take no more, and wait until all that was accepted is answered, or the time is over."""
        self.closing = True
        end = time.monotonic() + within_seconds
        while self.pictures and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
