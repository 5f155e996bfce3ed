"""What a network is asked: each task is a record of functions, in a folder of its own."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from striate.core.errors import StriateError, unknown_name
from striate.data.dataset import Dataset
from striate.tasks.task import Task


class _Tasks(Mapping[str, Task]):
    """The tasks by name, in the order of what they ask; each is imported when it is asked for."""

    def __getitem__(self, name: str) -> Task:
        if name not in NAMES:
            raise KeyError(name)
        task: Task = getattr(importlib.import_module(f"striate.tasks.{name}"), name.upper())
        return task

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


NAMES = ("classification", "localisation", "segmentation", "detection", "instances")
TASKS = _Tasks()


def task_named(name: str) -> Task:
    """A task by its name. Raises StriateError, with the nearest name, for one that there is not.

    >>> task_named("classification").figures[0].title
    'accuracy'
    """
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return TASKS[name]


def require_targets(dataset: Dataset, task: Task) -> None:
    """Raise StriateError where what is known of pictures is of another kind than a task needs."""
    if dataset.targets.task != task.needs:
        raise StriateError(
            f"{dataset.source} has {dataset.targets.described}, which are for {dataset.targets.task}, and this is "
            f"{task.name}; give pictures with {task_named(task.needs).learns_from}"
        )
