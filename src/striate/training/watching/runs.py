"""The runs below a folder while they train: found, followed, and never touched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.training.folder.layout import METRICS, RECIPE
from striate.training.watching.pace import Pace
from striate.training.watching.standing import Standing, Watched

MOST_RUNS = 200
MOST_FOLDERS = 5_000
DEPTH = 4  # of folders in folders
NEW_RUNS_SECONDS = 5.0  # between two looks for others


class Runs:
    """All runs below a folder, or the one that it is. `look` is for one thread at a time, which it sees to."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises StriateError for a file, and for a folder that is not there."""
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "no such folder"
            raise StriateError(f"{folder}: {what}; name a run folder, or the folder that holds the run folders")
        self.folder = folder
        self.left_out, self.cut_short = 0, False
        self._clock, self._pace, self._lock = clock, Pace(clock), threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._find_from = 0.0

    def look(self) -> list[Standing]:
        """How all stand, those that were begun last first: looked up again where the last look is long enough ago."""
        with self._lock:
            if self._pace.is_due:
                with self._pace.work():
                    self._find()
                    for run in self._watched.values():
                        run.look()
            return [run.standing for run in self._watched.values()]

    def curves(self, name: str) -> dict[str, Any] | None:
        """What the epochs of a run came to, None of one that is not known."""
        with self._lock:
            return self._watched[name].curves() if name in self._watched else None

    def folder_of(self, name: str) -> Path | None:
        """The folder of a run by its name: its path below the folder, or the folder's name where that is the run."""
        run = self._watched.get(name)
        return run.folder if run else None

    def _name(self, run: Path) -> str:
        return str(run.relative_to(self.folder)) if run != self.folder else run.resolve().name

    @property
    def note(self) -> str:
        """What is not shown, "" where all is."""
        more = [f"{counted(self.left_out, 'older run')}"] if self.left_out else []
        if self.cut_short:
            more.append(f"runs beyond the first {MOST_FOLDERS:,} folders; watch a folder further down")
        return f"not shown: {', and '.join(more)}" if more else ""

    def _find(self) -> None:
        if self._clock() < self._find_from:
            return
        self._find_from = self._clock() + NEW_RUNS_SECONDS
        runs, self.cut_short = run_folders(self.folder)
        found = sorted(runs, key=_begun_s, reverse=True)
        self.left_out = max(0, len(found) - MOST_RUNS)
        named = {self._name(path): path for path in found[:MOST_RUNS]}
        gone = {name: run for name, run in self._watched.items() if name not in named}
        here = {name: self._watched.get(name) or Watched(name, path) for name, path in named.items()}
        kept = list(gone.items())[: MOST_RUNS - len(here)]
        self._watched = here | dict(kept)


def run_folders(folder: Path) -> tuple[list[Path], bool]:
    """The run folders below a folder, or the folder itself where it is one; and whether only some were looked into.

    Links are not followed.
    """
    found, waiting, seen = list[Path](), [(folder, 0)], 0
    while waiting and seen < MOST_FOLDERS:
        here, depth = waiting.pop()
        seen += 1
        try:
            with os.scandir(here) as entries:
                inside = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError:  # it may not be read, or has just gone
            continue
        if RECIPE in inside or METRICS in inside:
            found.append(here)
        elif depth < DEPTH:
            waiting += [(here / name, depth + 1) for name, is_dir in inside.items() if is_dir and name[0] != "."]
    return found, bool(waiting)


def _begun_s(run: Path) -> float:
    try:
        return (run / RECIPE).stat().st_mtime
    except OSError:
        return 0.0
