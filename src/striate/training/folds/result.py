"""What cross-validation has come to: a figure over all pictures, each judged by a network that did not see it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import stdev
from typing import Any

from striate.core.files import write_json
from striate.core.one_screen import OneScreen
from striate.core.units import counted
from striate.tasks import task_named
from striate.tasks.task import Figure
from striate.training.folder.layout import FOLDS, REPORT


@dataclass(frozen=True)
class FoldResult:
    """What one fold came to on its own pictures. figures: as they are stated; the first is that of the task."""

    run: str
    pictures: int
    figures: dict[str, float]
    interval: tuple[float, float]
    best_epoch: int
    seconds: float


@dataclass(frozen=True, repr=False)
class FoldsResult(OneScreen):
    """What all folds came to. evaluation: of all pictures together, as evaluation.json of a run has it."""

    folder: str
    data: str
    model: str
    task: str
    pictures: int
    interval: tuple[float, float]
    folds: tuple[FoldResult, ...]
    evaluation: dict[str, Any]

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def page(self) -> str:
        """The page over all folds."""
        return str(self.path / REPORT)

    @property
    def figure(self) -> Figure:
        """What the task is judged by."""
        return task_named(self.task).figures[0]

    @property
    def value(self) -> float:
        """The figure over all pictures."""
        return float(self.evaluation[self.figure.stated])

    @property
    def by_fold(self) -> list[float]:
        """The figure of each fold on its own pictures."""
        return [each.figures[self.figure.stated] for each in self.folds]

    @property
    def deviation(self) -> float:
        """Standard deviation of the figure from fold to fold."""
        return stdev(self.by_fold)

    @property
    def seconds(self) -> float:
        """That all trainings took."""
        return round(sum(each.seconds for each in self.folds), 1)

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        figure, (low, high) = self.figure, map(self.figure.line, self.interval)
        return (
            f"{figure.title} {figure.line(self.value)} (95 % interval {low} to {high}) on "
            f"{counted(self.pictures, 'picture')}, each judged by a network that did not see it; from fold to fold "
            f"{figure.line(min(self.by_fold))} to {figure.line(max(self.by_fold))}, standard deviation "
            f"{figure.line(self.deviation)}"
        )

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        names = (Path(fold.run).name for fold in self.folds)
        each = dict(zip(names, map(self.figure.line, self.by_fold), strict=True))
        low, high = map(self.figure.line, self.interval)
        whole = {self.figure.title: f"{self.figure.line(self.value)} (95 % interval {low} to {high})"}
        return {"folder": self.folder, "pictures": f"{self.pictures:,}", **whole, **each}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        first = {"figure": self.figure.stated, "value": self.value, "interval": list(self.interval)}
        spread = {"deviation": self.deviation, "least": min(self.by_fold), "most": max(self.by_fold)}
        own = {"folder": self.folder, "data": self.data, "model": self.model, "task": self.task}
        counts = {"pictures": self.pictures, "seconds": self.seconds}
        folds = [asdict(fold) for fold in self.folds]
        return {**own, **counts, **first, "over_folds": spread, "folds": folds, "evaluation": self.evaluation}

    def write(self) -> None:
        """Write folds.json."""
        write_json(self.path / FOLDS, self.to_dict())
