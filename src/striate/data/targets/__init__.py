"""What is known of pictures: of each kind one file; here is what all of them can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.geometry import Geometry

Indices = npt.NDArray[np.int64]
Sizes = npt.NDArray[np.int32]
"""Height and width in pixels, (N, 2)."""


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
    """What the targets of a data set say of it: why nothing can be learned from it, and what a person should know.

    remarks: what is no warning.
    """

    problems: list[str]
    warnings: list[str]
    remarks: tuple[str, ...] = ()


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

    def at(self, preprocess: Preprocess) -> Self:
        """The same, to be taken at the working size of a network."""

    def take(self, indices: Indices) -> BatchTargets:
        """Those of some pictures."""

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> Self:
        """The same among other names. numbers: of each of the own ones there."""

    def joined(self, others: Sequence[Self]) -> Self:
        """Those of further pictures behind these; all have the same names. Raises StriateError where that cannot be."""

    def listed(self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str) -> Self:
        """Those of the pictures of a list, which a run was begun with.

        texts: of each picture, as `text` gave it. names: as the run numbered them; None: an earlier version did not
        write them down. places: where pictures of the name of each are here. file: the list, for messages.
        Raises StriateError for a list that is damaged, and where what is known of a picture has changed.
        """

    def text(self, index: int) -> str:
        """That of one picture as data.tsv has it."""

    def counts(self, indices: Indices) -> list[int]:
        """How much of each name there is in some pictures."""

    @property
    def counted(self) -> str:
        """What `counts` counts, such as "pictures"."""

    def review(self, source: str, splits: Mapping[str, Indices], sizes_px: Sizes | None = None) -> Review:
        """Judge the splits of a data set, train among them.

        source: what sentences call it. sizes_px: of the pictures, as shown, where they have been decoded; 0 of one that
        cannot be.
        """

    def content(self, indices: Indices) -> bytes:
        """Those of some pictures, for a hash."""

    @property
    def described(self) -> str:
        """What there is to learn, in two words."""
