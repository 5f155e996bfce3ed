"""Successive halving whose survivors go on: after how many epochs trials are compared, and which one goes on next.

Of all trials that have come to a rung the best third goes on to the next one, from its checkpoint (Jamieson and
Talwalkar, arXiv:1502.07943; that nobody waits for the last of a rung is Li et al., arXiv:1810.05934). The schedule of
every trial is that of a whole run, stopped at the rungs, so that going on is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from striate.training.search.tried import Tried

ONE_IN = 3  # goes on
MOST_RUNGS = 3
FEWEST_TRIALS = 9
SEEDS = 3  # with which winner and defaults are trained again
ROOMY = 24  # runs of full length that fit a budget, where nobody says how long a run is: a quarter is for the seeds


def rungs_of(epochs: int, halving: bool = True) -> tuple[int, ...]:
    """The epochs after which trials are compared; the last are those of a whole run.

    >>> rungs_of(30), rungs_of(5), rungs_of(1), rungs_of(30, halving=False)
    ((3, 10, 30), (1, 2, 5), (1,), (30,))
    """
    rungs = [epochs]
    while halving and len(rungs) < MOST_RUNGS and 0 < (earlier := round(rungs[0] / ONE_IN)) < rungs[0]:
        rungs.insert(0, earlier)
    return tuple(rungs)


def steps_between(rungs: tuple[int, ...]) -> list[int]:
    """Epochs from each rung to the next, the first from nothing.

    >>> steps_between((3, 10, 30))
    [3, 7, 20]
    """
    return [end - begin for begin, end in zip((0, *rungs), rungs, strict=False)]


def epochs_of(trials: int, rungs: tuple[int, ...]) -> int:
    """Epochs that a search of so many trials makes, without those of the new seeds.

    >>> epochs_of(9, (3, 10, 30)), 9 * 3 + 3 * 7 + 1 * 20
    (68, 68)
    """
    return sum(max(1, trials // ONE_IN**rung) * step for rung, step in enumerate(steps_between(rungs)))


def fewest_epochs(rungs: tuple[int, ...]) -> int:
    """Epochs of the shortest search that says anything: nine trials, then winner and defaults with three seeds each."""
    return epochs_of(FEWEST_TRIALS, rungs) + 2 * SEEDS * rungs[-1]


def epochs_for(affordable: float, most: int) -> int:
    """How long a whole run is: as long as the recipe's, or less where the budget holds few of them.

    affordable: epochs that fit the budget, all together.

    >>> epochs_for(2400, 30), epochs_for(240, 30), epochs_for(16, 30)
    (30, 10, 1)
    """
    return max(1, min(most, int(affordable / ROOMY)))


def next_to_go_on(
    tried: Sequence[Tried], rungs: tuple[int, ...], place: str, higher_is_better: bool, left_epochs: float = math.inf
) -> Tried | None:
    """The trial that goes on next, None where none does. left_epochs: for which there is time.

    Of a rung a third of all that came to the first goes on, a ninth from the next; at least one from each.
    """
    first = [each for each in tried if each.figures or each.state == "ended"]
    gone = [sum(each.goal > rung for each in tried) for rung in rungs[:-1]]
    steps = steps_between(rungs)
    for number, rung in enumerate(rungs[:-1]):
        wanted = max(1, len(first) // ONE_IN ** (number + 1))
        waiting = [each for each in tried if each.state == "paused" and each.epochs == rung and each.place == place]
        to_the_top = sum(steps[later + 1] for later in range(number + 1, len(gone)) if not gone[later])
        if waiting and gone[number] < wanted and left_epochs >= steps[number + 1] + to_the_top:
            return best_of(waiting, higher_is_better)
    return None


def best_of(tried: Sequence[Tried], higher_is_better: bool) -> Tried:
    """The best of some trials that have figures: of those that came farthest, as rungs cannot be compared."""
    ordered = sorted(tried, key=lambda each: merit(each, higher_is_better), reverse=True)
    return ordered[0]


def merit(tried: Tried, higher_is_better: bool) -> tuple[float, float, int]:
    """What orders trials, the better the larger: how far they came, the figure there, and the earlier of equals."""
    figure = tried.figure
    if figure is None or math.isnan(figure):
        return (0, -math.inf, -tried.number)
    return (tried.epochs, figure if higher_is_better else -figure, -tried.number)
