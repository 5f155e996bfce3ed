"""What a network for detection minimises: its own losses, as its paper has them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from striate.data.targets.boxes import BoxBatch
from striate.models.detection.detector import Detector
from striate.tasks.task import StepLosses


def losses(network: Detector, phase: str, images: Tensor, targets: BoxBatch, settings: Any) -> StepLosses:
    """The network's losses by name, means over pictures. images: float (N, C, H, W)."""
    return StepLosses(network.losses(images, targets), {})
