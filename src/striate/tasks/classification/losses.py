"""What a classifier minimises: cross-entropy."""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.targets import Targets
from striate.data.targets.classes import ClassBatch
from striate.models import Network
from striate.tasks.task import StepLosses


class Settings(Protocol):
    """Of a recipe, what classification reads."""

    @property
    def label_smoothing(self) -> float:
        """Share of the probability that goes to all classes alike."""

    @property
    def cut_mix(self) -> float:
        """Share of the pictures that get a part of another one."""


def losses(network: Network, phase: str, images: Tensor, targets: ClassBatch, settings: Settings) -> StepLosses:
    """The mean cross-entropy, and how many answers of the main head are correct.

    images: float (N, C, H, W). targets: of mixed pictures the largest probability is the correct answer. With auxiliary
    heads the loss is the weighted sum over all of them.
    Source of label smoothing: Szegedy et al., arXiv:1512.00567, section 7.
    """
    labels, heads = targets.labels, network.training_logits(images)
    found = [
        weight * F.cross_entropy(logits.float(), labels, label_smoothing=settings.label_smoothing)
        for weight, logits in heads
    ]
    correct = (heads[0][1].argmax(1) == (labels if labels.dim() == 1 else labels.argmax(1))).sum()
    return StepLosses({"loss": torch.stack(found).sum()}, {"accuracy": correct})


def chance_loss(targets: Targets) -> float:
    """Of answering every class alike, in nats."""
    return math.log(len(targets.names))
