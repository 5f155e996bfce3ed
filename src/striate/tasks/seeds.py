"""Runs that differ in nothing but their seed: what they reach in the mean, and by how much it varies."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from striate.tasks.task import Figure


@dataclass(frozen=True)
class Seeds:
    """Some runs, by their places: mean and standard deviation of their figures."""

    runs: tuple[int, ...]
    mean: float
    deviation: float

    def told(self, names: Iterable[str], figure: Figure, split: str | None = None) -> str:
        """It in words. names: of these runs. split: on which they were measured, where that is to be said."""
        where = f" ({split})" if split else ""
        return (
            f"{', '.join(names)} differ in their seed alone: {figure.title} {figure.line(self.mean)}{where}, standard "
            f"deviation {figure.line(self.deviation)}, n {len(self.runs)}"
        )


def of_several_seeds(runs: Iterable[tuple[Hashable, object, float] | None]) -> list[Seeds]:
    """Those that differ in the seed alone, of two seeds at least. runs: settings, seed and figure; None: not to count.

    >>> (group,) = of_several_seeds([("a", 0, 0.5), ("b", 0, 0.1), ("a", 1, 0.75), None])
    >>> group.runs, group.mean, round(group.deviation, 4)
    ((0, 2), 0.625, 0.1768)
    """
    groups = defaultdict[Hashable, list[tuple[int, object, float]]](list)
    for place, run in enumerate(runs):
        if run is not None:
            settings, seed, value = run
            groups[settings].append((place, seed, value))
    found = []
    for group in groups.values():
        places, seeds, values = zip(*group, strict=True)
        if len(set(seeds)) > 1:
            found.append(Seeds(places, statistics.fmean(values), statistics.stdev(values)))
    return found
