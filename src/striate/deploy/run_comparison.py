"""What a comparison of runs came to: each run, each two of them, and those that differ in their seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from striate.core.one_screen import OneScreen
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.targets import Indices
from striate.deploy.run import Run
from striate.tasks.redrawing import Gain, Redrawable
from striate.tasks.seeds import Seeds
from striate.tasks.task import Figure, Task

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


class Comparable(Redrawable, Protocol):
    """What an evaluation came to, to be compared with others of the same pictures."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the first figure."""


@dataclass(frozen=True)
class Measured:
    """A run and what it reaches. value: of the first figure of its task; interval: 95 % of it. macs: per picture."""

    run: Run
    result: Comparable
    value: float
    params: int
    macs: int

    @property
    def name(self) -> str:
        """The run, as it was named."""
        return str(self.run.path)

    @property
    def short(self) -> str:
        """The last part of its path."""
        return self.run.path.name or self.name


@dataclass(frozen=True)
class Pair:
    """Two of the runs, by their places. chance: of such a difference by chance, corrected for how many are compared.

    verdict: of the first: better, worse or undecided. differ: the pictures that one of them answers better, by their
    places among those compared on, those with the largest difference first.
    """

    one: int
    other: int
    gain: Gain
    chance: float
    verdict: str
    differ: list[int]


@dataclass(frozen=True, repr=False, eq=False)
class RunComparison(OneScreen):
    """Runs on the same pictures of a data set, by their numbers. pairs: each two of the runs. alike: by their seeds.

    left_out: how many pictures of the split are not compared on, as one of the runs was trained on them.
    """

    task: Task
    dataset: Dataset
    split: str
    pictures: Indices
    runs: tuple[Measured, ...]
    pairs: tuple[Pair, ...]
    alike: tuple[Seeds, ...]
    left_out: int
    unreadable: tuple[DecodeError, ...] = ()

    @property
    def figure(self) -> Figure:
        """The task's first figure."""
        return self.task.figures[0]

    def name(self, place: int) -> str:
        """Of a picture, by its place among those compared on."""
        return self.dataset.pictures.name(int(self.pictures[place]))

    def sentence(self, pair: Pair) -> str:
        """What is known of a pair, in words."""
        one, other = self.runs[pair.one], self.runs[pair.other]
        low, high = pair.gain.interval
        ends = f"{self._number(low)} to {self._number(high)}"
        chance = f"p {pair.chance:.2g}" if pair.chance >= 0.0001 else "p below 0.0001"
        corrected = f", corrected for {len(self.pairs)} comparisons" if len(self.pairs) > 1 else ""
        between = "undecided against" if pair.verdict == UNDECIDED else f"{pair.verdict} than"
        gain = self.difference(pair.gain.difference)
        sure = f"95 % interval {ends}; {chance}{corrected}"
        return f"{one.name} is {between} {other.name}: {self.figure.title} {gain} ({sure})"

    def difference(self, gain: float) -> str:
        """A difference of the figure as a person reads it, in points of a hundred where the figure is in per cent."""
        return f"{self._number(gain)}{' points' if self.figure.unit == '%' else ''}"

    def _number(self, gain: float) -> str:
        return f"{100 * gain:+.2f}" if self.figure.unit == "%" else f"{gain:+.4f}"

    def told_differ(self, pair: Pair) -> str:
        """On how many pictures a pair differs, in words."""
        one, other, each = self.runs[pair.one], self.runs[pair.other], pair.gain.each
        above, below = int((each > 0).sum()), int((each < 0).sum())
        if not self.figure.higher_is_better:
            above, below = below, above
        return (
            f"{one.name} answers {counted(above, 'picture')} better than {other.name}, {below:,} worse and "
            f"{len(self.pictures) - above - below:,} equally well"
        )

    def told_alike(self, group: Seeds) -> str:
        """What runs of several seeds reach, in words."""
        return group.told([self.runs[place].name for place in group.runs], self.figure)

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        line = self.figure.line
        reached = {run.name: f"{self.figure.title} {line(run.value)}" for run in self.runs}
        verdicts = {f"pair {number}": self.sentence(pair) for number, pair in enumerate(self.pairs, 1)}
        return {"pictures": f"{len(self.pictures):,} of {self.dataset.source}, {self.split}", **reached, **verdicts}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "task": self.task.name,
            "data": self.dataset.source,
            "split": self.split,
            "pictures": len(self.pictures),
            "left_out": self.left_out,
            "figure": self.figure.stated,
            "higher_is_better": self.figure.higher_is_better,
            "runs": [
                {
                    "run": run.name,
                    "network": run.run.network.label,
                    self.figure.stated: run.value,
                    "interval": list(run.result.interval),
                    "params": run.params,
                    "macs": run.macs,
                }
                for run in self.runs
            ],
            "pairs": [
                {
                    "one": self.runs[pair.one].name,
                    "other": self.runs[pair.other].name,
                    "difference": pair.gain.difference,
                    "interval": list(pair.gain.interval),
                    "p": pair.gain.chance,
                    "p_corrected": pair.chance,
                    "verdict": pair.verdict,
                    "pictures": [self.name(place) for place in pair.differ],
                }
                for pair in self.pairs
            ],
            "seeds": [
                {"runs": [self.runs[place].name for place in group.runs], "mean": group.mean, "sd": group.deviation}
                for group in self.alike
            ],
        }
