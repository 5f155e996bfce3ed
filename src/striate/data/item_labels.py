"""The classes of items as they come one by one: whole numbers or texts, and what a Dataset calls its classes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.values import shown
from striate.data.arrays import SEVERAL, several_of
from striate.data.targets import Indices, Targets
from striate.data.targets.classes import ClassTargets
from striate.data.targets.labels import LabelTargets

DEEPEST = 8  # subsets of subsets that are looked through for the names of classes


class Labels:
    """Labels in the order of their items, all whole numbers, all texts or all lists of these; the first decides.

    kind: what errors call the items.

    >>> labels = Labels("dataset")
    >>> for number in (3, 1, 3):
    ...     labels.add(np.int64(number), "dataset[0]")
    >>> labels.numbered(None)
    (array([1, 0, 1]), ('1', '3'))
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._type: type | None = None
        self._numbers = array("q")  # labels that are numbers, or places in `_texts`
        self._texts: dict[str, int] = {}
        self._several: list[tuple[str, ...]] = []

    def add(self, label: Any, name: str) -> None:
        """Take the label of the next item. Raises StriateError, with its name, for one that is no class."""
        if self._several or (self._type is None and isinstance(label, SEVERAL)):
            self._several.append(several_of(label, name))
            return
        plain = _plain(label)
        if not isinstance(plain, int | str) or isinstance(plain, bool) or plain == "":
            raise StriateError(f"the class of {name} must be a whole number or a text, got {shown(label)}")
        if self._type is None:
            self._type = type(plain)
        elif type(plain) is not self._type:
            others = "whole numbers" if self._type is int else "texts"
            raise StriateError(f"the class of {name} is {shown(label)}, those before it are {others}; give all alike")
        number = plain if isinstance(plain, int) else self._texts.setdefault(plain, len(self._texts))
        try:
            self._numbers.append(number)
        except OverflowError:
            raise StriateError(f"the class of {name} is {plain}, too large for the number of a class") from None

    def targets(self, names: Sequence[str] | None) -> Targets:
        """What is known of the items: one class each, or any number of labels. names: as in `numbered`."""
        return LabelTargets.of(self._several) if self._several else ClassTargets(*self.numbered(names))

    def numbered(self, names: Sequence[str] | None) -> tuple[Indices, tuple[str, ...]]:
        """Class numbers (N,) from 0, and the names of the classes that occur, in the order of numbers or texts.

        names: of whole numbers as labels; None: they are called by themselves. Raises StriateError for a number
        without a name.
        """
        labels = np.frombuffer(self._numbers, np.int64)
        if self._type is str:
            texts = list(self._texts)
            places = np.argsort(np.argsort(np.array(texts, dtype=object)))
            return places[labels].astype(np.int64), tuple(sorted(texts))
        if names is not None and len(wrong := np.flatnonzero((labels < 0) | (labels >= len(names)))):
            raise StriateError(
                f"the class of {self._kind}[{wrong[0]}] is {labels[wrong[0]]}, but its classes has {len(names)} names, "
                f"0 to {len(names) - 1}"
            )
        numbers, classes = np.unique(labels, return_inverse=True)
        return classes.astype(np.int64), tuple(str(n) if names is None else names[n] for n in numbers.tolist())


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """What a Dataset, or the one that it is a part of, calls its classes; None where nothing says so.

    >>> class Animals:
    ...     classes = ["cat", ("dog", "hound")]
    >>> class_names(Animals())
    ('cat', 'dog, hound')
    """
    return _class_names(dataset, DEEPEST)


def _class_names(dataset: Any, depth: int) -> tuple[str, ...] | None:
    named = getattr(dataset, "classes", None)
    if isinstance(named, list | tuple) and named:
        names = tuple(", ".join(map(str, name)) if isinstance(name, list | tuple) else str(name) for name in named)
        return names if len(set(names)) == len(names) and all(names) else None
    if not depth:
        return None
    inner = getattr(dataset, "dataset", None)  # of torch's Subset
    if inner is not None:
        return _class_names(inner, depth - 1)
    parts = getattr(dataset, "datasets", None)  # of torch's ConcatDataset
    if not isinstance(parts, list | tuple) or not parts:
        return None
    of_parts = {_class_names(part, depth - 1) for part in parts}
    return of_parts.pop() if len(of_parts) == 1 else None


def _plain(label: Any) -> Any:
    """A scalar of numpy or torch, or an array of one number, as Python's own; anything else as it is."""
    if hasattr(label, "item") and hasattr(label, "shape") and tuple(label.shape) in ((), (1,)):
        return label.item()
    return label
