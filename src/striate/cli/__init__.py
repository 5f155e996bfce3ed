"""The command line: parse, call one public function, show. Torch is imported only by the verbs that use it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from striate.cli.app import app
from striate.cli.output import LogLines, tell
from striate.core.errors import Interrupted, StriateError

USER_ERROR = 2  # exit status; 1 says that the work was done and found something wrong


def main() -> None:
    """Run the command line. A person's mistake is one line and status 2; a bug keeps its traceback."""
    _make_outputs_usable()
    log = logging.getLogger("striate")
    if not log.handlers:
        log.addHandler(LogLines(logging.WARNING))
    _raise_one_interrupt()
    try:
        _run()
    except (KeyboardInterrupt, SystemExit) as end:  # Ctrl-C, or a second one on the way out of the first
        interruption = _interruption_behind(end)
        if interruption is None:
            raise
        _end_interrupted(interruption)


def _run() -> None:
    try:
        try:
            app()
        finally:
            _flush_what_is_left()
            sys.stdout.flush()  # a reader that has gone is noticed here, not when Python shuts down
    except StriateError as error:
        _end(str(error), USER_ERROR)
    except Interrupted as interruption:
        _end_interrupted(interruption)
    except BrokenPipeError:
        _discard(sys.stdout)
        raise SystemExit(1) from None
    except OSError as error:  # the system refused something that no sentence of ours foresaw
        _discard(sys.stdout)
        _end(f"{error.filename or 'the output'}: {error.strerror or error}", USER_ERROR)


def _raise_one_interrupt() -> None:
    """The first Ctrl-C that nobody waits for interrupts; the next ones find a program that is leaving already."""
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # what is ignored, as by nohup, stays ignored
        signal.signal(signal.SIGINT, interrupt)


def _end_interrupted(interruption: Interrupted) -> NoReturn:
    """Say how to go on, whatever a person types meanwhile: torch takes a moment to end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end(str(interruption), 128 + interruption.signal)


def _interruption_behind(error: BaseException | None) -> Interrupted | None:
    while error is not None and not isinstance(error, Interrupted):
        error = error.__cause__ or error.__context__
    return error


def _end(text: str, status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        tell(text)
    _flush_what_is_left()
    raise SystemExit(status) from None


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
