"""The recipe of a run: as a person names it, or by what they train on and begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from striate.recipes import get_recipe
from striate.tasks.task import Task
from striate.training.other_names import unknown_field
from striate.training.plan import BASIS, CUSTOM, Plan
from striate.training.recipe import Recipe
from striate.training.speed.options import RuntimeOptions
from striate.training.usual_rates import scaled_rate
from striate.training.weights_named import with_weights

OTHERS = (
    "data",
    "val",
    "test",
    "recipe",
    "run",
    "seed",
    "cache_gb",
    "tensorboard",
    "task",
    "quiet",
    "callbacks",
    "budget",
)
"""What `train` takes beside the fields of a recipe."""

FOR_SMALL = {"fast": "small_pictures"}
"""Recipes that are another one where the pictures are small, unless the network or its size is asked for."""


def recipe_of(recipe: str | Recipe | None, changed: dict[str, Any], task: Task) -> tuple[str, Recipe, dict[str, Any]]:
    """Name of a recipe, the record to train by, and what that has otherwise than the one of its name.

    A record of the caller's own is told by what it has otherwise than BASIS.
    """
    for name in changed:
        if name not in Recipe.__dataclass_fields__:
            raise unknown_field(name, {*Recipe.__dataclass_fields__, *RuntimeOptions.__dataclass_fields__, *OTHERS})
    if isinstance(recipe, Recipe):
        base = get_recipe(BASIS)
        own = with_weights({"model": recipe.model, "weights": recipe.weights})
        made = replace(recipe, **own).changed(at_usual_rate(recipe, changed))
        return CUSTOM, made, made.differences(base)
    if recipe is None:
        recipe = _recipe_for(changed, task)
    base = get_recipe(recipe)
    changed = at_usual_rate(base, changed)
    made = base.changed(changed)
    return recipe, made, {name: getattr(made, name) for name in changed}


def with_one_for_small(plan: Plan, changed: dict[str, Any], task: Task) -> Plan:
    """A plan that knows what takes its place where the pictures are small. changed: the fields that a person set."""
    if plan.recipe_name not in FOR_SMALL or changed.keys() & {"model", "weights", "size_px"}:
        return plan

    def of_small() -> Plan:
        name, recipe, otherwise = recipe_of(FOR_SMALL[plan.recipe_name], changed, task)
        return replace(plan, recipe_name=name, recipe=recipe, changed=otherwise, of_small=None)

    return replace(plan, of_small=of_small)


def at_usual_rate(base: Recipe, changed: dict[str, Any]) -> dict[str, Any]:
    """Changed fields, with a peak rate where another optimiser than a recipe's is named and no rate.

    The recipe's is scaled as the rates are that both are usually begun with.

    >>> at_usual_rate(Recipe(model="resnet18", peak_lr=0.1), {"optimizer": "adam"})
    {'peak_lr': 0.002, 'optimizer': 'adam'}
    """
    rate = scaled_rate(base.peak_lr, base.optimizer, changed.get("optimizer", base.optimizer))
    return changed if rate == base.peak_lr else {"peak_lr": rate, **changed}


def _recipe_for(changed: dict[str, Any], task: Task) -> str:
    """The name of the recipe where a person names none. changed: the fields that they set."""
    if task.recipe != BASIS:
        named = changed.get("model") not in (None, get_recipe(task.recipe).model)
        return task.recipe_of_model if named else task.recipe
    return "probe" if changed.get("layers") else "finetune" if changed.get("weights") is not None else BASIS
