"""How sure the difference of two ways of answering the same pictures is: both are asked about the same samples."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from striate.ops.metrics import REDRAWN
from striate.tasks.task import Result


@runtime_checkable
class Redrawable(Protocol):
    """A result whose first figure can be had of other samples of its pictures."""

    def of_samples(self, times: Tensor) -> Tensor:
        """The figure of each sample, float64 (S,); nan where it asks nothing. times: each picture, float64 (S, N)."""


def gain_interval(one: Result, other: Result, seed: int = 0, redrawn: int = REDRAWN) -> tuple[float, float] | None:
    """95 % interval of the first figure of `one` less that of `other`, by drawing their pictures anew, in pairs.

    None for results that cannot be redrawn, and where the figure asks nothing of any picture. The same seed gives the
    same interval.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    """
    if not isinstance(one, Redrawable) or not isinstance(other, Redrawable) or not one.total:
        return None
    drawn = torch.randint(one.total, (redrawn, one.total), generator=torch.Generator().manual_seed(seed))
    times = torch.zeros(drawn.shape, dtype=torch.float64)
    times.scatter_add_(1, drawn, torch.ones_like(times))
    gains = one.of_samples(times) - other.of_samples(times)
    if gains.isnan().all():
        return None
    low, high = gains.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
