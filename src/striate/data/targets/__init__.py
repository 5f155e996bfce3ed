"""What is known of pictures: of each kind one file; here is what all of them can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from striate.data.geometry import Geometry

Indices = npt.NDArray[np.int64]


class BatchTargets(Protocol):
    """What is known of the pictures of one batch; it goes where they go."""

    def __len__(self) -> int:
        """Pictures in the batch."""

    def __getitem__(self, rows: slice) -> Self:
        """Those of a part of the batch."""

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """All tensors moved as one is, to another device or into pinned memory."""

    def moved(self, geometry: Geometry) -> Self:
        """As they are after the pixels were moved."""

    @property
    def plain(self) -> Any:
        """As a loop of a person's own takes them: tensors."""


class Review(NamedTuple):
    """What the targets of a data set say of it: why nothing can be learned from it, and what a person should know."""

    problems: list[str]
    warnings: list[str]


class Targets(Protocol):
    """What is known of every picture of a data set.

    task: the name of the task that learns it. names: of classes or words, in the order of the network's outputs.
    strata: int64 (N,), what splits are stratified by; None: nothing.
    """

    @property
    def task(self) -> str:
        """See above."""

    @property
    def names(self) -> tuple[str, ...]:
        """See above."""

    @property
    def strata(self) -> Indices | None:
        """See above."""

    def __len__(self) -> int:
        """Pictures."""

    def take(self, indices: Indices) -> BatchTargets:
        """Those of some pictures."""

    def text(self, index: int) -> str:
        """That of one picture as data.tsv has it."""

    def counts(self, indices: Indices) -> list[int]:
        """How much of each name there is in some pictures."""

    def review(self, source: str, splits: Mapping[str, Indices]) -> Review:
        """Judge the splits of a data set, train among them; source: what sentences call it."""

    def content(self, indices: Indices) -> bytes:
        """Those of some pictures, for a hash."""

    @property
    def described(self) -> str:
        """What there is to learn, in two words."""
