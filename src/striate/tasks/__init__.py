"""What a network is asked: each task is a record of functions, in a folder of its own."""

from __future__ import annotations

from striate.core.errors import StriateError, unknown_name
from striate.data.dataset import Dataset
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.detection import DETECTION
from striate.tasks.instances import INSTANCES
from striate.tasks.localisation import LOCALISATION
from striate.tasks.segmentation import SEGMENTATION
from striate.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task for task in (CLASSIFICATION, LOCALISATION, SEGMENTATION, DETECTION, INSTANCES)
}


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
