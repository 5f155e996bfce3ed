"""Pictures that go bad during a run: named, counted, left out, up to a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np

from striate.core.errors import StriateError
from striate.data.dataset import Indices
from striate.data.decode import DecodeError

LIMIT_PICTURES = 10
LIMIT_SHARE = 0.01


class Spoiled:
    """The pictures of a run that could be read when they were checked, and cannot be any more.

    A batch goes on without them, one smaller for each: another picture in its place would count twice. Once bad, a
    picture is not tried again, so a run does not depend on when a disk has its moods.
    pictures: of the whole dataset; 1 % of them may go bad, and 10 in any case. say: takes one line of text for each.
    """

    def __init__(self, pictures: int, say: Callable[[str], None]) -> None:
        self.limit = max(LIMIT_PICTURES, int(LIMIT_SHARE * pictures))
        self.numbers: set[int] = set()
        self._say = say
        self._lock = threading.Lock()

    def without(self, indices: Indices) -> Indices:
        """The picture numbers that are not known to be bad."""
        return indices[~np.isin(indices, list(self.numbers))] if self.numbers else indices

    def note(self, bad: Mapping[int, DecodeError]) -> None:
        """Name and count pictures. Raises StriateError when they become too many."""
        with self._lock:
            for number, error in bad.items():
                if number not in self.numbers:
                    self.numbers.add(number)
                    self._say(f"warning: {error}; it was readable before, and is left out from now on")
            if len(self.numbers) > self.limit:
                raise StriateError(
                    f"{len(self.numbers)} pictures have gone bad since the run began, more than {self.limit}; is the "
                    "disk still there? What was trained is saved; go on with --resume once they are back"
                )
