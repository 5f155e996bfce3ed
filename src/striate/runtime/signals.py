"""Ctrl-C, SIGTERM and a terminal that hangs up, as a request that the loop can see."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HANG_UP = getattr(signal, "SIGHUP", None)  # not on Windows
STOPPING = (signal.SIGINT, signal.SIGTERM) if HANG_UP is None else (signal.SIGINT, signal.SIGTERM, HANG_UP)


class StopRequest:
    """False until a signal asks to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_requested() -> Iterator[StopRequest]:
    """Note the first Ctrl-C, SIGTERM or SIGHUP instead of dying of it; a second one acts as always.

    What is ignored stays ignored: nohup has it so, and a shell for what it starts in the background. A second SIGHUP
    does nothing, for a terminal that goes away often sends two. Outside the main thread, where signals cannot be
    caught, the request stays False.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    before = {n: handler for n, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

    def note(number: int, frame: FrameType | None) -> None:
        request.signal = number
        for each, handler in before.items():
            if each != HANG_UP:
                signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
