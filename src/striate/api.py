"""The public functions that need several rooms; `striate` itself names them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError, unknown_name
from striate.data.cache import DEFAULT_CACHE_GB, scan
from striate.data.check import DataReport, check_data
from striate.data.scan import Progress
from striate.data.sources import BUILT_IN, open_data
from striate.deploy.run import Run
from striate.models import FILES, architecture_of
from striate.models.stored import EMBEDDED
from striate.recipes import get_recipe
from striate.training.folder import RECIPE
from striate.training.plan import Plan, read_plan
from striate.training.recipe import Recipe
from striate.training.run import resume as resume_run
from striate.training.run import start
from striate.training.wishes import Wishes

__all__ = ["check", "resume", "train"]


def train(
    data: str | Path,
    model: str | None = None,
    recipe: str | None = None,
    run: str | Path | None = None,
    *,
    seed: int = 0,
    cache_gb: float = DEFAULT_CACHE_GB,
    tensorboard: bool = False,
    **fields: Any,
) -> Run:
    """Train a network on pictures and leave a run folder with weights, numbers and a report.

    data: "digits", a folder with one sub-folder per class, or a file in a known format. model: a network of the zoo,
    by default that of the weights, or the recipe's. recipe: by default "probe" where layers are given, "finetune" where
    weights are, else "default". run: the folder to make, by default a new one below runs/. cache_gb: room for decoded
    pictures on the disk, in 10^9 bytes. tensorboard: whether to write events for it. fields: any field of `Recipe`,
    such as epochs=20 or weights="embedded", and any of `Wishes`, such as precision="fp32" or threads=2; wishes left
    out are measured.
    Returns the finished run. Raises StriateError for bad data, names or values, Interrupted on Ctrl-C.
    """
    wishes = Wishes(**{name: fields.pop(name) for name in list(fields) if name in Wishes.__dataclass_fields__})
    changed = with_weights({**({} if model is None else {"model": model}), **fields})
    if recipe is None:
        recipe = "probe" if changed.get("layers") else "finetune" if changed.get("weights") is not None else "default"
    for name in changed:
        if name not in Recipe.__dataclass_fields__:
            raise unknown_name("recipe field", name, Recipe.__dataclass_fields__)
    if seed < 0:
        raise StriateError(f"seed must be at least 0, got {seed}")
    plan = Plan(str(data), recipe, get_recipe(recipe), changed, seed, wishes)
    return start(plan, Path(run) if run else None, cache_gb, tensorboard=tensorboard)


def with_weights(changed: dict[str, Any]) -> dict[str, Any]:
    """Fields of a recipe, weights by their whole path, and the model that they are of where none is named."""
    weights = changed.get("weights")
    if weights is None:
        return changed
    model = changed.get("model")
    model = architecture_of(weights) if model is None else model
    path = weights if weights in (EMBEDDED, *FILES) else str(Path(weights).resolve())
    return {"model": model, **changed, "weights": path}


def resume(
    run: str | Path,
    cache_gb: float = DEFAULT_CACHE_GB,
    *,
    data: str | Path | None = None,
    tensorboard: bool = False,
    without_missing: bool = False,
    **same: Any,
) -> Run:
    """Go on with an interrupted run to exactly the weights that it would have reached.

    data: where its pictures are now, if they have moved; the hashes in data.tsv decide whether they are the same.
    tensorboard: whether to write events from here on; a run that was begun with them goes on with them.
    without_missing: whether to go on without pictures that cannot be read any more, to other weights; which ones is
    written into recipe.json, the log and the report. same: any of recipe, seed and the fields of `Recipe` and `Wishes`,
    to be sure that the run was begun with them.
    Raises StriateError when the folder holds no run, it was begun otherwise, or the pictures have changed or are gone.
    """
    if data is not None:
        same = {"data": str(data), **same}
    if same and (Path(run) / RECIPE).exists():
        _refuse_changes(Path(run), same)
    source = None if data is None or str(data) in BUILT_IN else str(data)
    return resume_run(Path(run), cache_gb, tensorboard=tensorboard, source=source, without_missing=without_missing)


def _refuse_changes(run: Path, same: dict[str, Any]) -> None:
    plan, record = read_plan(run)
    same = with_weights(same) if same.get("weights") else same
    begun = {"recipe": plan.recipe_name, "seed": plan.seed, **asdict(plan.wishes), **plan.recipe.to_dict()}
    if "data" in same:
        named = str(same["data"])
        # Of files and folders the hashes decide, wherever they are now.
        begun["data"] = record["data"]["source"] if BUILT_IN.keys() & {named, record["data"]["source"]} else named
    for name, value in same.items():
        if name not in begun:
            raise unknown_name("recipe field", name, begun)
        if value != begun[name]:
            raise StriateError(
                f"{run} was begun with {name} {begun[name]}, not {value}; leave that out to go on with it, or start "
                "another run"
            )


def check(data: str | Path, split_seed: int = 0, progress: Progress | None = None) -> DataReport:
    """Decode every picture once and report what a person should know before training.

    The result is remembered until a file changes. Raises StriateError when `data` is not data.

    >>> check("digits").problems
    []
    """
    dataset = open_data(data, split_seed)
    return check_data(dataset, scan(dataset, progress))
