"""What a network is asked: each task is a record of functions, in a folder of its own."""

from __future__ import annotations

from striate.core.errors import unknown_name
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.task import Task

TASKS: dict[str, Task] = {CLASSIFICATION.name: CLASSIFICATION}


def task_named(name: str) -> Task:
    """A task by its name. Raises StriateError, with the nearest name, for one that there is not.

    >>> task_named("classification").figures[0].title
    'accuracy'
    """
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return TASKS[name]
