"""Which training to recommend, and why, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from striate.answers.classes import CLASSIFICATION
from striate.core.units import counted, duration
from striate.tasks.task import Task
from striate.training.planning.candidates import TRAINED_HERE
from striate.training.planning.forecast import Forecast, told_least
from striate.training.planning.measured import FEW_PICTURES

ENOUGH_EPOCHS = 10  # of drawn weights, for a schedule to rise and fall; fewer are taken where nothing makes as many
FEW_EPOCHS = 4  # of the house's own network for a task, which begins with trained weights
FOR_MANY = ("fast", "small_pictures")  # recipes that have been measured
MANY_PICTURES = 5_000  # on so many to train on and more
# Of drawn weights, what the house has trained to the end, the costlier and better before the cheaper.
IN_ORDER = (
    ("airbench94", "small_pictures"),
    ("quick_regnet26", "fast"),
    ("lenet5", "digits_lenet5"),
    *((name, None) for name in TRAINED_HERE),
)


def choose(forecasts: Sequence[Forecast], task: Task, of_each: float, pictures: int) -> tuple[Forecast | None, str]:
    """The training to recommend and the reason; None and what the least budget is where nothing makes an epoch.

    of_each: training pictures of a class. pictures: to train on.
    """
    possible = [each for each in forecasts if each.epochs and each.fits]
    if not possible:
        return None, nothing_fits(forecasts)
    if task.needs == CLASSIFICATION:
        return of_classes(possible, of_each, pictures)
    for each in possible:
        if each.recipe == task.recipe and each.epochs >= FEW_EPOCHS:
            return each, f"it is what the house trains for {task.name}, and there is time for {told(each)}"
    least = min(possible, key=lambda each: each.epoch_s)
    return least, f"its epochs take the least time, of which there is enough for {told(least)}"


def of_classes(possible: Sequence[Forecast], of_each: float, pictures: int) -> tuple[Forecast, str]:
    """The same for classes of whole pictures; something is possible."""
    for each in possible:
        if each.candidate.weights is not None and of_each <= FEW_PICTURES:  # the head alone, solved first, is ahead
            return each, (
                f"trained weights were ahead of drawn ones at every number of pictures up to {FEW_PICTURES} a class "
                f"(benchmarks/transfer.md), here about {of_each:,.0f}, and there is time for {told(each)}"
            )
    for enough in (ENOUGH_EPOCHS, 1):
        for model, recipe in IN_ORDER:
            for each in possible:
                candidate = each.candidate
                same = (candidate.model, candidate.recipe, candidate.weights) == (model, recipe, None)
                if same and each.epochs >= enough and (recipe not in FOR_MANY or pictures >= MANY_PICTURES):
                    return each, f"of what the house has trained to the end, it is the best with time ({told(each)})"
    most = max(possible, key=lambda each: (min(each.epochs, ENOUGH_EPOCHS), each.macs))
    return most, f"it is the largest of those with time for {told(most)}; how good it becomes nobody has measured"


def nothing_fits(forecasts: Sequence[Forecast]) -> str:
    """Why no training is possible, with the least budget that is."""
    if not any(each.fits for each in forecasts):
        return "none of these fits into the free memory; close other programs"
    least = min((each for each in forecasts if each.fits), key=lambda each: each.least_s)
    return (
        f"the smallest possible budget is about {told_least(least)}: one epoch of {least.candidate} "
        f"({duration(least.epoch_s)}), with what is before and after it ({duration(least.around_s)})"
    )


def told(forecast: Forecast) -> str:
    """The epochs of a training."""
    return counted(forecast.epochs, "epoch")
