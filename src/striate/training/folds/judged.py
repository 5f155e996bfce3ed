"""One report over all folds: what each network says of the pictures of its own fold, counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode
from striate.data.dataset import Dataset
from striate.data.in_memory import Given
from striate.data.targets import Indices
from striate.data.tiled import whole_pictures
from striate.deploy.run import Run
from striate.ops.threads import torch_threads
from striate.report.folds import FoldRow, FoldsFacts, write_folds
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import as_current
from striate.tasks.task import Metric, Task
from striate.training.finish import tested
from striate.training.folder.layout import STATE
from striate.training.folder.state import newest_step
from striate.training.folds.result import FoldResult, FoldsResult
from striate.training.monitor.reporter import Reporter
from striate.training.plan import read_plan
from striate.training.planning.planning import nothing_logged
from striate.training.reopen import Going, reopen
from striate.training.run import the_same_device


@dataclass(frozen=True)
class Judged:
    """A fold as its own network answers it. pictures: the data set, and the numbers that were judged."""

    run: Run
    task: Task
    metric: Metric
    pictures: tuple[Dataset, Indices]

    @property
    def told(self) -> FoldResult:
        """What it came to."""
        found = self.metric.result()
        figures = {figure.stated: value for figure, value in self.task.measured(found)}
        known = self.run.metrics
        return FoldResult(str(self.run.path), found.total, figures, found.interval, known["epoch"], known["seconds"])


def judged(
    folder: Path,
    paths: Sequence[Path],
    code: Mapping[str, OwnCode],
    places: Mapping[str, Given],
    cache_gb: float,
    reporter: Reporter,
) -> FoldsResult:
    """Write folds.json and the page of runs, one for each fold, that are finished. places: as of `run.resume`."""
    each = [_judged(path, code, places, cache_gb, reporter) for path in paths]
    first = each[0]
    task, total = first.task, first.task.metric(first.run.classes)
    for one in each:
        total.merge(one.metric)
    found, dataset = total.result(), first.pictures[0]
    numbers = np.concatenate([one.pictures[1] for one in each])
    if len(np.unique(numbers)) != len(numbers):
        raise StriateError(f"the folds in {folder} share pictures, so they are not of one data; choose another --run")
    record = first.run.recipe
    result = FoldsResult(
        folder=str(folder),
        data=record["source"],
        model=first.run.network.label,
        task=task.name,
        pictures=found.total,
        interval=found.interval,
        folds=tuple(one.told for one in each),
        evaluation=found.to_dict(),
    )
    result.write()
    examples = task.examples(found, dataset, numbers, first.run.preprocess.white)
    rows = tuple(
        FoldRow(Path(one.run).name, one.pictures, one.figures, one.interval, one.seconds) for one in result.folds
    )
    titles = folder.name, result.model, result.data
    facts = FoldsFacts(*titles, task, found, examples, rows, result.deviation, record["command"])
    write_folds(Path(result.page), facts)
    return result


def _judged(
    path: Path, code: Mapping[str, OwnCode], places: Mapping[str, Given], cache_gb: float, reporter: Reporter
) -> Judged:
    """The pictures of a fold answered again by its best weights, as its own test did, to the same bits."""
    plan, record = read_plan(path)
    plan = replace(plan, code=code)
    others = {split: place for split, place in places.items() if split != "data"}
    with as_current(the_same_device(path, plan, record)), keep_freed_memory():
        with nothing_logged():  # of a head that starts fresh: the kept weights have another
            prepared = reopen(plan, Going(path, record, places.get("data"), elsewhere=others), cache_gb, reporter)
        job = prepared.job(path, reporter)
        with torch_threads(job.runtime.threads):
            at = job, prepared.dataset, prepared.working, prepared.unreadable
            run, metric, thresholds = tested(*at, "test", newest_step(path / STATE))
    numbers = prepared.unreadable.without(prepared.dataset.splits["test"])
    return Judged(run, job.task.at(thresholds), metric, whole_pictures(prepared.dataset, numbers))
