"""The command line: parse, call one public function, show. Torch is imported only by the verbs that use it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import logging
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from striate.cli.app import app
from striate.cli.output import LogLines, tell
from striate.core.begun import timed_from_here
from striate.core.errors import Interrupted, StriateError
from striate.core.flags import told_in_flags

BURST_SECONDS = 1.0
USER_ERROR = 2  # exit status; 1 says that the work was done and found something wrong


class _Told(SystemExit):
    """The end of a command that has said why."""


def main() -> None:
    """Run the command line. A person's mistake is one line and status 2; a bug keeps its traceback."""
    atexit.register(gc.freeze)  # or the last collection looks through all of torch, 0.4 s
    _make_outputs_usable()
    log = logging.getLogger("striate")
    if not log.handlers:
        log.addHandler(LogLines(logging.WARNING))
    _take_bursts_as_one_interrupt()
    try:
        _run()
    except _Told:
        raise
    except (KeyboardInterrupt, SystemExit) as end:  # Ctrl-C, or a second one on the way out of the first
        interruption = _interruption_behind(end)
        if interruption is None and isinstance(end, SystemExit):
            raise
        _end_interrupted(interruption or Interrupted("stopped", signal.SIGINT))


def _run() -> None:
    try:
        try:
            with told_in_flags(), timed_from_here():
                app()
        finally:
            _flush_what_is_left()
            sys.stdout.flush()  # a reader that has gone is noticed here, not when Python shuts down
    except StriateError as error:
        _end(error.in_flags, USER_ERROR)
    except Interrupted as interruption:
        _end_interrupted(_interruption_behind(interruption) or interruption)
    except BrokenPipeError:
        _discard(sys.stdout)
        raise SystemExit(1) from None
    except OSError as error:  # the system refused something that no sentence of ours foresaw
        _discard(sys.stdout)
        _end(f"{error.filename or 'the output'}: {error.strerror or error}", USER_ERROR)


def _take_bursts_as_one_interrupt() -> None:
    """Of many Ctrl-C in a second one interrupts: the others would only meet a program that is leaving already."""
    if threading.current_thread() is not threading.main_thread():
        return
    last = -math.inf

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last > BURST_SECONDS:
            last = time.monotonic()
            raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # what is ignored, as by nohup, stays ignored
        signal.signal(signal.SIGINT, interrupt)


def _end_interrupted(interruption: Interrupted) -> NoReturn:
    """Say how to go on, whatever a person types meanwhile: torch takes a moment to end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end(interruption.in_flags, 128 + interruption.signal)


def _interruption_behind(error: BaseException | None) -> Interrupted | None:
    """The first one that an error goes back to: it knows how to go on, what came on its way out does not."""
    first = None
    while error is not None:
        first = error if isinstance(error, Interrupted) else first
        error = error.__cause__ or error.__context__
    return first


def _end(text: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        tell(text)
    _flush_what_is_left()
    raise _Told(status) from None


def _make_outputs_usable() -> None:
    """A closed output takes everything; one that cannot spell a file name shows its bytes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush_what_is_left() -> None:
    """A terminal that has gone does not make a command fail that did its work."""
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(output: TextIO) -> None:
    """What could not be written must not be tried again when Python shuts down."""
    with contextlib.suppress(OSError):  # an output that is no file of the system has nothing left to try
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
