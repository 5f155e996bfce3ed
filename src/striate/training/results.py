"""What steps came to, as numbers, read together: every reading waits for the device. And what to say of bad ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.tasks.task import StepLosses


class Diverged(StriateError):
    """A training whose loss is no number or far too large. loss, step: when that was seen; first: that of step 1."""

    def __init__(self, loss: float, first: float | None, step: int, precision: str) -> None:
        super().__init__(why_diverged(loss, first, step, precision))
        self.loss, self.first, self.step = loss, first, step


def read(unread: list[tuple[StepLosses, int]]) -> Iterator[tuple[dict[str, float], dict[str, float], int]]:
    """Losses, what was counted, and pictures of some steps, as numbers: one wait for the device for all of them."""
    if not unread:
        return
    made = [each for each, _ in unread]
    losses, counted = (numbers([getattr(each, kind) for each in made]) for kind in StepLosses._fields)
    for row, (_, pictures) in enumerate(unread):
        yield losses[row], counted[row], pictures


def numbers(tensors: list[dict[str, Tensor]]) -> list[dict[str, float]]:
    """Scalars by name, as numbers."""
    columns = {name: torch.stack([each[name] for each in tensors]).tolist() for name in tensors[0]}
    return [{name: values[row] for name, values in columns.items()} for row in range(len(tensors))]


def why_diverged(loss: float, first: float | None, step: int, precision: str) -> str:
    """What to say and to try where a loss is no number or far too large.

    first: that of the first step, before which no weight was changed, so that no rate is why. precision: computed in.

    >>> import math
    >>> why_diverged(math.nan, math.nan, 1, "fp32")[:64]
    'the loss of the first step is nan, before any weight was changed'
    """
    if step <= 1:
        wider = "" if precision == "fp32" else f", or {precision} overflows, which --precision fp32 does not"
        return (
            f"the loss of the first step is {loss:.4g}, before any weight was changed: usually the network divides by "
            f"zero, takes the logarithm of it, or has weights that are no numbers{wider}"
        )
    warm_up = "a warm-up (--set warmup_epochs=3)"
    more = f" or {warm_up}" if precision == "fp32" else f", {warm_up} or --precision fp32"
    return (
        f"training diverged: the loss is {loss:.4g} at step {step}, {first:.4g} at the first; the last good state and "
        f"the best weights so far are kept. Try a lower rate (--set peak_lr=...){more}"
    )
