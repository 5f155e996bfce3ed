"""What networks for instances learn from and answer with."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor

from striate.models.detection.detector import Truth

MASK_SIDE = 28
"""Cells of a mask, along either axis. He et al., "Mask R-CNN", arXiv:1703.06870, figure 4."""


class MaskTruth(Truth, Protocol):
    """The boxes of a batch of pictures, and of each the mask, (M, H, W), as large as the images: 1 where it is."""

    @property
    def masks(self) -> Tensor:
        """See above."""


class Instances(NamedTuple):
    """Objects (N, MOST, 6), as `Detector` has them, and of each the chance of every cell of its box, 0 to 1.

    masks: (N, MOST, MASK_SIDE, MASK_SIDE), from the top of the box down; zeros of rows that are none.
    `striate.ops.pasting.pasted` brings them into the picture.
    """

    objects: Tensor
    masks: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Self:
        """Of what a network answers: rows (N, MOST, 6 + MASK_SIDE**2), an object's six numbers, then its cells."""
        return cls(rows[..., :6], rows[..., 6:].reshape(*rows.shape[:-1], MASK_SIDE, MASK_SIDE))

    @property
    def rows(self) -> Tensor:
        """One tensor of both, as every format of files has it."""
        return torch.cat([self.objects, self.masks.flatten(2)], 2)
