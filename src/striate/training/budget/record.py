"""What is written down of a budget: in recipe.json what was asked for, in budget.json what was decided on the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from striate.core.durations import seconds_of
from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import Count, Positive, read_record
from striate.training.folder.state import Seconds

DECIDED = "budget.json"


@dataclass(frozen=True)
class Budget:
    """The time for a run, from the command to the report. text: as a person gave it. why: its network was chosen."""

    text: str
    why: str = ""

    @property
    def seconds(self) -> float:
        """How long that is. Raises StriateError for what is no duration."""
        return seconds_of(self.text)


@dataclass(frozen=True)
class Stretch:
    """A part of a run: from a step on, at a place in the schedule, to the step that ends the run as it looked then.

    place: of the schedule's steps. last: steps of the whole run.
    """

    step: Count
    place: Count
    last: Positive

    def place_of(self, step: int, total: int) -> int:
        """Where in a schedule of so many steps a step of this stretch is: from its own place evenly to the end.

        >>> Stretch(step=10, place=20, last=30).place_of(20, total=40)
        30
        """
        gone, whole = step - self.step, max(1, self.last - self.step)
        return min(total - 1, self.place + (total - self.place) * gone // whole)


@dataclass(frozen=True)
class Decided:
    """What was decided so far, and what it goes by. end_s: seconds from the last step to the report. between_s: between
    two epochs. stretches: in the order of their steps, which a resumed run repeats.
    """

    end_s: Seconds
    between_s: Seconds
    stretches: tuple[Stretch, ...]

    def __post_init__(self) -> None:
        steps = [each.step for each in self.stretches]
        if steps[:1] != [0] or steps != sorted({*steps}) or any(each.last < each.step for each in self.stretches):
            got = ", ".join(f"{each.step} (last {each.last})" for each in self.stretches) or "none"
            raise StriateError(
                "stretches must begin at step 0, each at a later step than the one before and with a last step that is "
                f"not before its own, got {got}"
            )

    def at(self, step: int) -> Stretch:
        """The stretch that a step, counted from 0, is in."""
        return next(each for each in reversed(self.stretches) if each.step <= step)

    def and_then(self, stretch: Stretch) -> Decided:
        """With one more."""
        return replace(self, stretches=(*self.stretches, stretch))


def read_decided(folder: Path) -> Decided | None:
    """What a run has decided; None where it has not begun. Raises StriateError for a damaged file."""
    path = folder / DECIDED
    return read_record(path, Decided) if path.exists() else None


def write_decided(folder: Path, decided: Decided) -> None:
    """Write it down, before a step is made by it."""
    write_json(folder / DECIDED, asdict(decided))
