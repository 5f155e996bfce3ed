"""Batches of a split: an order that is a function of (seed, epoch), loaded between steps or ahead of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.data.balance import balanced_order
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.picture import to_batch
from striate.data.targets import BatchTargets, Indices, Targets
from striate.data.threads import in_threads
from striate.data.unreadable import UnreadablePictures, bad_targets
from striate.data.working import Bad, WorkingPictures

READY = 2  # besides the batch that each thread makes: the one that is asked for, and one more


class Batch(NamedTuple):
    """Some pictures of a split.

    pictures: uint8 (N, C, h, w) of the working size, channels last in memory. targets: what is known
    of them. indices: (N,) of the pictures in the dataset.
    """

    pictures: Tensor
    targets: BatchTargets
    indices: Indices


@dataclass(frozen=True)
class Batches:
    """One split as batches of nearly equal size: no tail of one, no picture left out but those that go bad.

    workers: 0 loads each batch when it is asked for, with all cores, which is fastest where the network needs the same
    cores (benchmarks/loading.md); 1 or more are threads that work ahead, for a network on a GPU or a slow disk. The
    batches are the same in any case. pinned: whether they lie in memory that a GPU reads while the program goes on.
    """

    working: WorkingPictures
    targets: Targets
    indices: Indices
    batch_size: int
    workers: int = 0
    unreadable: UnreadablePictures | None = None
    """Where pictures that have gone bad are noted; without it, the first raises its DecodeError."""
    pinned: bool = False
    balanced: bool = False
    """Whether a shuffled pass shows every class equally often, as `balanced_order` has it."""

    @property
    def steps(self) -> int:
        """Batches in one pass."""
        return max(1, round(len(self.indices) / self.batch_size))

    @property
    def pictures(self) -> int:
        """Pictures in one pass, those left out that went bad."""
        return len(self.indices if self.unreadable is None else self.unreadable.without(self.indices))

    def shuffled(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """One pass in the order of (seed, epoch), from batch number `first` on."""
        if self.balanced and self.targets.strata is not None:
            order = balanced_order(self.indices, self.targets.strata[self.indices], seed, epoch)
        else:
            order = np.random.default_rng([seed, epoch]).permutation(self.indices)
        return self._batches(order, first)

    def in_order(self) -> Iterator[Batch]:
        """One pass in the order of the split."""
        return self._batches(self.indices, 0)

    def _batches(self, order: Indices, first: int) -> Iterator[Batch]:
        parts = np.array_split(order, self.steps)[first:]
        if not self.workers:
            return map(self._make, parts)
        return in_threads(self._make, parts, self.workers, self.workers + READY)

    def _make(self, part: Indices) -> Batch:
        if self.unreadable is None:
            return self._batch(part, self.working.take(part))
        bad: Bad = {}
        pixels = self.working.take(self.unreadable.without(part), bad)
        if bad:
            self.unreadable.note(bad)
        part = self.unreadable.without(part)
        try:
            return self._batch(_some(part), pixels)
        except DecodeError:  # of a mask, which is rare, so that it is looked for only now
            self.unreadable.note(bad_targets(self.targets, part))
            kept = self.unreadable.without(part)
            return self._batch(_some(kept), pixels[np.isin(part, kept)])

    def _batch(self, part: Indices, pixels: npt.NDArray[np.uint8]) -> Batch:
        pictures, targets = to_batch(pixels), self.targets.take(part)
        if self.pinned:
            return Batch(pictures.pin_memory(), targets.to(Tensor.pin_memory), part)
        return Batch(pictures, targets, part)


def _some(part: Indices) -> Indices:
    if not len(part):
        raise StriateError("no picture of a whole batch can be read any more; is the disk still there?")
    return part


def batches_of(
    dataset: Dataset,
    part: str | Indices,
    working: WorkingPictures,
    batch_size: int,
    *,
    workers: int = 0,
    unreadable: UnreadablePictures | None = None,
    pinned: bool = False,
) -> Batches:
    """Batches of a split of a dataset, or of pictures by their indices; the rest as of `Batches`."""
    indices = dataset.splits[part] if isinstance(part, str) else part
    return Batches(working, dataset.targets, indices, batch_size, workers, unreadable, pinned)


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: a function of (seed, step), never of what came before.

    >>> torch.rand(1, generator=step_generator(0, 7)) == torch.rand(1, generator=step_generator(0, 7))
    tensor([True])
    """
    number = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(number >> np.uint64(1)))
