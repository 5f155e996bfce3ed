"""A finished run that goes on: more epochs, with a schedule of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from striate.core.errors import StriateError
from striate.core.files import storage_errors, write_json
from striate.core.reading import Positive
from striate.core.units import counted
from striate.core.version import __version__
from striate.training.folder.layout import EVALUATION, RECIPE, STATE, read_metrics
from striate.training.folder.state import newest_state, newest_step
from striate.training.recipe import Recipe


@dataclass(frozen=True)
class Continued:
    """Where a finished run went on.

    from_epoch, from_step: made by then. planned: the epochs that it had until then. epochs: those that it has since.
    version: of this package.
    """

    from_epoch: Positive
    from_step: Positive
    planned: Positive
    epochs: Positive
    version: str


def scheduled(
    recipe: Recipe, continued: tuple[Continued, ...], step: int, steps_per_epoch: int
) -> tuple[Recipe, int, bool]:
    """The schedule that a step is in: the recipe over its epochs, the step counted from its begin, and if it is the
    first one.

    Each continuation begins anew, warm-up included: a warm restart as in Loshchilov and Hutter, arXiv:1608.03983.

    >>> more = (Continued(from_epoch=30, from_step=300, planned=30, epochs=62, version="1"),)
    >>> whole = Recipe(model="lenet5", epochs=62)
    >>> [(each.epochs, step, first) for each, step, first in (scheduled(whole, more, s, 10) for s in (299, 300))]
    [(30, 299, True), (32, 0, False)]
    """
    if not continued:
        return recipe, step, True
    ends = [*(each.planned for each in continued[1:]), recipe.epochs]
    for each, end in zip(reversed(continued), reversed(ends), strict=True):
        first = each.from_step // steps_per_epoch
        if step >= first * steps_per_epoch:
            return over(recipe, end - first), step - first * steps_per_epoch, False
    return over(recipe, continued[0].planned), step, True


@cache
def over(recipe: Recipe, epochs: int) -> Recipe:
    """A recipe over other epochs."""
    return replace(recipe, epochs=epochs)


def require_more(folder: Path, epochs: int, planned: int, done: int) -> None:
    """Raise StriateError unless a finished run can go on to so many epochs. done: those that it has made."""
    if epochs <= done:
        raise StriateError(
            f"{folder} has made {counted(done, 'epoch')} and is finished; --epochs must be more than that to go on "
            f"with it, got {epochs}"
        )
    if newest_state(folder / STATE) is None:
        raise StriateError(
            f"{folder / STATE} holds no state any more, without which a finished run cannot go on; start another run "
            "from its weights (--weights)"
        )
    if newest_step(folder / STATE) == 0:
        raise StriateError(
            f"nothing of {folder} was tuned beyond its head, so more than {counted(planned, 'epoch')} change nothing; "
            "start another run with --unfreeze-to"
        )


def go_on(folder: Path, epochs: int) -> None:
    """Write down that a finished run goes on to so many epochs; what it came to is kept as evaluation-N-epochs.json.

    Its weights stay the best so far until an epoch betters them. Whoever is interrupted in here has a run that is
    finished again by --resume. Raises StriateError when it cannot go on.
    """
    from striate.training.folder.begun import read_begun

    begun, record = read_begun(folder)
    lines = read_metrics(folder)
    if begun.budget is not None:
        raise StriateError(
            f"{folder} was trained for {begun.budget.text} (--budget), to the end of its schedule, and does not go on "
            "by --epochs; start another run from its weights (--weights)"
        )
    done, planned = (lines[-1]["epoch"] if lines else 0), begun.recipe.epochs
    require_more(folder, epochs, planned, done)
    more = Continued(done, lines[-1]["step"], planned, epochs, __version__)
    record["recipe"]["epochs"] = epochs
    record["continued"] = [*record.get("continued", []), asdict(more)]
    with storage_errors(folder):
        (folder / EVALUATION).replace(folder / f"evaluation-{done}-epochs.json")
    write_json(folder / RECIPE, record)


def say_what_is_exact(more: Continued, say: Callable[[str], None]) -> None:
    """Say what is the same as in one long run, and what is not."""
    say(
        f"going on from epoch {more.from_epoch} to {more.epochs} with a schedule of its own, warm-up included: exact "
        "is what it begins with, the weights, averages and momentum of the last step; what it ends with is not what "
        f"{counted(more.epochs, 'epoch')} from the start would have reached, whose rates are others"
    )
