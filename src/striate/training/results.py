"""What steps came to, as numbers: read together, for every reading waits for the device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from striate.tasks.task import StepLosses


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
