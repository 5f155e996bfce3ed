"""By covering parts of the picture: nothing but answers is needed. Zeiler and Fergus, arXiv:1311.2901, section 4.2."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from striate.visual.attribution.asked import Asked

CELLS = 8
"""Steps of the square along a side."""
COVERED = 2
"""Steps that a side of the square is long."""


@torch.no_grad()
def occlusion(asked: Asked) -> Tensor:
    """What the score loses while a square of the mean colour covers a place, in the mean over those that do."""
    images, (height, width) = asked.images, asked.size
    score = asked.score(images)
    losses, times = images.new_zeros(len(images), height, width), images.new_zeros(height, width)
    for rows in _spans(height):
        for columns in _spans(width):
            covered = images.clone()
            covered[:, :, rows, columns] = 0
            losses[:, rows, columns] += (score - asked.score(covered))[:, None, None]
            times[rows, columns] += 1
    return losses / times


def _spans(length: int) -> list[slice]:
    """Where the square lies along a side, in pixels.

    >>> _spans(16)[0], _spans(16)[-1], len(_spans(16))
    (slice(0, 4, None), slice(12, 16, None), 7)
    """
    step = math.ceil(length / CELLS)
    side = min(length, COVERED * step)
    starts = range(0, max(1, length - side + step), step)
    return [slice(start, min(start + side, length)) for start in starts]
