"""Batches of a split: an order that is a function of (seed, epoch), prepared one step ahead of the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from striate.data.cache import WorkingPictures
from striate.data.dataset import Indices
from striate.data.picture import to_batch

AHEAD = 2


class Batch(NamedTuple):
    """Some pictures of a split.

    pictures: uint8 (N, C, h, w) of the working size, channels last in memory. labels: int64 (N,). numbers: (N,) of the
    pictures in the dataset.
    """

    pictures: Tensor
    labels: Tensor
    numbers: Indices


@dataclass(frozen=True)
class Batches:
    """One split as batches of nearly equal size: no tail of one, no picture left out."""

    working: WorkingPictures
    labels: Indices
    indices: Indices
    batch_size: int

    @property
    def steps(self) -> int:
        """Batches in one pass."""
        return max(1, round(len(self.indices) / self.batch_size))

    def shuffled(self, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """One pass in the order of (seed, epoch), from batch number `first` on."""
        order = np.random.default_rng([seed, epoch]).permutation(self.indices)
        return self._batches(order, first)

    def in_order(self) -> Iterator[Batch]:
        """One pass in the order of the split."""
        return self._batches(self.indices, 0)

    def _batches(self, order: Indices, first: int) -> Iterator[Batch]:
        parts = np.array_split(order, self.steps)[first:]

        def make(part: Indices) -> Batch:
            return Batch(to_batch(self.working.take(part)), torch.from_numpy(self.labels[part]), part)

        return ahead(make, parts)


def ahead(make: Callable[[Indices], Batch], parts: list[Indices]) -> Iterator[Batch]:
    """`make` of every part in order, the next ones prepared in a thread while the caller works."""
    with ThreadPoolExecutor(1) as pool:
        pending: deque[Future[Batch]] = deque()
        waiting = iter(parts)
        try:
            for part in waiting:
                pending.append(pool.submit(make, part))
                if len(pending) > AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: a function of (seed, step), never of what came before.

    >>> torch.rand(1, generator=step_generator(0, 7)) == torch.rand(1, generator=step_generator(0, 7))
    tensor([True])
    """
    number = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(number >> np.uint64(1)))
