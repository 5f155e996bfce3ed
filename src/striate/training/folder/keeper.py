"""A run folder that is deleted or moved while it is trained in: noticed, and brought back in another place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from striate.core.errors import StriateError
from striate.core.files import storage_errors
from striate.data.manifest import MANIFEST
from striate.models.stored import CONFIG, WEIGHTS
from striate.training.budget.record import DECIDED
from striate.training.folder.begun import going_on
from striate.training.folder.layout import LOG, METRICS, RECIPE, STATE, THREADS, TRANSFER, append_log, next_free
from striate.training.folder.state import newest_state

FILES = (RECIPE, MANIFEST, METRICS, LOG, CONFIG, WEIGHTS, TRANSFER, THREADS, DECIDED)


class Keeper:
    """Holds the files of a run open, so that a deleted folder loses nothing: an open file stays until it is closed.

    A context: when it is left and the folder has gone, everything up to the newest state is brought into a new folder
    beside the old place, and a StriateError says where. On Windows, a folder with an open file cannot go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rescued: Path | None = None
        self._open: dict[str, BinaryIO] = {}
        self._handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None

    def __enter__(self) -> Keeper:
        self.look()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, Exception):
                if self.lost():
                    self.rescue()
                self.refuse_to_go_on()
        finally:
            self._close()

    def lost(self) -> bool:
        """Whether the folder is not there any more, is another one, or has been emptied."""
        if self._handle is None or self.rescued is not None:
            return False
        try:
            same = os.path.samestat(os.fstat(self._handle), self.folder.stat())
            return not (same and (self.folder / RECIPE).exists())
        except OSError:
            return True

    def look(self) -> None:
        """Hold what the folder has now; of a file that has gone, hold what it was."""
        if self._handle is None:
            return
        for name in self._names():
            with suppress(OSError):
                opened = (self.folder / name).open("rb")
                if name in self._open:
                    self._open[name].close()
                self._open[name] = opened

    def _names(self) -> Iterator[str]:
        yield from FILES
        state = newest_state(self.folder / STATE)
        if state is None:
            return
        for name in [name for name in self._open if name.startswith(f"{STATE}/") and state.name not in name]:
            self._open.pop(name).close()
        yield from (f"{STATE}/{state.name}/{file.name}" for file in state.iterdir())

    def rescue(self) -> Path:
        """Make a run folder beside the old place from what is held; returns it."""
        target = self.rescued = next_free(self.folder.parent, f"{self.folder.name}-rescued")
        with storage_errors(target):
            for name, held in self._open.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                with (target / name).open("wb") as file:
                    held.seek(0)
                    shutil.copyfileobj(held, file)
            with suppress(OSError):  # written anew at the beginning of an epoch, also in the place of the lost one
                shutil.copyfile(self.folder / THREADS, target / THREADS)
            append_log(target, self._message(target))
        return target

    def refuse_to_go_on(self) -> None:
        """Raise StriateError where the folder had gone and its run was brought elsewhere."""
        if self.rescued is not None:
            raise StriateError(self._message(self.rescued))

    def _message(self, target: Path) -> str:
        return (
            f"{self.folder} was deleted or moved while it was trained in; all of the run is in {target} now. "
            f"Go on with: {going_on(target)}"
        )

    def _close(self) -> None:
        for held in self._open.values():
            held.close()
        if self._handle is not None:
            os.close(self._handle)
