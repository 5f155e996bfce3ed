"""What a network for several labels a picture minimises: a binary cross-entropy for each label."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.targets import Targets
from striate.data.targets.labels import LabelBatch
from striate.models import Network
from striate.ops.focal_loss import sigmoid_focal_loss
from striate.tasks.task import StepLosses


class Settings(Protocol):
    """Of a recipe, what several labels a picture read."""

    @property
    def loss(self) -> tuple[str, ...]:
        """By name, the sum of several; (): the first of `LOSSES`."""

    @property
    def label_smoothing(self) -> float:
        """How far the truth is moved from 0 and 1 towards one half."""


def _cross_entropy(logits: Tensor, present: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, present, reduction="none")


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "binary_cross_entropy": _cross_entropy,
    "focal": sigmoid_focal_loss,
}
"""Of logits and truth (N, K) each, unsummed; focal counts what is easy little (Lin et al., arXiv:1708.02002)."""


def losses(network: Network, phase: str, images: Tensor, targets: LabelBatch, settings: Settings) -> StepLosses:
    """The mean over pictures and labels, and the share of each picture's labels that are told rightly at one half.

    images: float (N, C, H, W). With auxiliary heads the loss is the weighted sum over all of them.
    """
    heads = network.training_logits(images)
    smooth = targets.present.lerp(torch.full_like(targets.present, 0.5), settings.label_smoothing)
    found = [
        weight * LOSSES[name](logits.float(), targets.present if name == "focal" else smooth).mean()
        for name in settings.loss or tuple(LOSSES)[:1]
        for weight, logits in heads
    ]
    right = ((heads[0][1] > 0) == (targets.present > 0)).float().mean(1).sum()
    return StepLosses({"loss": torch.stack(found).sum()}, {"told_rightly": right})


def chance_loss(targets: Targets) -> float:
    """Of answering one half for every label, in nats."""
    return math.log(2)
