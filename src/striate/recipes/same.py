"""Whether a run that goes on was begun with what a person says that it was."""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from striate.core.durations import seconds_of
from striate.core.errors import StriateError
from striate.core.values import converted
from striate.data.sources import BUILT_IN
from striate.recipes import get_recipe
from striate.recipes.chosen import FOR_SMALL
from striate.tasks import task_named
from striate.training.other_names import renamed, unknown_field
from striate.training.plan import read_plan
from striate.training.recipe import KNOWN, Recipe, require_known
from striate.training.speed.options import RuntimeOptions
from striate.training.weights_named import with_weights

KINDS = {
    "recipe": str,
    "task": str,
    "budget": str,
    "seed": int,
    **typing.get_type_hints(RuntimeOptions),
    **typing.get_type_hints(Recipe),
}
NAMED: dict[str, Callable[[Any], object]] = {
    "recipe": get_recipe,
    "task": task_named,
    "budget": seconds_of,
    **{name: partial(require_known, name, known=known) for name, known in KNOWN.items()},
}


def refuse_changes(run: Path, same: dict[str, Any], code: Collection[str]) -> None:
    """Raise StriateError where a run was begun otherwise; code: fields of which its files' hashes decide."""
    plan, record = read_plan(run)
    if isinstance(own := same.get("recipe"), Recipe):
        # An optimiser of a person's own has put in what it was made with.
        made_with = ("peak_lr", "weight_decay") if own.own_optimizer else ()
        fields = {name: value for name, value in own.to_dict().items() if name not in made_with}
        same = {**fields, **{name: value for name, value in same.items() if name != "recipe"}}
    same = renamed(same)
    same = with_weights(same) if same.get("weights") is not None else same
    begun = {"recipe": plan.recipe_name, "task": plan.task, "seed": plan.seed}
    begun["budget"] = None if plan.budget is None else plan.budget.text
    begun |= {**asdict(plan.options), **plan.recipe.to_dict()}
    if "data" in same:
        named = str(same["data"])
        # Of files and folders the hashes decide, wherever they are now.
        begun["data"] = record["data"]["source"] if BUILT_IN.keys() & {named, record["data"]["source"]} else named
    for name, value in same.items():
        if name in code:
            continue
        if name not in begun:
            raise unknown_field(name, begun)
        if name in KINDS:
            value = converted(name, value, KINDS[name])
        if not is_same(name, value, begun[name]):
            if name in NAMED:
                NAMED[name](value)  # one that there is not is named as such
            then = "finish it first, then it goes on to more" if name == "epochs" else "leave that out to go on with it"
            raise StriateError(f"{run} was begun with {name} {begun[name]}, not {value}; {then}, or start another run")


def is_same(name: str, value: object, begun: object) -> bool:
    """Whether a value is the one that a run was begun with, as a person may write it otherwise.

    >>> is_same("budget", "1200s", "20m"), is_same("recipe", "fast", "small_pictures"), is_same("seed", 1, 2)
    (True, True, False)
    """
    if name == "budget" and begun is not None:
        return seconds_of(str(value)) == seconds_of(str(begun))
    return value == begun or (name == "recipe" and FOR_SMALL.get(str(value)) == begun)
