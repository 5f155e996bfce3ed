"""What a task has to say of a run, beside what the numbers of any run say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.models import Network


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
