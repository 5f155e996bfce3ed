"""Whether a process is training in a folder, told without touching its lock: who takes it, if only to look, may be in
the way of a run that begins."""

from __future__ import annotations

import os
import platform
import re
import time
from contextlib import suppress
from pathlib import Path

from striate.core.files import read_regular
from striate.training.folder.layout import LOCK

HOLDER = re.compile(r"#(\d+) on (.+)")
LATELY_SECONDS = 600.0  # a log has a line a minute
LOCKS = Path("/proc/locks")  # of Linux: one line for every lock, with the process that holds it


def is_training(folder: Path, written_s: float) -> bool:
    """Whether the process that its lock names lives. Of one on another machine: whether the run wrote lately.

    written_s: when it wrote last, in seconds since 1970.
    """
    try:
        named = HOLDER.fullmatch(read_regular(folder / LOCK, most_bytes=1000).decode(errors="replace"))
    except PermissionError:
        return os.name == "nt"  # where what is locked cannot be read
    except OSError:
        return False
    if named is None:
        return False
    if named[2] != platform.node():
        return time.time() - written_s < LATELY_SECONDS
    return _lives(int(named[1]))


def _lives(process: int) -> bool:
    if os.name == "nt":
        return False  # its lock could be read, so nobody holds it
    with suppress(OSError):  # the number of a process that died may be another's by now, which holds no lock
        rows = [row.split() for row in LOCKS.read_text(encoding="ascii").splitlines()]
        return any(row[1] == "FLOCK" and row[4] == str(process) for row in rows if len(row) > 4)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
