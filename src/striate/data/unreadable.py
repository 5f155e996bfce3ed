"""Pictures that go bad during a run: named, counted, left out, up to a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from striate.core.errors import StriateError
from striate.data.decode import DecodeError
from striate.data.targets import Indices, Targets
from striate.data.working import Bad

LIMIT_PICTURES = 10
LIMIT_SHARE = 0.01


def bad_targets(targets: Targets, indices: Indices) -> Bad:
    """Of some pictures those whose targets, such as masks, cannot be read, and why; each is tried alone."""
    bad: Bad = {}
    for number in indices.tolist():
        try:
            targets.take(np.array([number]))
        except DecodeError as error:
            bad[number] = error
    return bad


class UnreadablePictures:
    """The pictures of a run that could be read when they were checked, and cannot be any more.

    A batch goes on without them, one smaller for each: another picture in its place would count twice. Once bad, a
    picture is not tried again, so a run does not depend on when a disk has its moods.
    pictures: of the whole dataset; 1 % of them may go bad, and 10 in any case. say: takes one line of text for each.
    before: numbers of those that the run goes on without, which count for nothing.
    """

    def __init__(self, pictures: int, say: Callable[[str], None], before: Iterable[int] = ()) -> None:
        self.limit = max(LIMIT_PICTURES, int(LIMIT_SHARE * pictures))
        self.numbers: set[int] = set(before)
        self.bad: Bad = {}
        """Those that went bad and are not yet written down."""
        self._before = len(self.numbers)
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
                    self.bad[number] = error
                    self._say(f"warning: {error}; it was readable before, and is left out from now on")
            gone_bad = len(self.numbers) - self._before
            if gone_bad > self.limit:
                raise StriateError(
                    f"{gone_bad} pictures have gone bad since the run began, more than {self.limit}; is the "
                    "disk still there? What was trained is saved; go on with --resume once they are back"
                )

    def write_down(self, write: Callable[[Bad], None]) -> None:
        """Have those that went bad since the last call written down, so that a run that is resumed leaves them out."""
        with self._lock:
            if self.bad:
                write(self.bad)
                self.bad = {}
