"""A part of the page: what is looked at, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from striate.data.scan import Progress
from striate.report.look.subject import Subject


@dataclass(frozen=True)
class Found:
    """What a part came to.

    values: what its template draws, by the names that it has for them; pictures are uint8 (H, W, 1 or 3). facts: the
    same in numbers, for --json.
    """

    values: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A section of the page.

    name: as --only takes it, and its anchor. title: its heading. template: file below report/template/ of what stands
    below that. look: what it makes of a subject, and how far it is: of so many steps so many are done. It raises
    StriateError, in one sentence, where there is nothing to show of this network; the page then has the sentence.
    """

    name: str
    title: str
    template: str
    look: Callable[[Subject, Progress], Found]
    needs_pictures: bool = True
