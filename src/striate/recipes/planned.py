"""Plans: of what a person asks of `train` and `search`, and of every network that suits the pictures."""

from __future__ import annotations

from typing import Any

from striate.core.bounds import require_within
from striate.core.durations import seconds_of
from striate.core.values import checked
from striate.data.in_memory import Data, as_data, elsewhere, kind_of
from striate.data.scan import Progress
from striate.data.sources import open_data as dataset_of
from striate.data.sources import task_of
from striate.models import Model
from striate.recipes.chosen import recipe_of, with_one_for_small
from striate.runtime.global_state import global_state_kept
from striate.tasks import task_named
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
    """The plan of a run; all as of `train`. fields: of the recipe and of how it runs, together.

    Raises StriateError for data, names and values that cannot be.
    """
    fields = renamed(fields)
    options = RuntimeOptions(
        **{name: fields.pop(name) for name in list(fields) if name in RuntimeOptions.__dataclass_fields__}
    )
    code, named = code_in({**({} if model is None else {"model": model}), **fields})
    recipe = given_recipe(recipe, named)
    given = as_data(data)
    source, in_memory = (given, None) if isinstance(given, str) else (kind_of(given), given)
    learned = task_named(task or task_of(given))
    changed = with_weights(named, learned.needs)
    name, made, otherwise = recipe_of(recipe, changed, learned)
    if isinstance(recipe, Recipe):
        code = with_code_of(made, code)
    others = elsewhere(val, test)
    made_of = Plan(source, name, made, otherwise, seed, options, in_memory, task, code, elsewhere=others)
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
    budget_s, given = seconds_of(budget), as_data(data)
    learned = task_named(task or task_of(given))
    require_within("seconds", seconds, TRYING_SECONDS)
    asked = None if task is None else learned.needs
    dataset = dataset_of(given, val=val, test=test, task=asked)
    source, in_memory = (given, None) if isinstance(given, str) else (kind_of(given), given)

    def of_candidate(candidate: Candidate) -> Plan:
        named = recipe_of(candidate.recipe, with_weights(candidate.fields, learned.needs), learned)
        return Plan(source, *named, in_memory=in_memory, task=task)

    return planned(dataset, learned, of_candidate, budget_s, seconds, progress)
