"""What int8 costs in accuracy: the same pictures answered by the network and by the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from striate.core.units import counted


@dataclass
class Drop:
    """Of pictures whose class is known, how many each way answers correctly.

    lost: those that the network alone knew; gained: those that the file alone knew.
    """

    pictures: int = 0
    correct: int = 0
    lost: int = 0
    gained: int = 0

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
