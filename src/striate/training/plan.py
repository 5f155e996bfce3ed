"""What a person asked for, what follows from it, and how both are written down so that a run can be repeated."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.own_code import OwnCode
from striate.core.records import Preprocess
from striate.data.check import DataReport
from striate.data.dataset import Dataset
from striate.data.folds import Fold
from striate.data.in_memory import Given, InMemory, in_a_call, kind_of, source_of
from striate.data.joined import JoinedPictures
from striate.data.manifest import MANIFEST, write_manifest
from striate.data.scan import Scan
from striate.data.tiled import TiledPictures
from striate.models import Model
from striate.runtime.machine import describe_machine
from striate.runtime.runtime import Runtime
from striate.tasks import task_named
from striate.tasks.task import Task
from striate.training.budget.record import Budget
from striate.training.continued import Continued
from striate.training.folder.begun import read_begun
from striate.training.folder.layout import RECIPE
from striate.training.own import stated
from striate.training.recipe import Recipe
from striate.training.speed.options import RuntimeOptions

ROWS_AT_ONCE = 65_536
CUSTOM, BASIS = "custom", "default"  # what a record of the caller's own is called, and the recipe it is told by


@dataclass(frozen=True)
class Plan:
    """What decides a run. continued: where it went on after it was finished.

    source: the data as the person named it. recipe: to train by. changed: what it has otherwise than that of its name;
    a record of the caller's own is CUSTOM, told by what it has otherwise than BASIS. options: how it should run on the
    machine. in_memory: the data itself, where that is not on the disk. task: None for that of the data. code: of a
    person's own, by the field that names it. elsewhere: the data of "val" and "test", where these lie elsewhere.
    of_small: gives the plan that takes its place where the pictures are small, before anything is written down.
    budget: the time that it may take, which then decides the number of epochs. fold: which of several tests.
    """

    source: str
    recipe_name: str
    recipe: Recipe
    changed: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    in_memory: InMemory | None = None
    task: str | None = None
    code: Mapping[str, OwnCode] = field(default_factory=dict)
    continued: tuple[Continued, ...] = ()
    elsewhere: Mapping[str, Given] = field(default_factory=dict)
    of_small: Callable[[], Plan] | None = None
    budget: Budget | None = None
    fold: Fold | None = None

    @property
    def model(self) -> Model:
        """The network to train, by its name in the zoo or as code of a person's own."""
        return self.code.get("model", self.recipe.model)

    @property
    def named_by(self) -> str:
        """What a new folder is named by: the network, or the recipe where the pictures decide which network."""
        return self.recipe.model if self.of_small is None else self.recipe_name

    def task_of(self, dataset: Dataset) -> Task:
        """What the network learns of the pictures. Raises StriateError for a task that there is not."""
        return task_named(self.task or dataset.targets.task)

    @property
    def learns_from(self) -> str | None:
        """The task whose targets are needed, where the data does not decide. Raises StriateError as `task_of`."""
        return None if self.task is None else task_named(self.task).needs

    @property
    def _given_in_memory(self) -> bool:
        return self.in_memory is not None or not all(isinstance(data, str) for data in self.elsewhere.values())

    def command(self, folder: Path, runtime: Runtime) -> str:
        """What repeats the run into another folder, with the settings that it ran in: a command line, or of pictures
        that are in memory and code that no name finds a call of Python's, with ... in the place of the latter.
        """
        options = replace(RuntimeOptions.exactly(runtime), device=self.options.device)
        named = BASIS if self.recipe_name == CUSTOM else self.recipe_name
        parts = ["striate", "train", self.source]
        parts += [word for split, data in self.elsewhere.items() for word in (f"--{split}", source_of(data))]
        parts += ["--recipe", named]
        parts += [] if self.task is None else ["--task", self.task]
        again = f"{folder if self.fold is None else folder.parent}-again"  # a fold is repeated among the others
        acting = {n: v for n, v in self.changed.items() if self.recipe.needed_by(n) is None}
        nameless = {name for name, code in self.code.items() if not code.written.reachable}
        if nameless or self._given_in_memory:
            task = {} if self.task is None else {"task": self.task}
            given = {"recipe": named, **task, **acting, "seed": self.seed, **options.settled()}
            given |= {} if self.budget is None else {"budget": self.budget.text}
            given |= {} if self.fold is None else {"folds": self.fold.of}
            given["run"] = again
            main = repr(self.source) if self.in_memory is None else in_a_call(self.source)
            others = (
                f"{s}={repr(d) if isinstance(d, str) else in_a_call(kind_of(d), s)}" for s, d in self.elsewhere.items()
            )
            words = (f"{name}={'...' if name in nameless else repr(value)}" for name, value in given.items())
            return f"striate.train({', '.join([main, *others, *words])})"
        for name, value in acting.items():
            between = "x" if name == "size_px" else ","
            text = between.join(map(str, value)) if isinstance(value, tuple) else str(value)
            own = value is not None and name in ("model", "epochs", "weights")
            parts += [f"--{name}", text] if own else ["--set", f"{name}={text}"]
        parts += [] if self.budget is None else ["--budget", self.budget.text]
        parts += [] if self.fold is None else ["--folds", str(self.fold.of)]
        parts += ["--seed", str(self.seed), *options.flags(), "--run", again]
        return shlex.join(parts)


def data_fingerprint(dataset: Dataset, scan: Scan) -> str:
    """A hash of names, splits, targets and pixels: the same for the same pictures on every machine."""
    digest = hashlib.blake2b("\0".join(dataset.targets.names).encode("utf-8", "surrogateescape"), digest_size=16)
    for split, indices in sorted(dataset.splits.items()):
        digest.update(split.encode())
        for content in (dataset.targets.content, lambda part: scan.digests[part].tobytes()):
            for part in np.array_split(indices, 1 + len(indices) // ROWS_AT_ONCE):
                digest.update(content(part))
    return digest.hexdigest()


def write_plan(
    folder: Path,
    plan: Plan,
    runtime: Runtime,
    preprocess: Preprocess,
    dataset: Dataset,
    scan: Scan,
    report: DataReport,
) -> None:
    """Write recipe.json and, beside it, the list of pictures."""
    write_manifest(folder / MANIFEST, dataset, scan)
    task, data = plan.task_of(dataset).name, data_record(plan, dataset, scan, report)
    write_json(folder / RECIPE, plan_record(folder, plan, runtime, preprocess, task, data))


def plan_record(
    folder: Path, plan: Plan, runtime: Runtime, preprocess: Preprocess, task: str, data: dict[str, Any]
) -> dict[str, Any]:
    """What recipe.json of a run holds. data: from `data_record`."""
    return {
        "source": plan.source,
        "recipe_name": plan.recipe_name,
        "recipe": plan.recipe.to_dict(),
        "changed": plan.changed,
        "seed": plan.seed,
        "options": asdict(plan.options),
        "command": plan.command(folder, runtime),
        "preprocess": preprocess.to_dict(),
        "machine": describe_machine(runtime),
        "data": data,
        "task": task,
        **({"code": code} if (code := stated(plan.code)) else {}),
        **({"budget": asdict(plan.budget)} if plan.budget else {}),
        **({"fold": asdict(plan.fold)} if plan.fold else {}),
    }


def data_record(plan: Plan, dataset: Dataset, scan: Scan, report: DataReport) -> dict[str, Any]:
    """What recipe.json says of the pictures."""
    return {
        "source": source_of(plan.in_memory) if plan.in_memory is not None else _whole(plan.source),
        "split_rule": dataset.split_rule,
        "counts": report.counts,
        "counted": report.counted,
        "warnings": report.warnings,
        "left_out": [each.to_dict() for each in report.left_out],
        "notes": list(report.notes),
        "fingerprint": data_fingerprint(dataset, scan),
        "manifest": MANIFEST,
        "classes": list(dataset.targets.names),
        "elsewhere": _elsewhere(plan, dataset),
    }


def _whole(source: str) -> str:
    """The data's name, a path as a whole one."""
    return str(Path(source).resolve()) if Path(source).exists() else source


def _elsewhere(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    """Where the splits elsewhere lie, and how many of the pictures at the end of the list are theirs."""
    pictures = dataset.pictures.whole if isinstance(dataset.pictures, TiledPictures) else dataset.pictures
    sizes = pictures.sizes_elsewhere if isinstance(pictures, JoinedPictures) else {}
    whole = {
        split: _whole(data) if isinstance(data, str) else source_of(data) for split, data in plan.elsewhere.items()
    }
    return {split: {"source": source, "pictures": sizes[split]} for split, source in whole.items()}


def read_plan(folder: Path) -> tuple[Plan, dict[str, Any]]:
    """The plan of a run folder, and all of recipe.json. Raises StriateError when it is damaged, and for a soup."""
    begun, record = read_begun(folder)
    if "soup" in record:
        raise StriateError(
            f"{folder} is a soup, the mean of the weights of other runs, which no training goes on with; train another "
            f"run that begins with it: --weights {folder}"
        )
    elsewhere = {split: each.source for split, each in begun.data.elsewhere.items()}
    also: dict[str, Any] = {"task": begun.task, "continued": begun.continued, "elsewhere": elsewhere}
    also |= {"budget": begun.budget, "fold": begun.fold}
    return Plan(begun.source, begun.recipe_name, begun.recipe, {}, begun.seed, begun.options, **also), record
