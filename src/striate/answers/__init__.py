"""What a network's numbers tell a person, task by task, from plain arrays: nothing here needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from striate.answers import box_drawing, boxes, classes, detections, instances, labels, masks, overlay
from striate.answers.tiles import Tile
from striate.core.errors import unknown_name

Read = Callable[[Any, tuple[str, ...], Sequence[str], int], list[Any]]
"""What the network gave, as an array or several by name, names, paths, how many answers: an answer for each path."""

READ: dict[str, Read] = {
    classes.CLASSIFICATION: classes.read,
    labels.MULTILABEL: labels.read,
    masks.SEGMENTATION: masks.read,
    boxes.LOCALISATION: boxes.read,
    detections.DETECTION: detections.read,
    instances.INSTANCES: instances.read,
}

Draw = Callable[[Any, Any], Any]
"""An answer and its picture, uint8 (H, W, 1 or 3) of any size: the picture with the answer drawn into it."""

DRAW: dict[str, Draw] = {
    masks.SEGMENTATION: overlay.draw,
    boxes.LOCALISATION: box_drawing.draw,
    detections.DETECTION: detections.draw,
    instances.INSTANCES: instances.draw,
}

Tell = Callable[[Any, int], str]
"""An answer and of how many classes it is to tell: it in words, as a line of a table."""

TOLD: dict[str, Tell] = {
    labels.MULTILABEL: labels.Labelled.told,
    masks.SEGMENTATION: masks.Segmentation.told,
    detections.DETECTION: detections.Detections.told,
    instances.INSTANCES: detections.Detections.told,
}

Cells = Callable[[Any, Callable[[], tuple[int, int]]], dict[str, Any]]
"""An answer and what reads the height and width of its picture, in pixels: its cells, by the columns of a table."""

CELLS: dict[str, Cells] = {
    labels.MULTILABEL: labels.Labelled.cells,
    masks.SEGMENTATION: masks.Segmentation.cells,
    boxes.LOCALISATION: boxes.Localisation.cells,
}


class Table(NamedTuple):
    """How tables have the pictures of a task with several rows each.

    columns: between the path and why there is no answer, the last of them how many rows a picture has, of what has a
    score from `least`. rows: of an answer and what reads the size of its picture: cells of these columns but the last.
    """

    columns: Callable[[float], tuple[str, ...]]
    rows: Callable[[Any, Callable[[], tuple[int, int]]], list[tuple[object, ...]]]
    count: Callable[[Any], int]


_OF_OBJECTS = Table(detections.columns, detections.Detections.rows, detections.Detections.count)
TABLES: dict[str, Table] = {detections.DETECTION: _OF_OBJECTS, instances.INSTANCES: _OF_OBJECTS}

Join = Callable[[str, tuple[int, int], Iterable[tuple[Tile, Any]]], Any]
"""A path, the height and width of its picture, and its tiles with their answers: the answer to all of it."""

JOINED: dict[str, Join] = {masks.SEGMENTATION: masks.joined, detections.DETECTION: detections.joined}


def turned_back(task: str, output: Any) -> Any:
    """What the network gave of mirror images, as it holds for the pictures: places are mirrored with them."""
    return TURNED_BACK[task](output) if task in TURNED_BACK else output


def _mirrored(maps: Any) -> Any:
    return maps[..., ::-1]


TURNED_BACK: dict[str, Callable[[Any], Any]] = {
    masks.SEGMENTATION: _mirrored,
    boxes.LOCALISATION: boxes.turned_back,
}


def reader(task: str, thresholds: tuple[float, ...] = ()) -> Read:
    """How answers of a task are read. thresholds: what decides on them, where a task has such.

    Raises StriateError for a task that is not known.

    >>> reader("classification") is classes.read
    True
    """
    if task not in READ:
        raise unknown_name("task", task, READ)
    read: Any = READ[task]
    return partial(read, thresholds=thresholds) if thresholds else READ[task]
