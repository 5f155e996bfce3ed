"""Ctrl-C and SIGTERM as a wish that the loop can see."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WISHES = (signal.SIGINT, signal.SIGTERM)


class StopWish:
    """False until a signal asks to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_wish() -> Iterator[StopWish]:
    """Note the first Ctrl-C or SIGTERM instead of dying of it; a second one acts as always.

    Outside the main thread, where signals cannot be caught, the wish stays False.
    """
    wish = StopWish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.getsignal(number) for number in WISHES}

    def note(number: int, frame: FrameType | None) -> None:
        wish.signal = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in WISHES:
        signal.signal(number, note)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
