"""Whether the winner betters the defaults beyond noise: both are trained again, with three new seeds."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from striate.core.files import write_json
from striate.core.reading import read_record
from striate.core.units import counted
from striate.tasks.task import Figure
from striate.training.recipe import Recipe
from striate.training.results import Diverged
from striate.training.search.bench import Bench, forget
from striate.training.search.budget import Budget
from striate.training.search.rungs import SEEDS

TESTED, AGAIN = "tested.json", "again"
CONFIDENCE = 0.95
LATE = 1.02  # of a budget, beyond which no pair is begun that would end then

Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True)
class Tested:
    """tested.json: what a run of a new seed reached on pictures that chose nothing. figure: None where it diverged."""

    seed: int
    figure: float | None
    seconds: float


@dataclass(frozen=True)
class Pair:
    """What winner and defaults reached with one seed, None where one diverged."""

    seed: int
    winner: float | None
    defaults: float | None


@dataclass(frozen=True)
class Comparison:
    """Winner against defaults. difference: the mean of the winner less the defaults, with its 95 % interval of
    Student's t over the pairs; None where there are fewer than two. sentence: what there is to say.
    """

    pairs: tuple[Pair, ...]
    verdict: Verdict
    difference: float | None
    interval: tuple[float, float] | None
    sentence: str


def pairs(bench: Bench, recipes: dict[str, Recipe], names: dict[str, str], budget: Budget) -> Iterator[Pair]:
    """Train and test winner and defaults by turns, seed by seed, as long as there is time for a pair.

    recipes, names: of "winner" and "defaults", the latter of their folders below again/.
    """
    slowest = 0.0
    for number in range(SEEDS):
        if budget.spent + slowest > LATE * budget.seconds:
            return
        since, seed = time.monotonic(), bench.prepared.plan.seed + 1 + number
        found = {
            role: tested(bench, bench.folder / AGAIN / f"{names[role]}-seed-{seed}", recipe, seed)
            for role, recipe in recipes.items()
        }
        budget.keep()
        slowest = max(slowest, time.monotonic() - since)
        yield Pair(seed, found["winner"], found["defaults"])


def tested(bench: Bench, folder: Path, recipe: Recipe, seed: int) -> float | None:
    """What a recipe reaches with a seed, trained and tested once; None where it diverges."""
    if (folder / TESTED).exists():
        return read_record(folder / TESTED, Tested).figure
    since, figure = time.monotonic(), None
    try:
        bench.train(folder, recipe, seed, recipe.epochs)
        figure = bench.tested(folder)
    except Diverged:
        pass
    write_json(folder / TESTED, {"seed": seed, "figure": figure, "seconds": round(time.monotonic() - since, 3)})
    forget(folder, weights=False)
    return figure


def compared(found: list[Pair], figure: Figure, described: str) -> Comparison:
    """What pairs come to. described: the pictures, as "359 test pictures".

    >>> from striate.tasks.classification import CLASSIFICATION
    >>> three = [Pair(seed, 0.9 + seed / 1000, 0.8) for seed in (1, 2, 3)]
    >>> print(compared(three, CLASSIFICATION.figures[0], "90 test pictures").sentence)
    the winner betters the defaults beyond noise: accuracy on 90 test pictures 90.20% against 80.00%, mean of 3 new \
seeds each; +10.20 points, 95 % interval +9.95 to +10.45
    """
    known = [(pair.winner, pair.defaults) for pair in found if pair.winner is not None and pair.defaults is not None]
    differences = [winner - defaults for winner, defaults in known]
    if len(known) < 2:
        why = "one of them diverged" if len(found) > 1 else "there was time for less than two seeds"
        return Comparison(tuple(found), "undecided", None, None, f"winner and defaults were not compared: {why}")
    from scipy.stats import t as student  # here, as it takes longer to import than what trains

    mean = statistics.fmean(differences)
    spread = statistics.stdev(differences) / math.sqrt(len(differences))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, len(differences) - 1)) * spread
    low, high = mean - reach, mean + reach
    sign = 1 if figure.higher_is_better else -1
    verdict: Verdict = "better" if min(sign * low, sign * high) > 0 else "undecided"
    verdict = "worse" if max(sign * low, sign * high) < 0 else verdict
    said = {
        "better": "the winner betters the defaults beyond noise",
        "worse": "the winner is worse than the defaults beyond noise",
        "undecided": "whether the winner betters the defaults is undecided, the difference is within noise",
    }[verdict]
    means = (statistics.fmean(side) for side in zip(*known, strict=True))
    winner, defaults = (figure.line(value) for value in means)
    unit, scale = (" points", 100) if figure.unit == "%" else ("", 1)
    seeds = counted(len(known), "new seed")
    sentence = (
        f"{said}: {figure.title} on {described} {winner} against {defaults}, mean of {seeds} each; "
        f"{scale * mean:+.2f}{unit}, 95 % interval {scale * low:+.2f} to {scale * high:+.2f}"
    )
    return Comparison(tuple(found), verdict, mean, (low, high), sentence)
