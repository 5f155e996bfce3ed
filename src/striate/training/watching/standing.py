"""How one run stands: what its folder says, read again where it has changed."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.files import regular_file
from striate.core.reading import read_record
from striate.core.visible import visible
from striate.tasks import task_named
from striate.tasks.task import Figure
from striate.training.folder.begun import Begun, read_begun
from striate.training.folder.layout import EVALUATION, LOG, METRICS, RECIPE
from striate.training.folder.overview import tested_by
from striate.training.watching.holder import is_training
from striate.training.watching.lines import Lines

TRAINING, STOPPED, FINISHED, DAMAGED, GONE = "training", "stopped", "finished", "damaged", "gone"
MOST_POINTS = 600  # of a curve: more than a page has pixels to tell apart
LOG_BYTES = 4096
NOT_DRAWN = {"epoch", "step", "seconds", "best", "findings"}


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    state: training, stopped, finished, damaged or gone. problem: the sentence that says what cannot be read. lr: of the
    newest epoch. seconds: spent training. ends_s: when it is to end, in seconds since 1970, if epochs take as long as
    those before. figure, value: the first of its task, as a person reads it, and of what. findings: what the run saw of
    itself, each with its epoch. said: the last line of its log.
    """

    run: str
    state: str
    problem: str = ""
    model: str = ""
    data: str = ""
    recipe: str = ""
    task: str = ""
    seed: int | None = None
    epochs: int = 0
    epoch: int = 0
    step: int = 0
    lr: float | None = None
    images_per_second: float | None = None
    seconds: float = 0.0
    ends_s: float | None = None
    figure: str = ""
    value: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)
    said: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Watched:
    """A run that is looked at again and again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.standing = Standing(name, STOPPED)
        self.figures: tuple[Figure, ...] = ()
        self._lines = Lines(folder)
        self._signature: tuple[object, ...] = ()

    def look(self) -> Standing:
        """How it stands now. A run that is not there any more stands as it did, and is gone."""
        signature = tuple(_signature(self.folder / name) for name in (RECIPE, METRICS, EVALUATION, LOG))
        if not any(signature) and not self.folder.is_dir():
            text = f"{self.folder} is not there any more; what is shown was seen before"
            self.standing = replace(self.standing, state=GONE, problem=text, ends_s=None)
            self._signature = ()
            return self.standing
        training = is_training(self.folder, max((each[1] for each in signature if each), default=0.0))
        if (*signature, training) != self._signature:
            self._signature = (*signature, training)
            self.standing = self._read(training)
        return self.standing

    def _read(self, training: bool) -> Standing:
        state = TRAINING if training else STOPPED
        try:
            begun, _ = read_begun(self.folder)
            self.figures = task_named(begun.task).figures
            self._lines.look()
            said = _last_line(self.folder / LOG)
            tested = (self.folder / EVALUATION).exists() and not training
            measured = self._tested() if tested else self._best()
            return self._standing(begun, FINISHED if tested else state, measured, said)
        except StriateError as error:
            return Standing(self.name, state if training else DAMAGED, error.in_flags)
        except OSError as error:
            return Standing(self.name, DAMAGED, f"{self.folder} cannot be read ({error.strerror or error})")

    def _standing(self, begun: Begun, state: str, measured: tuple[str, str], said: str) -> Standing:
        newest = self._lines.lines[-1] if self._lines.lines else {}
        return Standing(
            run=self.name,
            state=state,
            problem=self._lines.problem,
            model=begun.recipe.model,
            data=begun.source,
            recipe=begun.recipe_name,
            task=begun.task,
            seed=begun.seed,
            epochs=begun.recipe.epochs,
            epoch=newest.get("epoch", 0),
            step=newest.get("step", 0),
            lr=_finite(newest.get("lr")),
            images_per_second=_finite(newest.get("images_per_second")),
            seconds=_finite(newest.get("seconds")) or 0.0,
            ends_s=self._end_s(begun.recipe.epochs) if state == TRAINING else None,
            figure=measured[0],
            value=measured[1],
            findings=[found for line in self._lines.lines for found in line.get("findings", ())],
            said=said,
        )

    def _end_s(self, epochs: int) -> float | None:
        """When it is to end, from how long the epochs took that metrics.jsonl has."""
        if not self._lines.lines:
            return None
        first, newest = self._lines.lines[0], self._lines.lines[-1]
        if newest["epoch"] > first["epoch"]:
            each = (newest["seconds"] - first["seconds"]) / (newest["epoch"] - first["epoch"])
        else:
            each = newest["seconds"] / newest["epoch"]
        end = (self.folder / METRICS).stat().st_mtime + each * (epochs - newest["epoch"])
        return end if math.isfinite(end) else None

    def _tested(self) -> tuple[str, str]:
        first = self.figures[0]
        tested = read_record(self.folder / EVALUATION, tested_by(first))
        return f"{first.title} ({tested.split})", first.shown(getattr(tested, first.stated))

    def _best(self) -> tuple[str, str]:
        first, key = self.figures[0], f"val_{self.figures[0].key}"
        values = [line[key] for line in self._lines.lines if _finite(line.get(key)) is not None]
        if not values:
            return first.title, ""
        best = max(values) if first.higher_is_better else min(values)
        return f"{first.title} (best of val)", first.shown(best)

    def curves(self) -> dict[str, Any]:
        """What every epoch came to: epoch, step and seconds, and by name every number that metrics.jsonl has, None
        where an epoch has none. Of more epochs than a page can show, so many evenly, the newest among them.

        figures: of the names that are figures of the task, behind train_ and val_, title and unit.
        """
        lines = _spread(self._lines.lines, MOST_POINTS)
        names = {
            name: None for line in lines for name, value in line.items() if name not in NOT_DRAWN and _is_number(value)
        }
        return {
            "run": self.name,
            **{name: [_finite(line[name]) for line in lines] for name in ("epoch", "step", "seconds")},
            "series": {name: [_finite(line.get(name)) for line in lines] for name in names},
            "figures": {figure.key: {"title": figure.heading, "unit": figure.unit} for figure in self.figures},
        }


def _signature(path: Path) -> tuple[int, float, int] | None:
    """What changes when a file does; None where it is not there, or cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime, status.st_size


def _last_line(log: Path) -> str:
    """The last whole line of a log, "" where there is none."""
    try:
        with regular_file(log) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LOG_BYTES))
            rows = file.read(LOG_BYTES).decode(errors="replace").rpartition("\n")[0].splitlines()
    except OSError:
        return ""
    return visible(rows[-1]) if rows else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Any) -> float | None:
    """JSON knows no other numbers."""
    return value if _is_number(value) and abs(value) <= sys.float_info.max else None


def _spread(lines: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """All lines, or so many, evenly, the first and the last among them.

    >>> [line["epoch"] for line in _spread([{"epoch": number} for number in range(1, 11)], 4)]
    [1, 4, 7, 10]
    """
    if len(lines) <= most:
        return lines
    return [lines[round(place * (len(lines) - 1) / (most - 1))] for place in range(most)]
