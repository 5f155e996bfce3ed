"""One class for each picture."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.geometry import Geometry
from striate.data.targets import BatchTargets, Indices, Review, Sizes

FEW_PICTURES = 10
IMBALANCE_RATIO = 20
NAMED = 3  # examples in a sentence


@dataclass(frozen=True, eq=False)
class ClassBatch:
    """The classes of a batch. labels: int64 (N,), or of mixed pictures probabilities, float32 (N, classes)."""

    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.labels[rows])

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same where `move` brings them."""
        return type(self)(move(self.labels))

    def moved(self, geometry: Geometry) -> Self:
        """The same: a picture shows what it shows, wherever it is cut."""
        return self

    @property
    def plain(self) -> Tensor:
        """The labels."""
        return self.labels


def labels_of(targets: BatchTargets) -> Tensor:
    """The class numbers of a batch, int64 (N,). Raises StriateError where it has none."""
    if not isinstance(targets, ClassBatch):
        raise StriateError("this needs pictures with one class each")
    return targets.labels


@dataclass(frozen=True, eq=False)
class ClassTargets:
    """Class numbers, int64 (N,), and the names of the classes.

    >>> import numpy as np
    >>> targets = ClassTargets(np.array([0, 1, 1]), ("ant", "bee"))
    >>> targets.take(np.array([2, 0])).labels.tolist(), targets.text(2)
    ([1, 0], 'bee')
    """

    labels: Indices
    names: tuple[str, ...]
    task: str = CLASSIFICATION

    @property
    def strata(self) -> Indices:
        """The classes: each split gets its share of every one."""
        return self.labels

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, preprocess: Preprocess) -> ClassTargets:
        """The same: a class has no size."""
        return self

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> ClassTargets:
        """The same classes among other names."""
        return ClassTargets(numbers[self.labels], names)

    def joined(self, others: Sequence[ClassTargets]) -> ClassTargets:
        """Those of further pictures behind these."""
        return ClassTargets(np.concatenate([self.labels, *(other.labels for other in others)]), self.names)

    def listed(
        self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str
    ) -> ClassTargets:
        """The classes that a list says. Without `names` their order is that here, or of the alphabet."""
        number: dict[str, int] = {}
        labels = array("q", (number.setdefault(text, len(number)) for text in texts))
        if names is None:
            names = self.names if set(self.names) == set(number) else sorted(number)
        numbers, unknown = numbers_among(list(number), names)
        if unknown:
            raise StriateError(f"{file} is damaged: it has a class {min(unknown)!r} that the run was not begun with")
        return ClassTargets(numbers[np.frombuffer(labels, np.int64)], tuple(names))

    def take(self, indices: Indices) -> ClassBatch:
        """The classes of some pictures."""
        return ClassBatch(torch.from_numpy(self.labels[indices]))

    def text(self, index: int) -> str:
        """The name of a picture's class."""
        return str(self.names[self.labels[index]])

    def counts(self, indices: Indices) -> list[int]:
        """Pictures of each class."""
        counted_here: list[int] = np.bincount(self.labels[indices], minlength=len(self.names)).tolist()
        return counted_here

    @property
    def counted(self) -> str:
        """Pictures."""
        return "pictures"

    def review(self, source: str, splits: Mapping[str, Indices], sizes_px: Sizes | None = None) -> Review:
        """Whether every class can be learned, and whether they are enough, and evenly many."""
        counts = {split: self.counts(indices) for split, indices in splits.items()}
        return Review(
            untrainable(source, self.names, counts),
            [*unequal(self.names, counts, advice=BALANCING), *nearly_equal(self.names)],
        )

    def content(self, indices: Indices) -> bytes:
        """Class numbers, for a hash."""
        return self.labels[indices].tobytes()

    @property
    def described(self) -> str:
        """How many classes."""
        return f"{len(self.names)} classes"


def numbers_among(names: Sequence[str], classes: Sequence[str]) -> tuple[Indices, list[str]]:
    """The numbers that names have among classes, -1 where they have none, and the names that have none.

    >>> numbers_among(["bee", "fly"], ["ant", "bee"])
    (array([ 1, -1]), ['fly'])
    """
    number = {name: place for place, name in enumerate(classes)}
    numbers = np.array([number.get(name, -1) for name in names], np.int64)
    return numbers, [name for name in names if name not in number]


BALANCING = "; --balance sampler shows every class equally often"


def untrainable(source: str, classes: tuple[str, ...], counts: dict[str, list[int]]) -> list[str]:
    """Why a classifier cannot be trained. counts: pictures per class by split."""
    if len(classes) < 2:
        return [
            f"{source} holds one class only ({classes[0]!r}); a classifier needs two or more, "
            "each with its own sub-folder or label"
        ]
    empty = [number for number, count in enumerate(counts["train"]) if count == 0]
    if not empty:
        return []
    elsewhere = [split for split, of_class in counts.items() if any(of_class[number] for number in empty)]
    others = f" (there are some in {' and '.join(elsewhere)})" if elsewhere else ""
    return [
        f"{source}: {some([classes[number] for number in empty], 'class')} without a readable picture to train on"
        f"{others}; add pictures or remove the class"
    ]


def unequal(
    classes: tuple[str, ...], counts: dict[str, list[int]], what: str = "pictures", advice: str = ""
) -> list[str]:
    """Warnings of classes with few pictures, or what else is counted, and of some with many times as many as others.

    advice: what the latter may do about it.
    """
    warnings = []
    totals = np.sum(list(counts.values()), axis=0)
    few = [f"{c} ({n})" for c, n in zip(classes, totals.tolist(), strict=True) if 0 < n < FEW_PICTURES]
    if few:
        warnings.append(f"{some(few, 'class')} with fewer than {FEW_PICTURES} {what}")
    train = np.array(counts["train"])
    if train.min() > 0 and train.max() > IMBALANCE_RATIO * train.min():
        largest, smallest = classes[int(train.argmax())], classes[int(train.argmin())]
        warnings.append(
            f"classes are unbalanced: {largest} has {train.max()} training {what}, {smallest} {train.min()} "
            f"(1 to {train.max() / train.min():.0f}); look at the accuracy per class, not only at the total{advice}"
        )
    return warnings


def nearly_equal(classes: Sequence[str], noun: str = "class") -> list[str]:
    """A warning of classes whose names differ by nothing that is heard."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        groups["".join(name.split()).casefold()].append(name)
    return [
        f"{' and '.join(map(repr, names))} are {counted(len(names), noun)}, though their names differ by case or "
        f"spaces only; give them one name if they are one {noun}"
        for names in groups.values()
        if len(names) > 1
    ]


def some(names: list[str], noun: str) -> str:
    """How many there are and the first of them.

    >>> some(["ant", "bee"], "class")
    '2 classes (ant, bee)'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{counted(len(names), noun)} ({', '.join(names[:NAMED])}{more})"
