"""What a task has to say of a run, beside what the numbers of any run say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.batches import Batch
from striate.models import Network

NAMED = 5  # classes in a sentence


@dataclass(frozen=True)
class Finding:
    """Something that a person should know about a run. kind: one word, said once in a run."""

    kind: str
    text: str


class Validated(NamedTuple):
    """A run after a validation.

    metric: what was counted. looked_at: training pictures as they are with their targets; None where none were looked
    at. done: the share of the epochs that are over, 0..1. judged: whether so many steps were made that the answers say
    something of the run. network: the one that was validated, and what it sees of pictures. line: what the epoch's
    training came to, as metrics.jsonl has it.
    """

    metric: Any
    looked_at: Batch | None
    done: float
    judged: bool
    network: Network
    preprocess: Preprocess
    line: Mapping[str, Any]


def no_findings(run: Validated) -> list[Finding]:
    """Of a task that has nothing of its own to say."""
    return []


class Missed(NamedTuple):
    """Classes that are never answered, in a sentence. which: one or several. told: the first of them."""

    which: str
    told: str

    @classmethod
    def of(cls, classes: Sequence[str]) -> Missed:
        """classes: of each its name and how much there is of it.

        >>> Missed.of(["'cat' (3 objects)"])
        Missed(which='a class that is', told="'cat' (3 objects)")
        >>> Missed.of(list("abcdefg")).told
        'a, b, c, d, e and 2 more classes'
        """
        more = f" and {counted(len(classes) - NAMED, 'more class')}" if len(classes) > NAMED else ""
        which = "a class that is" if len(classes) == 1 else "classes that are"
        return cls(which, ", ".join(classes[:NAMED]) + more)
