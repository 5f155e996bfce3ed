"""Boxes of made-up pictures, as a batch of a data set has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MadeUp:
    boxes: Tensor
    labels: Tensor
    picture: Tensor
    ignored: Tensor
    pictures: int


def truth_of(*pictures: Sequence[tuple[float, float, float, float, int]], ignored: Sequence[int] = ()) -> MadeUp:
    """Left, top, right, bottom and class of each box of each picture; which of all boxes are ignored."""
    rows = torch.tensor([row for rows in pictures for row in rows], dtype=torch.float32).reshape(-1, 5)
    picture = torch.tensor([number for number, rows in enumerate(pictures) for _ in rows], dtype=torch.int64)
    mask = torch.zeros(len(rows), dtype=torch.bool)
    mask[list(ignored)] = True
    return MadeUp(rows[:, :4], rows[:, 4].long(), picture, mask, len(pictures))
