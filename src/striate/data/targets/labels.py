"""Any number of labels for each picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.answers.labels import MULTILABEL, SEPARATOR
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.geometry import Geometry
from striate.data.targets import BatchTargets, Indices, Review, Sizes
from striate.data.targets.classes import FEW_PICTURES, nearly_equal, some

Flags = npt.NDArray[np.bool_]
OTHER_SEPARATORS = ("|", ",", "/", "+", "&")  # that tables have instead


@dataclass(frozen=True, eq=False)
class LabelBatch:
    """The labels of a batch. present: float32 (N, K), 1 for each label that a picture has, else 0."""

    present: Tensor

    def __len__(self) -> int:
        return len(self.present)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.present[rows])

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same where `move` brings them."""
        return type(self)(move(self.present))

    def moved(self, geometry: Geometry) -> Self:
        """The same: a picture shows what it shows, wherever it is cut."""
        return self

    @property
    def plain(self) -> Tensor:
        """The numbers."""
        return self.present


def present_in(targets: BatchTargets) -> Tensor:
    """The labels of a batch, float32 (N, K). Raises StriateError where it has none."""
    if not isinstance(targets, LabelBatch):
        raise StriateError("this needs pictures with any number of labels each")
    return targets.present


@dataclass(frozen=True, eq=False)
class LabelTargets:
    """Which labels each picture has, bool (N, K), and their names.

    >>> targets = LabelTargets(np.array([[True, True], [False, False]]), ("ant", "bee"))
    >>> targets.text(0), targets.text(1), targets.take(np.array([0])).present.tolist()
    ('ant;bee', '', [[1.0, 1.0]])
    """

    present: Flags
    names: tuple[str, ...]
    task: str = MULTILABEL

    @classmethod
    def of(cls, labels: Sequence[Iterable[str]]) -> LabelTargets:
        """Of the labels of each picture, by name; the names are sorted."""
        return cls.among(labels, tuple(sorted(set(chain.from_iterable(labels)))))

    @classmethod
    def among(cls, labels: Sequence[Iterable[str]], names: tuple[str, ...]) -> LabelTargets:
        """The same among names that hold all of them."""
        number = {name: place for place, name in enumerate(names)}
        present = np.zeros((len(labels), len(names)), np.bool_)
        for row, each in zip(present, labels, strict=True):
            row[[number[name] for name in each]] = True
        return cls(present, names)

    @property
    def strata(self) -> Indices:
        """The rarest label of each picture: so each split gets its share of the rare ones. The last: no label."""
        order = np.argsort(self.present.sum(0), kind="stable")
        rarest = self.present[:, order].argmax(1) if len(order) else np.zeros(len(self), np.int64)
        return np.where(self.present.any(1), order[rarest] if len(order) else 0, len(order)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.present)

    def at(self, preprocess: Preprocess) -> LabelTargets:
        """The same: a label has no size."""
        return self

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> LabelTargets:
        """The same labels among other names."""
        present = np.zeros((len(self), len(names)), np.bool_)
        present[:, numbers] = self.present
        return LabelTargets(present, names)

    def joined(self, others: Sequence[LabelTargets]) -> LabelTargets:
        """Those of further pictures behind these."""
        return LabelTargets(np.concatenate([self.present, *(other.present for other in others)]), self.names)

    def listed(
        self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str
    ) -> LabelTargets:
        """The labels that a list says."""
        labels = [text.split(SEPARATOR) if text else [] for text in texts]
        known = tuple(names or self.names)
        if unknown := set(chain.from_iterable(labels)) - set(known):
            raise StriateError(f"{file} is damaged: it has a label {min(unknown)!r} that the run was not begun with")
        return LabelTargets.among(labels, known)

    def take(self, indices: Indices) -> LabelBatch:
        """The labels of some pictures."""
        return LabelBatch(torch.from_numpy(self.present[indices].astype(np.float32)))

    def text(self, index: int) -> str:
        """The labels of a picture, ; between them."""
        return SEPARATOR.join(self.names[number] for number in np.flatnonzero(self.present[index]))

    def counts(self, indices: Indices) -> list[int]:
        """Pictures with each label."""
        found: list[int] = self.present[indices].sum(0).tolist()
        return found

    @property
    def counted(self) -> str:
        """Labels."""
        return "labels"

    def review(self, source: str, splits: Mapping[str, Indices], sizes_px: Sizes | None = None) -> Review:
        """Whether there are several labels to learn, which are rare or everywhere, and how many pictures have none."""
        rows = np.concatenate(list(splits.values()))
        here = self.present[rows]
        if not here.any():
            return Review([f"{source} names no label of any picture; there is nothing to learn"], [])
        problems = [self._one_each(source)] if (here.sum(1) == 1).all() else []
        empty = int((~here.any(1)).sum())
        none = (
            f"{empty:,} of {counted(len(rows), 'picture')} without any label: of these the network learns to name none"
        )
        warnings = [*self._spread(splits), *nearly_equal(self.names, "label")]
        return Review(problems, warnings, (none,) if empty else ())

    def _one_each(self, source: str) -> str:
        """The error for data in which every picture has one label."""
        for mark in OTHER_SEPARATORS:
            if any(mark in name for name in self.names):
                named = next(name for name in self.names if mark in name)
                return (
                    f"{source} has labels such as {named!r}, which {mark} seems to separate; write {SEPARATOR} between "
                    f"the labels of a picture: {named.replace(mark, SEPARATOR)!r}"
                )
        return (
            f"{source} names exactly one label for each picture, which is classification: give a column label without "
            f"--task {MULTILABEL}, or write several with {SEPARATOR} between them, as in 'a{SEPARATOR}b'"
        )

    def _spread(self, splits: Mapping[str, Indices]) -> list[str]:
        """Warnings of labels that a split has nowhere, or everywhere, and of those that few pictures have."""
        warnings, totals = [], np.zeros(len(self.names), np.int64)
        for split, indices in splits.items():
            counts = np.array(self.counts(indices))
            totals += counts
            if len(lacking := self._named(counts == 0)):
                warnings.append(f"{some(lacking, 'label')} that no picture of {split} has")
            if len(indices) and len(everywhere := self._named(counts == len(indices))):
                warnings.append(
                    f"{some(everywhere, 'label')} that every picture of {split} has: nothing tells what it is like "
                    "without"
                )
        few = self._named((totals > 0) & (totals < FEW_PICTURES))
        return [*warnings, *([f"{some(few, 'label')} with fewer than {FEW_PICTURES} pictures"] if few else [])]

    def _named(self, chosen: Flags) -> list[str]:
        return [self.names[number] for number in np.flatnonzero(chosen)]

    def content(self, indices: Indices) -> bytes:
        """The labels, for a hash."""
        return np.ascontiguousarray(self.present[indices]).tobytes()

    @property
    def described(self) -> str:
        """How many labels."""
        return f"{counted(len(self.names), 'label')}, any number of them a picture"


def labels_in(names: list[str], where: str) -> tuple[str, ...]:
    """Names of labels as they are known. Raises StriateError for one that is empty.

    >>> labels_in([" cat", "dog", "cat"], "line 2")
    ('cat', 'dog')
    """
    found = dict.fromkeys(unicodedata.normalize("NFC", name.strip()) for name in names)
    if "" in found:
        raise StriateError(
            f"{where} has a label without a name in {SEPARATOR.join(names)!r}; write the labels with one {SEPARATOR} "
            "between two of them, and nothing for a picture that has none"
        )
    if any(SEPARATOR in name for name in found):
        raise StriateError(
            f"{where} has a label with {SEPARATOR} in its name, which separates labels; call it otherwise"
        )
    return tuple(found)
