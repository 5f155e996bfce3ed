"""metrics.jsonl as it grows: only what has come since is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.files import regular_file
from striate.training.folder.layout import METRICS, line_of

MOST_BYTES = 1 << 26  # 64 MB, of some 200,000 epochs


class Lines:
    """The lines of a run's metrics.jsonl.

    lines: those that are whole; one that is half written is read when its end has come. problem: the sentence on the
    newest line that is none of a run and so is left out, "" where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / METRICS
        self._forget()

    def _forget(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.problem = ""
        self._file = (0, 0)
        self._read_bytes, self._count = 0, 0
        self._last = b""  # the newest whole line, by which a file that was written anew is known

    def look(self) -> None:
        """Read on. A run that goes on writes the file anew, without what it will do again: it is then read as a whole.

        Raises StriateError when it is too large or no file, OSError when it cannot be read.
        """
        try:
            with regular_file(self.path) as file:
                status = os.fstat(file.fileno())
                if status.st_size > MOST_BYTES:
                    raise StriateError(f"{self.path} has {status.st_size:,} bytes, and at most {MOST_BYTES:,} are read")
                if (status.st_dev, status.st_ino) != self._file or status.st_size < self._read_bytes:
                    self._forget()
                file.seek(self._read_bytes - len(self._last))
                content = file.read(status.st_size - self._read_bytes + len(self._last))
                if not content.startswith(self._last):
                    self._forget()
                    file.seek(0)
                    content = file.read(status.st_size)
                self._file = status.st_dev, status.st_ino
        except FileNotFoundError:
            self._forget()
            return
        self._take(content[len(self._last) :])

    def _take(self, content: bytes) -> None:
        whole = content[: content.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for row in whole.splitlines(keepends=True):
            self._count, self._last = self._count + 1, row
            try:
                self.lines.append(line_of(row, f"{self.path}, line {self._count},"))
            except StriateError as error:
                self.problem = f"{error.in_flags}; it is left out"
