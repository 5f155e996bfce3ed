"""The one error that is the caller's to mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StriateError(ValueError):
    """Something the caller can mend; the text says what is wrong, what came, what is allowed, what to do.

    The command line prints it as one line and exits with 2. Everything else is a bug and keeps its traceback.
    """


class StorageError(StriateError):
    """A disk that is full, or a folder that may not be written."""


class ChangedPicture(StriateError):
    """A picture that is another one than when a run began."""


class Interrupted(Exception):
    """Work stopped because a signal asked for it, with everything saved; the text says how to go on."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def unknown_name(kind: str, name: str, known: Iterable[str]) -> StriateError:
    """The error for a name that is not in a list, with the nearest ones that are.

    kind: what the name stands for, such as "model".

    >>> str(unknown_name("model", "resnet19", ["vgg16", "resnet18"]))
    "unknown model 'resnet19'; did you mean 'resnet18'?"
    >>> str(unknown_name("schedule", "zzz", ["step", "cosine"]))
    "unknown schedule 'zzz'; known are cosine, step"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return StriateError(f"unknown {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
    return StriateError(f"unknown {kind} {name!r}; known are {', '.join(names)}")
