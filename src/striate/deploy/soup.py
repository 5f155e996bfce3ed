"""One network of the mean weights of several runs that began alike: no slower than one of them.

Source: Wortsman et al., "Model soups", arXiv:2203.05482; statistics of batch norms are estimated anew, as Izmailov et
al., "Averaging weights leads to wider optima", arXiv:1803.05407, section 3.2, found necessary.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.files import new_folder, require_writable, write_bytes, write_json
from striate.core.one_screen import OneScreen
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.in_memory import Data
from striate.data.manifest import MANIFEST
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.comparing import Bar, data_of, no_bar
from striate.deploy.inputs import members, open_for, split_to_evaluate
from striate.deploy.run import RECIPE, Run, load
from striate.deploy.statistics import estimate_anew, some_pictures, statistics_of
from striate.runtime.global_state import global_state_kept
from striate.tasks import task_named
from striate.tasks.redrawing import Gain, Redrawable, gain
from striate.tasks.task import Metric, Result

CHOSEN_ON = "val"
EVALUATION = "evaluation.json"
CACHED = ("_quick_form", "_form", "_together", "sha256")  # of a run, what its weights decide

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Ingredient:
    """A run. figure: the task's first one on the validation pictures. taken: whether its weights are in the mean."""

    run: Run
    figure: float
    taken: bool


@dataclass(frozen=True, repr=False, eq=False)
class Soup(OneScreen):
    """A network of mean weights, in a folder that is used like a run's.

    ingredients: the best on validation first. figure: that of the soup there. result: on the split, which is test where
    there is one; best: of the first ingredient alone; gain: of the soup over that, None where no interval is known.
    """

    run: Run
    ingredients: tuple[Ingredient, ...]
    figure: float
    split: str
    result: Result
    best: Result
    gain: Gain | None

    def sentences(self) -> list[str]:
        """What it came to, in words."""
        task, taken = self.run.task, sum(each.taken for each in self.ingredients)
        told = f"{taken} of {len(self.ingredients)} runs averaged: {task.line_of(self.result)} on {self.split}"
        if self.gain is None:
            return [told]
        (low, high), figure = self.gain.interval, task.figures[0]
        times, unit = (100, " points") if figure.unit == "%" else (1, "")
        return [
            told,
            f"{times * self.gain.difference:+.2f}{unit} over {self.ingredients[0].run.path} alone (95 % interval "
            f"{times * low:+.2f} to {times * high:+.2f}), at the cost of one",
        ]

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"folder": self.run.path, "": self.sentences()[0]}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        key = self.run.task.figures[0].stated
        runs = [
            {"run": str(each.run.path), f"val_{key}": each.figure, "taken": each.taken} for each in self.ingredients
        ]
        gained = None if self.gain is None else {"gain": self.gain.difference, "gain_interval": [*self.gain.interval]}
        told = {"output": str(self.run.path), "runs": runs, f"val_{key}": self.figure, "split": self.split}
        return {**told, "soup": self.result.to_dict(), "best": self.best.to_dict(), **(gained or {})}


@checked
@global_state_kept()
def soup(
    runs: Sequence[Run | str | Path],
    output: str | Path,
    data: Data | None = None,
    *,
    greedy: bool = True,
    bar: Bar = no_bar,
) -> Soup:
    """Average the weights of runs that began with the same, and write a folder that is used like a run's.

    runs: two or more, open or their folders. output: the folder, new. data: by default that of the runs. greedy: take
    the best on the validation pictures, then in turn each with which the mean is no worse there; otherwise all. bar: a
    context of (done, total) for each evaluation, under a title. Statistics of batch norms are estimated anew on up to
    `statistics.PICTURES` training pictures, as they are seen in use.
    Raises StriateError for runs of another architecture, other classes, pictures or splits, or another beginning; for
    an output that is there already; and as `Run.evaluate` does.
    """
    opened, output = [_uncalibrated(run if isinstance(run, Run) else load(run)) for run in runs], Path(output)
    if output.exists():
        raise StriateError(f"{output} is there already; name another --output")
    require_writable(output)
    require_one_beginning(opened)
    dataset = opened[0].recorded(open_for(opened[0], data_of(opened) if data is None else data))
    kitchen = Kitchen(opened[0], dataset, bar)
    alone = [kitchen.tried(run.path, run) for run in opened]
    order = sorted(range(len(opened)), key=lambda place: opened[0].task.merit(alone[place]), reverse=True)
    taken, mean = _mixed(kitchen, [opened[place] for place in order], alone[order[0]], greedy=greedy)
    figure = opened[0].task.figures[0].key
    ingredients = [Ingredient(opened[place], alone[place][figure], opened[place] in taken) for place in order]
    validated = kitchen.measured("the soup", mean)
    if mean.task.thresholds is not None:
        mean.bundle = replace(mean.bundle, thresholds=mean.task.thresholds(validated.result()))
    split = split_to_evaluate(dataset, None)
    result, best = (kitchen.evaluated(run, split) for run in (mean, ingredients[0].run))
    _write(output, mean, ingredients, split, result)
    gained = gain(result, best) if isinstance(result, Redrawable) and isinstance(best, Redrawable) else None
    mean.path = output
    return Soup(mean, tuple(ingredients), validated.figures()[figure], split, result, best, gained)


def _uncalibrated(run: Run) -> Run:
    """The same run, whose answers are read as its network gives them: a calibration says nothing of other weights."""
    plain = copy.copy(run)
    plain.bundle, plain.task = replace(run.bundle, calibration=None), task_named(run.bundle.task)
    return plain


def _mixed(kitchen: Kitchen, runs: Sequence[Run], best: dict[str, float], *, greedy: bool) -> tuple[list[Run], Run]:
    """The runs that are taken, best first, and one of their mean weights."""
    if not greedy:
        return list(runs), kitchen.mean(runs)
    taken, soup_so_far, task = [runs[0]], copy.copy(runs[0]), runs[0].task
    for run in runs[1:]:
        candidate = kitchen.mean([*taken, run])
        found = kitchen.tried(f"with {run.path}", candidate)
        if task.merit(found) >= task.merit(best):
            taken, soup_so_far, best = [*taken, run], candidate, found
    return taken, soup_so_far


class Kitchen:
    """What mixes and tries: the first run, whose network takes mean weights, and the pictures."""

    def __init__(self, first: Run, dataset: Dataset, bar: Bar) -> None:
        self.first, self.dataset, self.bar = first, dataset, bar
        self.unreadable: list[DecodeError] = []
        self.pictures: Tensor | None = None

    def mean(self, runs: Sequence[Run]) -> Run:
        """A run of the mean weights, with statistics of its own where those of the runs differ."""
        tensors = [run.network.state_dict() for run in runs]
        other = copy.copy(self.first)
        for name in CACHED:
            vars(other).pop(name, None)
        other.bundle = replace(other.bundle, network=copy.deepcopy(other.network))
        other.network.load_state_dict(mean_of(tensors))
        statistics = statistics_of(other.network)
        if any(not torch.equal(tensors[0][name], each[name]) for each in tensors for name in statistics):
            if self.pictures is None:
                self.pictures = some_pictures(self.dataset, other.preprocess)
            estimate_anew(other.network, self.pictures, other.preprocess, other.runtime)
        return other

    def tried(self, title: object, run: Run) -> dict[str, float]:
        """The figures of a run on the validation pictures."""
        return self.measured(title, run).figures()

    def measured(self, title: object, run: Run) -> Metric:
        """What the task's metric counted on the validation pictures."""
        with self.bar(f"{title}, {CHOSEN_ON}") as progress:
            pictures = members(self.dataset, split_to_evaluate(self.dataset, CHOSEN_ON))
            return run.measure(run.task, self.dataset, pictures, {}, progress, self.unreadable)

    def evaluated(self, run: Run, split: str) -> Result:
        """What a run comes to on a split."""
        with self.bar(f"{run.path}, {split}") as progress:
            found: Result = run.evaluate(self.dataset, split, progress, self.unreadable)
        return found


def mean_of(tensors: Sequence[Tensors]) -> Tensors:
    """The mean of tensors of the same names, in their own types; whole numbers, which count, are those of the first.

    >>> mean_of([{"weight": torch.tensor([0.0, 2.0])}, {"weight": torch.tensor([1.0, 4.0])}])
    {'weight': tensor([0.5000, 3.0000])}
    """
    return {
        name: torch.stack([each[name].double() for each in tensors]).mean(0).to(first.dtype)
        if first.is_floating_point()
        else first
        for name, first in tensors[0].items()
    }


def require_one_beginning(runs: Sequence[Run]) -> None:
    """Raise StriateError unless runs are two or more that differ in their training alone.

    They began alike where their recipe names the same weights, or none, and their seed, which drew them, is the same.
    """
    if len(runs) < 2:
        raise StriateError("the weights of one run are their mean already; give two runs or more")
    first = runs[0]
    for run in runs[1:]:
        for what, found in _told(run).items():
            if found != _told(first)[what]:
                raise StriateError(
                    f"{first.path} and {run.path} have {what} of their own, so the mean of their weights means "
                    "nothing; average their answers: striate evaluate RUN RUN DATA"
                )


def _told(run: Run) -> dict[str, object]:
    """What runs whose weights are averaged have in common."""
    if not (run.path / RECIPE).is_file() or not (run.path / MANIFEST).is_file():
        raise StriateError(f"{run.path} is no run folder, so nothing says which weights it began with")
    recipe = run.recipe
    began = recipe.get("recipe", {}).get("weights")
    return {
        "an architecture": (run.task_name, run.network.label),
        "classes": run.classes,
        "a preprocessing": run.preprocess,
        "pictures or splits": (run.path / MANIFEST).read_bytes(),
        "a beginning": ("weights", began) if began is not None else ("seed", recipe.get("seed")),
    }


def _write(output: Path, run: Run, ingredients: Sequence[Ingredient], split: str, result: Result) -> None:
    first, task = ingredients[0].run, run.task
    stated = task.figures[0].stated
    measured = result.to_dict()[stated]
    mixed = [{"run": str(each.run.path), "sha256": each.run.sha256} for each in ingredients if each.taken]
    with new_folder(output) as folder:
        save_weights(folder, run.network)
        metrics = {f"{split}_{stated}": measured, f"{split}_{stated}_interval": list(result.interval)}
        fixed = task.name, run.bundle.preprocess, run.bundle.thresholds
        save_config(folder, run.network, run.classes, metrics, *fixed)
        write_bytes(folder / MANIFEST, (first.path / MANIFEST).read_bytes())
        write_json(folder / EVALUATION, {"split": split, **result.to_dict()})
        write_json(folder / RECIPE, {**first.recipe, "soup": mixed})
