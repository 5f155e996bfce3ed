"""A task that nothing trains, and that has nothing but figures: where a dart hits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from striate.tasks.task import Figure, StepLosses, Task


@dataclass(frozen=True)
class Distances:
    """Of darts: mean distance in pixels, share of close ones."""

    total: int
    distance: float
    close: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


POINTING = Task(
    name="pointing",
    figures=(
        Figure("distance", "mean distance", "distance", higher_is_better=False, unit="in px"),
        Figure("close", "close enough", "close", unit="%"),
    ),
    outputs=lambda names: 2,
    losses=lambda *_: StepLosses({}, {}),
    predict=lambda *_: None,
    metric=lambda names: None,  # type: ignore[arg-type, return-value]
    read=lambda *_: [],
    captions=lambda targets, names: [],
    examples=lambda *_: [],
)
FOUND = Distances(total=1200, distance=3.25, close=0.875, interval=(3.0, 3.5))
