"""Pictures of a batch mixed with each other, where a recipe asks for it."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from striate.data.mosaic import mosaic
from striate.data.targets.boxes import BoxBatch


class Settings(Protocol):
    """Of a recipe, what is read here."""

    @property
    def mosaic(self) -> float:
        """Share of the pictures that become a part of four."""


def mix(
    pictures: Tensor, targets: BoxBatch, classes: int, recipe: Settings, generator: torch.Generator
) -> tuple[Tensor, BoxBatch]:
    """Mosaics of a share of the pictures."""
    return mosaic(pictures, targets, recipe.mosaic, generator) if recipe.mosaic else (pictures, targets)
