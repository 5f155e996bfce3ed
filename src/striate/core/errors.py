"""The one error that is the caller's to mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from striate.core.flags import in_python

NEAREST, FEW_NAMES = 3, 16  # of a list of names, how many are offered, and how many are no long list


class StriateError(ValueError):
    """Something the caller can mend; the text says what is wrong, what came, what is allowed, what to do.

    Written in the words of the command line, which prints `in_flags` as one line and exits with 2; as a text it names
    Python's arguments and calls in their place. Everything else is a bug and keeps its traceback.

    >>> error = StriateError("choose another --run")
    >>> str(error), error.in_flags
    ('choose another run=...', 'choose another --run')
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(in_python(message))
        self.in_flags = message


class StorageError(StriateError):
    """A disk that is full, or a folder that may not be written."""


class IdleField(StriateError):
    """A field of a recipe that would do nothing; the text begins with its name.

    >>> print(IdleField("unfreeze_to", "a staged run").named("--freeze").in_flags)
    --freeze does nothing here: it needs a staged run
    """

    def __init__(self, field: str, needed: str, name: str | None = None) -> None:
        super().__init__(f"{name or field} does nothing here: it needs {needed}")
        self.field, self.needed = field, needed

    def named(self, name: str) -> IdleField:
        """The same error, in which the field has the name that a person typed."""
        return IdleField(self.field, self.needed, name)


class ChangedPicture(StriateError):
    """A picture that is another one than when a run began."""


class Interrupted(Exception):
    """Work stopped because a signal asked for it, with everything saved; the text says how to go on, as above."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(in_python(message))
        self.in_flags = message
        self.signal = signal


def first_line(error: BaseException) -> str:
    """What an error that is not ours says, as far as fits a sentence; its kind where it says nothing.

    >>> first_line(RuntimeError("no such operator\\nat ...")), first_line(KeyError())
    ('no such operator', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def unknown_name(kind: str, name: str, known: Iterable[str], listed_by: str = "") -> StriateError:
    """The error for a name that is not in a list, with the nearest ones that are, or all where they are few.

    kind: what the name stands for, such as "model". listed_by: what shows the whole of a long list.

    >>> str(unknown_name("model", "resnet19", ["vgg16", "resnet18"]))
    "unknown model 'resnet19'; did you mean 'resnet18'?"
    >>> str(unknown_name("schedule", "zzz", ["step", "cosine"]))
    "unknown schedule 'zzz'; known are cosine, step"
    """
    names = {each.lower(): each for each in sorted(known)}
    near = [names[each] for each in difflib.get_close_matches(name.lower(), names, n=NEAREST, cutoff=0.6)]
    if near:
        return StriateError(f"unknown {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
    if len(names) <= FEW_NAMES:
        return StriateError(f"unknown {kind} {name!r}; known are {', '.join(names.values())}")
    least = [names[each] for each in difflib.get_close_matches(name.lower(), names, n=NEAREST, cutoff=0.0)]
    how = f"; {listed_by} lists them" if listed_by else ""
    return StriateError(f"unknown {kind} {name!r}; the nearest of {len(names)} are {', '.join(least)}{how}")
