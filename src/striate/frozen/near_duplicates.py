"""Pictures of a folder or a dataset that are nearly equal: copies that were compressed, resized, cropped or turned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.core.values import checked
from striate.data.cache import working_pictures
from striate.data.dataset import Dataset
from striate.data.left_out import LeftOut
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.scan import Progress, without_problems
from striate.data.streaming import read_batch, read_batches
from striate.data.wide import white_for
from striate.deploy.any_network import any_network
from striate.deploy.given import Picture, given_pictures
from striate.deploy.run import Run
from striate.frozen.distance import EMBEDDED, measure_of
from striate.models import Model
from striate.runtime.global_state import global_state_kept
from striate.visual.distance import Measure, bounding_vectors
from striate.visual.near import NearPair, groups_of_pairs, near_pairs

if TYPE_CHECKING:
    from typing_extensions import Self

USUAL_THRESHOLD = 0.9
"""Of the packaged network. See benchmarks/distance.md: of copies that were compressed, halved, cropped by 2 % a side or
turned by 2 degrees nearly all are below it, and of different photographs none."""
BATCH_SIZE = 32
EQUAL = 1e-6  # the same pixels at different places of a batch may differ in their last bits


@dataclass(frozen=True, repr=False)
class NearDuplicates(OneScreen):
    """Pairs of nearly equal pictures, nearest first; their places are those of `names`.

    splits, labels: of a dataset, each picture's; () of pictures alone. problems: name and reason of those that could
    not be read. left_out: what lies in the folders and is no picture.
    """

    model: str
    threshold: float
    names: tuple[str, ...]
    pairs: tuple[NearPair, ...]
    splits: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def groups(self) -> list[list[str]]:
        """Names of pictures that hang together by pairs."""
        return [[self.names[place] for place in group] for group in groups_of_pairs(self.pairs, len(self.names))]

    @property
    def leaks(self) -> list[NearPair]:
        """Pairs that stand in two splits."""
        return [pair for pair in self.pairs if self.splits and self.splits[pair.one] != self.splits[pair.other]]

    @property
    def clashes(self) -> list[NearPair]:
        """Pairs of two classes."""
        return [pair for pair in self.pairs if self.labels and self.labels[pair.one] != self.labels[pair.other]]

    @property
    def besides_equal(self) -> NearDuplicates:
        """The same without pairs of equal pictures."""
        return replace(self, pairs=tuple(pair for pair in self.pairs if pair.distance > EQUAL))

    def named(self, pair: NearPair) -> tuple[str, str]:
        """What the two are called, with their splits where there are any."""
        one, other = (
            f"{self.names[place]} ({self.splits[place]})" if self.splits else self.names[place] for place in pair[:2]
        )
        return one, other

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "threshold": self.threshold,
            "pictures": len(self.names),
            "pairs": [self._told(pair) for pair in self.pairs],
            "groups": self.groups,
            "in_several_splits": len(self.leaks),
            "in_several_classes": len(self.clashes),
            "unreadable": [{"name": name, "reason": reason} for name, reason in self.problems],
        }

    def _told(self, pair: NearPair) -> dict[str, Any]:
        told: dict[str, Any] = {"one": self.names[pair.one], "other": self.names[pair.other], "distance": pair.distance}
        for what, of_each in (("splits", self.splits), ("labels", self.labels)):
            if of_each:
                told[what] = [of_each[pair.one], of_each[pair.other]]
        return told

    def __str__(self) -> str:
        """One sentence."""
        where = [
            f"{counted(len(pairs), 'pair')} {what}"
            for pairs, what in (
                (self.leaks, "in two splits, which flatters what is measured on them"),
                (self.clashes, "in two classes"),
            )
            if pairs
        ]
        return (
            f"{counted(len(self.pairs), 'pair')} of nearly equal pictures among {counted(len(self.names), 'picture')} "
            f"(distance of at most {self.threshold:g} by {self.model})" + "".join(f"; {each}" for each in where)
        )

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        nearest = {" = ".join(self.named(pair)): f"{pair.distance:.3f}" for pair in self.pairs[:3]}
        return {"pictures": f"{len(self.names):,}", "pairs": f"{len(self.pairs):,}", **nearest}


@checked
@global_state_kept()
def near_duplicates(
    pictures: Iterable[Picture] | Picture,
    model: Run | str | Path | nn.Module = EMBEDDED,
    *,
    threshold: float | None = None,
    code: Model | None = None,
    layers: Sequence[str] = (),
    weights: str | Path | None = None,
    progress: Progress | None = None,
) -> NearDuplicates:
    """Find the pictures of a folder, or of several things at once, that are nearly equal.

    pictures: as to `Run.predict`. threshold: distances of at most this are near; 0.9 of the packaged network if not
    given, measured in benchmarks/distance.md. model, code, layers, weights: as of `distance`. progress: of the
    pictures, then of the pairs that are looked at closely.
    Raises StriateError for a folder without pictures, fewer than two that can be read, and another network without a
    threshold.
    """
    search = Search.of(model, threshold, code, layers, weights)
    left_out: list[LeftOut] = []
    given = given_pictures(pictures, left_out)
    read: list[int] = []
    problems: list[tuple[str, str]] = []

    def batches() -> Iterator[Tensor]:
        for batch in read_batches(given, search.preprocess):
            problems.extend((given[place].name, error.reason) for place, error in batch.bad.items())
            read.extend(batch.places)
            if progress:
                progress(len(read) + len(problems), len(given))
            if batch.places:
                yield to_batch(batch.pictures)

    def again(places: Sequence[int]) -> Tensor:
        return to_batch(read_batch([given[read[place]] for place in places], search.preprocess).pictures)

    pairs = search.pairs(batches(), again, progress)
    names = tuple(given[place].name for place in read)
    return NearDuplicates(
        search.name, search.threshold, names, pairs, problems=tuple(problems), left_out=tuple(left_out)
    )


@checked
@global_state_kept()
def near_duplicates_of_dataset(dataset: Dataset, progress: Progress | None = None) -> NearDuplicates:
    """The same of the readable pictures of all splits of a dataset, with their splits and classes, by `EMBEDDED`."""
    search = Search.of(EMBEDDED, None)
    preprocess = replace(search.preprocess, white=search.preprocess.white or white_for(dataset, progress))
    working, scan = working_pictures(dataset, preprocess, progress=progress)
    readable = without_problems(dataset, scan)
    split_of = {index: split for split, part in readable.splits.items() for index in part.tolist()}
    indices = np.array(sorted(split_of))

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(indices), BATCH_SIZE):
            part = indices[start : start + BATCH_SIZE]
            yield to_batch(working.take(part))
            if progress:
                progress(start + len(part), len(indices))

    pairs = search.pairs(batches(), lambda places: to_batch(working.take(indices[list(places)])), progress)
    return NearDuplicates(
        search.name,
        search.threshold,
        tuple(dataset.pictures.name(index) for index in indices.tolist()),
        pairs,
        splits=tuple(split_of[index] for index in indices.tolist()),
        labels=tuple(dataset.targets.text(index) for index in indices.tolist()),
        problems=tuple((dataset.pictures.name(index), reason) for index, reason in sorted(scan.problems.items())),
    )


@dataclass(frozen=True, eq=False)
class Search:
    """A distance, how pictures become its images, and up to which distance two are near."""

    name: str
    measure: Measure
    preprocess: Preprocess
    threshold: float

    @classmethod
    def of(
        cls,
        model: Run | str | Path | nn.Module,
        threshold: float | None,
        code: Model | None = None,
        layers: Sequence[str] = (),
        weights: str | Path | None = None,
    ) -> Self:
        """Raises StriateError for another network than the packaged one without a threshold, and for one below 0."""
        opened = any_network(model, code)
        if threshold is None:
            if opened.name != EMBEDDED or layers or weights:
                raise StriateError(
                    f"which distances are near was measured of {EMBEDDED} alone, with its stages and equal weights; "
                    f"give --threshold for {opened.name}: distances of copies and of different pictures say which"
                )
            threshold = USUAL_THRESHOLD
        if not 0 <= threshold < math.inf:
            raise StriateError(f"--threshold must be a number of at least 0, got {threshold}")
        return cls(opened.name, measure_of(opened, layers, weights), opened.preprocess, threshold)

    def pairs(
        self, batches: Iterable[Tensor], again: Callable[[Sequence[int]], Tensor], progress: Progress | None
    ) -> tuple[NearPair, ...]:
        """The near ones. batches, again: pictures uint8 (n, C, h, w) of the working size, in order, and by places."""
        vectors = [bounding_vectors(self.measure.maps(self._images(batch))).cpu() for batch in batches]
        count = sum(map(len, vectors))
        if count < 2:
            raise StriateError(f"{counted(count, 'picture')} can be read; to find near ones takes at least two")
        return tuple(
            near_pairs(
                self.measure, torch.cat(vectors), lambda places: self._images(again(places)), self.threshold, progress
            )
        )

    def _images(self, pictures: Tensor) -> Tensor:
        """On the device where the network is."""
        device = next(self.measure.network.parameters()).device
        return normalise(to_network_size(pictures, self.preprocess), self.preprocess).to(device)
