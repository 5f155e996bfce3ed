"""What int8 costs: the same pictures answered by the network and by the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from striate.core.units import counted
from striate.tasks.classification.metric import Evaluation
from striate.tasks.redrawing import gain_interval
from striate.tasks.task import Figure, Metric, Task


@dataclass(frozen=True)
class Drop:
    """Of pictures whose class is known, how many each way answers correctly.

    lost: those that the network alone knew; gained: those that the file alone knew.
    """

    pictures: int
    correct: int
    lost: int
    gained: int

    @classmethod
    def between(cls, ours: Evaluation, theirs: Evaluation) -> Self:
        """From what the network, and then the file, answered."""
        before, after = ours.predicted == ours.truth, theirs.predicted == theirs.truth
        return cls(len(before), int(before.sum()), int((before & ~after).sum()), int((after & ~before).sum()))

    @property
    def points(self) -> float:
        """Accuracy that is lost, in points of a hundred; below 0, gained."""
        return 100 * (self.lost - self.gained) / max(1, self.pictures)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of it, the pictures paired: Agresti and Min, Statistics in Medicine 24 (2005), 729.

        >>> [round(end, 2) for end in Drop(1000, 600, 20, 15).interval]
        [-0.67, 1.67]
        """
        count, lost, gained = self.pictures + 2, self.lost + 0.5, self.gained + 0.5
        middle = (lost - gained) / count
        spread = 1.959964 * math.sqrt(max(0.0, lost + gained - (lost - gained) ** 2 / count)) / count
        return 100 * (middle - spread), 100 * (middle + spread)

    @property
    def before(self) -> float:
        """Accuracy of the network, 0..1."""
        return self.correct / max(1, self.pictures)

    @property
    def after(self) -> float:
        """Accuracy of the file, 0..1."""
        return (self.correct - self.lost + self.gained) / max(1, self.pictures)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"accuracy {self.after:.2%} of {counted(self.pictures, 'picture')}, {self.before:.2%} before: a drop of "
            f"{self.points:.2f} points (95 % interval {low:.2f} to {high:.2f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "pictures": self.pictures,
            "accuracy_before": self.before,
            "accuracy": self.after,
            "drop_points": self.points,
            "drop_interval": list(self.interval),
        }


@dataclass(frozen=True)
class FigureDrop:
    """Of another task than classification: its first figure by each way, a share.

    interval: 95 % interval of the drop in points, of the same pictures drawn anew for both; None: there is none.
    """

    figure: Figure
    pictures: int
    before: float
    after: float
    interval: tuple[float, float] | None

    @property
    def points(self) -> float:
        """How much worse the figure is, in points of a hundred; below 0, better.

        >>> error = Figure("error", "error", "error", higher_is_better=False, unit="%")
        >>> FigureDrop(error, 40, 0.25, 0.5, None).points
        25.0
        """
        return 100 * (self.before - self.after) * (1 if self.figure.higher_is_better else -1)

    def __str__(self) -> str:
        ends = "no interval, as it cannot be had of pictures drawn anew"
        if self.interval is not None:
            low, high = self.interval
            ends = f"95 % interval {low:.2f} to {high:.2f}"
        line = self.figure.line
        return (
            f"{self.figure.title} {line(self.after)} on {counted(self.pictures, 'picture')}, {line(self.before)} "
            f"before: a {'drop' if self.figure.higher_is_better else 'rise'} of {self.points:.2f} points ({ends})"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "pictures": self.pictures,
            f"{self.figure.stated}_before": self.before,
            self.figure.stated: self.after,
            "drop_points": self.points,
            "drop_interval": None if self.interval is None else list(self.interval),
        }


def drop_of(task: Task, before: Metric, after: Metric) -> Drop | FigureDrop:
    """What a file costs. before, after: what the network, and what the file, answered, of the same pictures."""
    ours, theirs = before.result(), after.result()
    if isinstance(ours, Evaluation):
        return Drop.between(ours, theirs)
    figure, ends = task.figures[0], gain_interval(ours, theirs)
    if ends is not None:
        low, high = (100 * end for end in ends)
        ends = (low, high) if figure.higher_is_better else (-high, -low)
    was, now = (metric.figures()[figure.key] for metric in (before, after))
    return FigureDrop(figure, ours.total, was, now, ends)
