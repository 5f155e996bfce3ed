"""One training step."""

from __future__ import annotations

import torch
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.augment import augment
from striate.data.batches import Batch, step_generator
from striate.data.picture import normalise
from striate.models import Network
from striate.tasks import classification
from striate.tasks.placement import Placement
from striate.training.recipe import Recipe


def train_step(
    network: Network,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    lr: float,
    recipe: Recipe,
    preprocess: Preprocess,
    placement: Placement,
    randomness: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """One update. Returns the mean loss and the number of right answers, detached, not yet read.

    batch: uint8 pictures (N, C, h, w) of the working size, int64 labels (N,). randomness: (seed, step), from which
    everything random in the step follows: augmentation, and dropout through torch's global generator.
    """
    generator = step_generator(*randomness)
    torch.manual_seed(generator.initial_seed())
    pictures, labels = (placement.move(tensor) for tensor in batch)
    pictures = augment(pictures, recipe.augmentation, preprocess, generator)
    images = placement.images(normalise(pictures, preprocess))
    for group in optimizer.param_groups:
        group["lr"] = lr
    with placement.autocast():
        loss, right = classification.loss(network, images, labels, recipe.label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.detach(), right
