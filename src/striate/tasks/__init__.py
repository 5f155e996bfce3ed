"""What a network is asked: each task is a record of functions, in a folder of its own."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping

from striate.core.errors import StriateError, unknown_name
from striate.data.dataset import Dataset
from striate.tasks.task import Task

NAMES = ("classification", "multilabel", "localisation", "segmentation", "detection", "instances")


class _Tasks(MutableMapping[str, Task]):
    """The tasks by name, in the order of what they ask; each is imported when it is asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Task | None] = dict.fromkeys(NAMES)

    def __getitem__(self, name: str) -> Task:
        task = self._known[name]
        if task is None:
            task = self._known[name] = getattr(importlib.import_module(f"striate.tasks.{name}"), name.upper())
        return task

    def __setitem__(self, name: str, task: Task) -> None:
        self._known[name] = task

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


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
