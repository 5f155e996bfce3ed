"""What a network for segmentation minimises: cross-entropy of pixels, or what cares for overlap, or their sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from striate.data.targets import Indices, Targets
from striate.data.targets.masks import MaskBatch, MaskTargets
from striate.models import Network
from striate.ops.pixel_losses import dice_loss, focal_loss, labelled, lovasz_softmax_loss, pixel_cross_entropy
from striate.ops.pixels import IGNORED, median_frequency_weights
from striate.tasks.task import Losses, StepLosses

LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": pixel_cross_entropy,
    "focal": focal_loss,
    "dice": dice_loss,
    "lovasz": lovasz_softmax_loss,
}
WEIGHTED = ("cross_entropy", "focal")  # the others are means over classes as they are


class Settings(Protocol):
    """Of a recipe, what segmentation reads."""

    @property
    def loss(self) -> tuple[str, ...]:
        """What is minimised, the sum of several; (): the first of `LOSSES`."""

    @property
    def class_weights(self) -> str | None:
        """None: every pixel counts alike; "median_frequency": those of rare classes more."""


def losses(
    network: Network, phase: str, images: Tensor, targets: MaskBatch, settings: Settings, weights: Tensor | None = None
) -> StepLosses:
    """The losses by name, each over all heads by their weights, and the share of pixels that is right.

    images: float (N, C, H, W). weights: of the classes, float32 (K,).
    """
    truth, heads = targets.masks, network.training_logits(images)
    weights = None if weights is None else weights.to(images.device)
    found = {}
    for name in settings.loss or tuple(LOSSES)[:1]:
        loss = partial(LOSSES[name], weights=weights) if name in WEIGHTED else LOSSES[name]
        found[name] = torch.stack([weight * loss(logits, truth) for weight, logits in heads]).sum()
    right = ((heads[0][1].argmax(1) == truth) & (truth != IGNORED)).flatten(1).sum(1)
    return StepLosses(found, {"pixel_accuracy": (right / labelled(truth).clamp_min(1)).sum()})


def losses_for(targets: Targets, train: Indices, settings: Settings) -> Losses:
    """The losses for a data set, whose training pictures say how frequent each class is."""
    if settings.class_weights is None or not isinstance(targets, MaskTargets):
        return losses
    counts = torch.from_numpy(targets.pixels[train, :-1])
    return partial(losses, weights=median_frequency_weights(counts))


def weight(targets: MaskBatch) -> float:
    """Pixels that have a class: what the losses are means over."""
    return float(labelled(targets.masks).sum())


def chance_loss(targets: Targets) -> float:
    """Of answering every class alike, in nats."""
    return math.log(len(targets.names))
