"""What files of earlier versions called what they hold; they are read as if they had today's names."""

from __future__ import annotations

from typing import Any

from striate.training.other_names import renamed

RECIPE_KEYS = {"wishes": "options"}


def recipe_in_todays_names(record: dict[str, Any]) -> dict[str, Any]:
    """A recipe.json.

    >>> recipe_in_todays_names({"wishes": {}, "recipe": {"average_decay": 0.9}})
    {'options': {}, 'recipe': {'ema_decay': 0.9}}
    """
    record = {RECIPE_KEYS.get(name, name): value for name, value in record.items()}
    for name in ("recipe", "changed"):
        if isinstance(fields := record.get(name), dict):
            record[name] = renamed(fields)
    return record


def counters_in_todays_names(record: dict[str, Any]) -> dict[str, Any]:
    """The counters of a state, which once knew nothing but classification.

    >>> counters_in_todays_names({"step": 7, "right": 3, "best_accuracy": 0.5, "best_loss": 1.25})
    {'step': 7, 'sums': {'accuracy': 3}, 'best': {'accuracy': 0.5, 'loss': 1.25}}
    """
    record = dict(record)
    if "right" in record:
        record["sums"] = {"accuracy": record.pop("right")}
    if "best_accuracy" in record:
        best = {"accuracy": record.pop("best_accuracy"), "loss": record.pop("best_loss", float("inf"))}
        record["best"] = {} if best["accuracy"] == -1 else best
    return record


def tensor_in_todays_name(name: str) -> str:
    """A tensor of a state.

    >>> tensor_in_todays_name("averaged.fc.weight")
    'ema.fc.weight'
    """
    return f"ema.{name.removeprefix('averaged.')}" if name.startswith("averaged.") else name
