"""What a network for localisation minimises: cross-entropy of the class, and what its box lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.targets import Targets
from striate.data.targets.boxes import BoxBatch
from striate.models import Network
from striate.ops.boxes import box_area, box_iou
from striate.tasks.task import StepLosses

RIGHT_FROM = 0.5
"""The IoU from which a box is right. Source: Russakovsky et al., "ILSVRC", arXiv:1409.0575, section 4.2."""
BOX_WEIGHT = 5.0  # of a box beside the class (benchmarks/localisation.md)
BEND = 0.05  # shares: below it smooth L1 is a square


def _smooth_l1(found: Tensor, truth: Tensor) -> Tensor:
    return F.smooth_l1_loss(found, truth, beta=BEND, reduction="none").mean(-1)


def _l1(found: Tensor, truth: Tensor) -> Tensor:
    return (found - truth).abs().mean(-1)


def _l2(found: Tensor, truth: Tensor) -> Tensor:
    return (found - truth).square().mean(-1)


def _iou(found: Tensor, truth: Tensor) -> Tensor:
    return 1 - box_iou(found, truth)


# Of each pair of boxes, (M,). smooth_l1: Girshick, "Fast R-CNN", arXiv:1504.08083, equation 3; l2: Sermanet et al.,
# arXiv:1312.6229, section 4.2; iou: Yu et al., "UnitBox", arXiv:1608.01471, linear as in Rezatofighi et al.,
# arXiv:1902.09630. It alone has no slope where boxes are apart, so it goes with another.
BOX_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "smooth_l1": _smooth_l1,
    "l1": _l1,
    "l2": _l2,
    "iou": _iou,
}


class Settings(Protocol):
    """Of a recipe, what localisation reads."""

    @property
    def loss(self) -> tuple[str, ...]:
        """Of boxes, the sum of several; (): the first of `BOX_LOSSES`."""

    @property
    def label_smoothing(self) -> float:
        """Share of the probability that goes to all classes alike."""


def losses(network: Network, phase: str, images: Tensor, targets: BoxBatch, settings: Settings) -> StepLosses:
    """Cross-entropy, and the losses of boxes by name, all means over pictures; how many pictures are answered right.

    images: float (N, C, H, W). Of a box that a crop has cut away nothing is asked. Of a box per class only that of the
    correct class learns.
    """
    network.require_fit(images)
    answer = network(images).float()
    logits, truth, found = answer[:, :, 0], targets.shares, box_of(answer, targets.labels)
    there = box_area(truth) > 0
    made = {"class": F.cross_entropy(logits, targets.labels, label_smoothing=settings.label_smoothing)}
    for name in settings.loss or tuple(BOX_LOSSES)[:1]:
        made[name] = BOX_WEIGHT * (BOX_LOSSES[name](found, truth) * there).mean()
    right = (logits.argmax(1) == targets.labels) & (box_iou(found, truth) >= RIGHT_FROM)
    return StepLosses(made, {"right": right.sum()})


def box_of(answer: Tensor, classes: Tensor) -> Tensor:
    """The box of one class for each picture, (N, 4), of an answer (N, K, 5)."""
    return answer[torch.arange(len(answer), device=answer.device), classes, 1:]


def chance_loss(targets: Targets) -> float:
    """Of answering every class alike, in nats, and no box."""
    return math.log(len(targets.names)) + BOX_WEIGHT
