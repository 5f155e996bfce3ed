"""The head alone, to convergence: a linear classifier of features that are computed once per picture and view."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.data.augment import augment
from striate.data.batches import Batches, step_generator
from striate.data.picture import centre_crop, normalise
from striate.models import Network
from striate.models.tapped import LAST
from striate.tasks.features import images_features
from striate.tasks.linear import Array, Labels, Linear, Validated, cross_validate, fit
from striate.training.step import Job

MOST_PASSES = 8_000  # pictures times views through the network; with many pictures, few views say as much
MOST_PROBED = 2_000  # pictures that choose the strength and probe the layers


@dataclass(frozen=True)
class Head:
    """How the head was solved. validated: its strength, by cross-validation. views: of every training picture."""

    validated: Validated
    views: int
    seconds: float


def solve_head(job: Job, plain: Array, labels: Labels) -> Head:
    """Give the network the head that fits the training pictures best.

    plain: what the last layer reads of the pictures as they are, (N, dimensions), and their labels; the other views
    are mirrored and, from the third on, augmented as the recipe says.
    """
    begun, recipe, classes = time.monotonic(), job.recipe, len(job.classes)
    chosen = np.random.default_rng([job.seed, 2]).permutation(len(labels))[:MOST_PROBED]
    validated = cross_validate(plain[np.sort(chosen)], labels[np.sort(chosen)], classes, recipe.head)
    views = min(recipe.head_views, max(2, MOST_PASSES // len(labels)))
    seen = [(plain, labels), *(features(job, view) for view in range(1, views))]
    together, truth = (np.concatenate(column) for column in zip(*seen, strict=True))
    # Views of one picture are no new pictures: each counts for its share, or the strength would mean another thing.
    write_head(job.network, fit(together, truth, classes, validated.C / views, recipe.head))
    return Head(validated, views, time.monotonic() - begun)


def features(job: Job, view: int) -> tuple[Array, Labels]:
    """What the last layer reads of all training pictures in one view: 0 as they are, 1 mirrored, then augmented."""
    found, labels = layer_features(job, job.train, (LAST,), view)
    return found[LAST], labels


def layer_features(
    job: Job, batches: Batches, layers: tuple[str, ...], view: int = 0
) -> tuple[dict[str, Array], Labels]:
    """Features of a split in one view, (N, channels) by layer, and the labels."""
    labels: list[Tensor] = []
    found = images_features(job.network, _images(job, batches, view, labels), layers, job.placement)
    return {layer: values.double().numpy() for layer, values in found.items()}, torch.cat(labels).numpy()


def _images(job: Job, batches: Batches, view: int, labels: list[Tensor]) -> Iterator[Tensor]:
    preprocess = job.network.preprocess
    for number, batch in enumerate(replace(batches, batch_size=min(len(batches.indices), 128)).in_order()):
        labels.append(batch.labels)
        if view < 2:
            pictures = centre_crop(batch.pictures, preprocess)
            pictures = pictures.flip(3) if view else pictures
        else:
            generator = step_generator(job.seed, (view << 40) + number)  # beyond the steps of any training
            pictures = augment(batch.pictures, job.recipe.augmentation, preprocess, generator)
        yield normalise(pictures, preprocess)


@torch.no_grad()
def write_head(network: Network, linear: Linear) -> None:
    """Make a linear classifier the network's own last layer. Raises StriateError where that is no linear layer."""
    layer = network.get_classifier()
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise StriateError(
            f"{network.label} ends in no linear layer, so its head cannot be solved; take another recipe"
        )
    assert layer.bias is not None  # noqa: S101 - our own invariant
    layer.weight.copy_(torch.from_numpy(linear.weight).view(layer.weight.shape))
    layer.bias.copy_(torch.from_numpy(linear.bias))
