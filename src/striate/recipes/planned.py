"""Plans: of what a person asks of `train` and `search`, and of every network that suits the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from striate.core.bounds import require_within
from striate.core.durations import seconds_of
from striate.core.errors import StriateError
from striate.core.values import checked
from striate.data.in_memory import Data, Given, as_data, elsewhere, kind_of
from striate.data.scan import Progress
from striate.data.sources import open_data as dataset_of
from striate.data.sources import task_of
from striate.models import Model
from striate.recipes.chosen import recipe_of, with_one_for_small
from striate.runtime.global_state import global_state_kept
from striate.tasks import task_named
from striate.tasks.task import Task
from striate.training.budget.record import Budget
from striate.training.other_names import renamed
from striate.training.own import code_in, with_code_of
from striate.training.plan import Plan
from striate.training.planning.candidates import Candidate
from striate.training.planning.planning import Planned, planned
from striate.training.recipe import Recipe
from striate.training.recipe_file import given_recipe
from striate.training.speed.options import RuntimeOptions
from striate.training.weights_named import with_weights

PLANNING_SECONDS, TRYING_SECONDS = 60.0, (1, 3600)
PLANNING_SHARE = 0.05  # of a budget, that choosing a training may take
CHOOSING = ("model", "weights", "layers")  # who names one of these, or a recipe, has chosen


def plan_of(
    data: Data,
    model: Model | None,
    recipe: str | Recipe | None,
    fields: dict[str, Any],
    *,
    seed: int,
    task: str | None,
    val: Data | None,
    test: Data | None,
) -> Plan:
    """The plan of a run; all as of `train`. fields: of the recipe and of how it runs, together, and the budget.

    A budget chooses the training where neither recipe, network nor weights are named. Raises StriateError for data,
    names and values that cannot be.
    """
    budget, fields = fields.get("budget"), renamed({name: value for name, value in fields.items() if name != "budget"})
    options = RuntimeOptions(
        **{name: fields.pop(name) for name in list(fields) if name in RuntimeOptions.__dataclass_fields__}
    )
    code, named = code_in({**({} if model is None else {"model": model}), **fields})
    recipe = given_recipe(recipe, named)
    given = as_data(data)
    source, in_memory = (given, None) if isinstance(given, str) else (kind_of(given), given)
    learned = task_named(task or task_of(given))
    others, why = elsewhere(val, test), ""
    if budget is not None:
        require_budget(budget, named)
        if recipe is None and not named.keys() & {*CHOOSING}:
            recipe, chosen, why = chosen_within(budget, given, others, learned)
            named |= chosen
    changed = with_weights(named, learned.needs)
    name, made, otherwise = recipe_of(recipe, changed, learned)
    if isinstance(recipe, Recipe):
        code = with_code_of(made, code)
    limit = None if budget is None else Budget(budget, why)
    made_of = Plan(source, name, made, otherwise, seed, options, in_memory, task, code, elsewhere=others, budget=limit)
    return with_one_for_small(made_of, changed, learned)


@checked
@global_state_kept()
def plan(
    data: Data,
    budget: str,
    *,
    val: Data | None = None,
    test: Data | None = None,
    task: str | None = None,
    seconds: float = PLANNING_SECONDS,
    progress: Progress | None = None,
) -> Planned:
    """What every network that suits the pictures would take on this machine, how many epochs a budget has room for, and
    which is recommended. Nothing is trained: a few steps are timed, the rest is estimated from the arithmetic.

    data, val, test, task: as in `train`. budget: a duration, such as "20m" or "1h30m". seconds: that timing may take,
    all networks together; what was timed before is remembered. progress: called with (done, total).
    Returns a record with `forecasts`, the quickest epochs first, `recommended` and `advice`. Raises StriateError for
    bad data and budgets.
    """
    seconds_of(budget)  # which is refused before anything is opened
    require_within("seconds", seconds, TRYING_SECONDS)
    given = as_data(data)
    learned = task_named(task or task_of(given))
    return planned_for(given, elsewhere(val, test), learned, budget, seconds, progress=progress)


def planned_for(
    data: Given,
    others: Mapping[str, Given],
    task: Task,
    budget: str,
    seconds: float,
    *,
    shortly: bool = False,
    progress: Progress | None = None,
) -> Planned:
    """The same of data as it is opened. others: that of "val" and "test" which lies elsewhere. shortly: whether only
    what may be recommended is looked at.
    """
    dataset = dataset_of(data, val=others.get("val"), test=others.get("test"), task=task.needs)
    source, in_memory = (data, None) if isinstance(data, str) else (kind_of(data), data)

    def of_candidate(candidate: Candidate) -> Plan:
        named = recipe_of(candidate.recipe, with_weights(candidate.fields, task.needs), task)
        return Plan(source, *named, in_memory=in_memory, task=task.name)

    return planned(dataset, task, of_candidate, seconds_of(budget), seconds, progress, shortly=shortly)


def chosen_within(
    budget: str, data: Given, others: Mapping[str, Given], task: Task
) -> tuple[str | None, dict[str, Any], str]:
    """Recipe and fields of the training that a budget chooses, and why. Raises StriateError where it is too short."""
    seconds = min(PLANNING_SECONDS, PLANNING_SHARE * seconds_of(budget))
    found = planned_for(data, others, task, budget, seconds, shortly=True)
    if found.recommended is None:
        raise StriateError(f"--budget {budget} is too short for these pictures: {found.advice}")
    candidate = found.recommended.candidate
    return candidate.recipe, candidate.fields, found.advice


def require_budget(budget: str, named: Iterable[str]) -> None:
    """Raise StriateError for what is no duration, and where the number of epochs is said beside a budget."""
    seconds_of(budget)
    if "epochs" in named:
        raise StriateError("--budget decides how many epochs there are; leave --epochs out, or --budget")
