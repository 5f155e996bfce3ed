"""The table of a search as it is told line by line, as a lecture prints it (CS231n, "hyperparameter optimization")."""

from __future__ import annotations

from collections.abc import Sequence

from striate.core.units import counted
from striate.tasks.task import Figure
from striate.training.search.space import Range, Space, Values
from striate.training.search.tried import Tried

PRINTED = {"peak_lr": "lr", "weight_decay": "reg", "val_accuracy": "val_acc"}
"""What the lecture calls some of them."""


def legend(space: Space) -> str:
    """What the short names of the table stand for; nothing where there are none.

    >>> legend((Range("peak_lr", 1, 2), Range("momentum", 0, 1)))
    'lr is peak_lr'
    """
    return ", ".join(f"{PRINTED[axis.name]} is {axis.name}" for axis in space if axis.name in PRINTED)


def told_values(space: Space, values: Values) -> str:
    """A point of the space.

    >>> told_values((Range("peak_lr", 1e-6, 1, log=True), Range("batch_size", 1, 9, whole=True)),
    ...     {"peak_lr": 1.405206e-4, "batch_size": 4})
    'lr: 1.405206e-04, batch_size: 4'
    """
    parts = []
    for axis in space:
        value = values[axis.name]
        as_text = f"{value:.6e}" if isinstance(axis, Range) and not axis.whole else str(value)
        parts.append(f"{PRINTED.get(axis.name, axis.name)}: {as_text}")
    return ", ".join(parts)


def line_of(tried: Tried, space: Space, figure: Figure, of: str, *, best: bool) -> str:
    """A line of the table. of: how many trials there will be. best: of all so far that came as far."""
    name = f"val_{figure.key}"
    values = told_values(space, tried.values)
    place = f"({tried.number + 1} / {of})"
    if tried.figure is None:
        return f"{PRINTED.get(name, name)}: -, {values}, {place}  {tried.why}"
    epochs = f"  {counted(tried.epochs, 'epoch')}" if len(tried.figures) > 1 else ""
    return f"{PRINTED.get(name, name)}: {tried.figure:.6f}, {values}, {place}{epochs}{'  *' if best else ''}"


def is_best(tried: Tried, others: Sequence[Tried], higher_is_better: bool) -> bool:
    """Whether no other trial reached more after as many epochs."""
    if tried.figure is None:
        return False
    there = [each.figures[tried.epochs] for each in others if tried.epochs in each.figures]
    return tried.figure == (max if higher_is_better else min)([tried.figure, *there])
