"""What a classifier minimises: cross-entropy."""

from __future__ import annotations

import math
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.targets import Indices, Targets
from striate.data.targets.classes import ClassBatch
from striate.models import Network
from striate.tasks.task import Losses, StepLosses


class Settings(Protocol):
    """Of a recipe, what classification reads."""

    @property
    def balance(self) -> str:
        """How classes of few pictures are made up for."""

    @property
    def label_smoothing(self) -> float:
        """Share of the probability that goes to all classes alike."""

    @property
    def cut_mix(self) -> float:
        """Share of the pictures that get a part of another one."""


def losses(
    network: Network,
    phase: str,
    images: Tensor,
    targets: ClassBatch,
    settings: Settings,
    weights: Tensor | None = None,
) -> StepLosses:
    """The mean cross-entropy, and how many answers of the main head are correct.

    images: float (N, C, H, W). targets: of mixed pictures the largest probability is the correct answer. With auxiliary
    heads the loss is the weighted sum over all of them. weights: how much a picture of each class counts, float32 (K,).
    Source of label smoothing: Szegedy et al., arXiv:1512.00567, section 7.
    """
    labels, heads = targets.labels, network.training_logits(images)
    smoothing = settings.label_smoothing
    if weights is None:
        found = [
            weight * F.cross_entropy(logits.float(), labels, label_smoothing=smoothing) for weight, logits in heads
        ]
    else:
        own = weights.to(images.device)
        counts = own[labels] if labels.dim() == 1 else labels @ own
        each = partial(F.cross_entropy, target=labels, label_smoothing=smoothing, reduction="none")
        found = [weight * (counts * each(logits.float())).mean() for weight, logits in heads]
    correct = (heads[0][1].argmax(1) == (labels if labels.dim() == 1 else labels.argmax(1))).sum()
    return StepLosses({"loss": torch.stack(found).sum()}, {"accuracy": correct})


def losses_for(targets: Targets, train: Indices, settings: Settings) -> Losses:
    """The losses for a data set, whose training pictures say how many there are of each class."""
    if settings.balance != "weights":
        return losses
    return partial(losses, weights=inverse_frequency_weights(torch.tensor(targets.counts(train))))


def inverse_frequency_weights(counts: Tensor) -> Tensor:
    """How much a picture of each class counts so that all classes count alike, float32 (K,).

    counts: pictures of each class, (K,). The mean over these pictures is 1, so that a rate means what it did.

    >>> inverse_frequency_weights(torch.tensor([30, 10])).tolist()
    [0.6666666865348816, 2.0]
    """
    return counts.sum() / ((counts > 0).sum() * counts.clamp_min(1)).float()


def chance_loss(targets: Targets) -> float:
    """Of answering every class alike, in nats."""
    return math.log(len(targets.names))
