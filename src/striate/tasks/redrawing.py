"""How sure the difference of two ways of answering the same pictures is: both are asked about the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from striate.ops.metrics import REDRAWN
from striate.ops.paired import mcnemar, redrawn_spread, share_gain_interval
from striate.tasks.task import Result

NUMBERS_AT_ONCE = 2**24  # of samples by pictures: 128 MiB


@runtime_checkable
class Redrawable(Protocol):
    """A result whose first figure can be had of other samples of its pictures."""

    @property
    def total(self) -> int:
        """Pictures evaluated."""

    def of_samples(self, times: Tensor) -> Tensor:
        """The figure of each sample, float64 (S,); nan where it asks nothing. times: each picture, float64 (S, N)."""

    @property
    def by_picture(self) -> Tensor:
        """The figure of each picture alone, float64 (N,); nan where it asks nothing of it."""


@runtime_checkable
class Counted(Redrawable, Protocol):
    """A result whose first figure counts pictures that are answered rightly, or wrongly."""

    @property
    def right(self) -> Tensor:
        """Whether each picture is answered rightly, bool (N,)."""


@dataclass(frozen=True)
class Gain:
    """By how much the first figure of one result exceeds that of another, on the same pictures.

    interval: 95 %. chance: that of such a difference, or a larger one either way, where there is none. each: how much
    of each picture, float64 (N,); nan where the figure asks nothing of it.
    """

    difference: float
    interval: tuple[float, float]
    chance: float
    each: Tensor


def gain(one: Redrawable, other: Redrawable) -> Gain:
    """Compare results of the same pictures in the same order, in pairs.

    What counts pictures is compared by those that only one answers rightly: McNemar's exact test, and the interval of
    Bonett and Price. The rest is drawn anew: see `redrawn_gains`.
    """
    difference = _difference(one, other)
    each = one.by_picture - other.by_picture
    if isinstance(one, Counted) and isinstance(other, Counted):
        more, less = int((each > 0).sum()), int((each < 0).sum())
        return Gain(difference, share_gain_interval(more, less, one.total), mcnemar(more, less), each)
    return Gain(difference, *redrawn_spread(difference, redrawn_gains(one, other), one.total), each)


def _difference(one: Redrawable, other: Redrawable) -> float:
    whole = torch.ones(1, one.total, dtype=torch.float64)
    return float(one.of_samples(whole) - other.of_samples(whole))


def redrawn_gains(one: Redrawable, other: Redrawable) -> Tensor:
    """The first figure of `one` less that of `other` in each of many samples of their pictures, float64 (S,).

    They are the same samples each time.
    """
    return torch.cat([one.of_samples(times) - other.of_samples(times) for times in samples(one.total)])


def samples(total: int) -> Iterator[Tensor]:
    """How often each of `total` pictures is in each of REDRAWN samples of them, float64 (S, N), some at once.

    They are the same each time.
    """
    generator, left = torch.Generator().manual_seed(0), REDRAWN
    while left:
        rows = min(left, most_at_once(total))
        drawn = torch.randint(total, (rows, total), generator=generator)
        times = torch.zeros(drawn.shape, dtype=torch.float64)
        yield times.scatter_add_(1, drawn, torch.ones_like(times))
        left -= rows


def most_at_once(total: int) -> int:
    """How many samples of so many pictures are in memory together."""
    return max(1, NUMBERS_AT_ONCE // total)


def gain_interval(one: Result, other: Result) -> tuple[float, float] | None:
    """95 % interval of the first figure of `one` less that of `other`, by drawing their pictures anew, in pairs.

    None for results that cannot be redrawn, and where the figure asks nothing. It is the same each time.
    """
    if not isinstance(one, Redrawable) or not isinstance(other, Redrawable) or not one.total:
        return None
    difference = _difference(one, other)
    return None if math.isnan(difference) else redrawn_spread(difference, redrawn_gains(one, other), one.total).interval
