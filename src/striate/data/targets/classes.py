"""One class for each picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.data.geometry import Geometry
from striate.data.targets import BatchTargets, Indices

CLASSIFICATION = "classification"


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

    def take(self, indices: Indices) -> ClassBatch:
        """The classes of some pictures."""
        return ClassBatch(torch.from_numpy(self.labels[indices]))

    def text(self, index: int) -> str:
        """The name of a picture's class."""
        return str(self.names[self.labels[index]])

    def content(self, indices: Indices) -> bytes:
        """Class numbers, for a hash."""
        return self.labels[indices].tobytes()

    @property
    def described(self) -> str:
        """How many classes."""
        return f"{len(self.names)} classes"
