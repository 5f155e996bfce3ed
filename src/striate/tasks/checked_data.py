"""Data that is opened for a task, and what a person should know of it before training."""

from __future__ import annotations

from dataclasses import replace

from striate.data.cache import scan
from striate.data.check import DataReport, check_data
from striate.data.dataset import Dataset
from striate.data.in_memory import Data
from striate.data.mask_shifts import about_shifts
from striate.data.scan import Progress
from striate.data.sources import open_data
from striate.tasks import require_targets, task_named


def opened_and_checked(
    data: Data,
    split_seed: int,
    progress: Progress | None,
    *,
    val: Data | None,
    test: Data | None,
    ignore_class: str | None,
    task: str | None,
) -> tuple[Dataset, DataReport]:
    """What `striate.check` checks and what it reports, for whoever has more to ask of the same data."""
    asked = None if task is None else task_named(task).needs
    dataset = open_data(data, split_seed, progress, val=val, test=test, ignored=ignore_class, task=asked)
    if task is not None:
        require_targets(dataset, task_named(task))
    report = check_data(dataset, scan(dataset, progress))
    return dataset, replace(report, warnings=[*report.warnings, *about_shifts(dataset)]).for_the_reader()
