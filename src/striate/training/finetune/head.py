"""The head alone, to convergence: a linear classifier of features that are computed once per picture and view."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.data.augment import Augmentation
from striate.data.batches import Batches, step_generator
from striate.data.picture import normalise, to_network_size
from striate.data.targets.classes import labels_of
from striate.frozen.extract import images_features
from striate.frozen.linear import Array, Labels, Linear, Validated, costs, cross_validate, fit, held_out, one_thread
from striate.models import Network
from striate.models.linear_probe import PRE_LOGITS
from striate.training.job import Job
from striate.training.recipe import Recipe

MOST_PASSES = 8_000  # pictures times views through the network; with many pictures, few views say as much
MOST_PROBED = 2_000  # pictures that choose the strength and probe the layers
MOST_JUDGED, JUDGED_VIEWS = 1_000, 4  # pictures and views that choose the variety
LEAST_SAVED = 0.02  # nats, or share of errors, per picture

Variety = Literal["plain", "mirrored", "varied"]
VARIETIES: tuple[Variety, ...] = ("plain", "mirrored", "varied")
"""Kinds of views, from the picture as it is to those that are varied as in training."""


@dataclass(frozen=True)
class Head:
    """How the head was solved.

    validated: its strength, by cross-validation on the pictures as they are, `probed` of them. views: of every training
    picture, all those up to `variety`. left_out: kinds of views that made the answers worse.
    """

    validated: Validated
    views: int
    variety: Variety
    left_out: tuple[Variety, ...]


def solve_head(job: Job, form: Network, plain: Array, labels: Labels) -> Head:
    """Give the network the head that fits the training pictures best.

    form: of the network, for features. plain: what the last layer reads of the pictures as they are, (N, dimensions),
    and their labels. The other views are mirrored and varied as the recipe says, where cross-validation finds no harm
    in it.
    """
    recipe, classes, some = job.recipe, len(job.names), probed(job, len(labels))
    validated = cross_validate(plain[some], labels[some], classes, recipe.head)
    kinds = kinds_for(recipe, len(labels))
    seen = [plain, *(features(job, form, number, kind) for number, kind in enumerate(kinds) if number)]
    some = some[:: math.ceil(len(some) / MOST_JUDGED)]
    with one_thread():
        variety = best_variety(recipe, kinds, [view[some] for view in seen], labels[some], classes, validated.C)
        used = upto(variety, kinds, seen)
        together, truth = np.concatenate(used), np.tile(labels, len(used))
        # Views of one picture are no new pictures: each counts for its share, or the strength would mean another thing.
        write_head(job.network, fit(together, truth, classes, validated.C / len(used), recipe.head))
    left_out = tuple(kind for kind in VARIETIES[VARIETIES.index(variety) + 1 :] if kind in kinds)
    return Head(validated, len(used), variety, left_out)


def probed(job: Job, pictures: int) -> Labels:
    """Rows of the training pictures that choose the strength and probe the layers, ascending."""
    return np.sort(np.random.default_rng([job.seed, 2]).permutation(pictures)[:MOST_PROBED])


def kinds_for(recipe: Recipe, pictures: int) -> list[Variety]:
    """What each view of so many pictures is."""
    return view_kinds(recipe, min(recipe.head_views, max(2, MOST_PASSES // pictures)))


def passes_before(recipe: Recipe, train: int, val: int) -> int:
    """Pictures that go through a network before its first step, with repetition: where it has its head solved, every
    view of so many to train on, and those to validate that head on.

    >>> passes_before(Recipe(model="quick_regnet26", weights="embedded", staged=True, jitter=0.2), 500, 100)
    4100
    >>> passes_before(Recipe(model="resnet18"), 500, 100)
    0
    """
    return train * len(kinds_for(recipe, train)) + val if recipe.staged else 0


def view_kinds(recipe: Recipe, most: int) -> list[Variety]:
    """What each view of a picture is: as it is, mirrored if the recipe mirrors, and varied if it varies more than that.

    >>> view_kinds(Recipe(model="resnet18", flip=True, jitter=0.2), 4)
    ['plain', 'mirrored', 'varied', 'varied']
    """
    unflipped = replace(recipe.augmentation, flip=False, flip_alternately=False)
    mirrors = unflipped != recipe.augmentation
    kinds: list[Variety] = ["plain", "mirrored"] if mirrors else ["plain"]
    varied: list[Variety] = ["varied"] * (most if unflipped != Augmentation() else 0)
    return [*kinds, *varied][:most]


def upto(variety: Variety, kinds: list[Variety], seen: list[Array]) -> list[Array]:
    """The views that are not richer than a variety."""
    kept = VARIETIES[: VARIETIES.index(variety) + 1]
    return [view for view, kind in zip(seen, kinds, strict=True) if kind in kept]


def best_variety(
    recipe: Recipe, kinds: list[Variety], seen: list[Array], labels: Labels, classes: int, C: float
) -> Variety:
    """The richest views, or poorer ones where their classifiers answer better by more than the noise.

    Mirrored letters are other letters, and cut ones are none; of photographs, all views are alike. Judged by
    cross-validation on the pictures as they are, to which poorer views are nearer: so a little less is no harm.
    """
    varieties = [variety for variety in reversed(VARIETIES) if variety in kinds]
    best, least = varieties[0], None
    for variety in varieties if len(varieties) > 1 else []:
        views = upto(variety, kinds, seen)[:JUDGED_VIEWS]
        asked = 2 if recipe.test_flip and "mirrored" in kinds and variety != "plain" else 1
        found = costs(held_out(views, labels, classes, C, recipe.head, asked=asked), recipe.head)
        if least is None or clearly_less(found, least):
            best, least = variety, found
    return best


def clearly_less(some: Array, others: Array) -> bool:
    """Whether costs of the same pictures are less in the mean: by LEAST_SAVED, and two errors of the difference.

    >>> clearly_less(np.array([0.1, 0.2, 0.1]), np.array([0.4, 0.4, 0.5]))
    True
    """
    saved = others - some
    return bool(saved.mean() > max(LEAST_SAVED, 2 * saved.std(ddof=1) / math.sqrt(len(saved))))


def features(job: Job, form: Network, number: int, kind: Variety) -> Array:
    """What the last layer reads of all training pictures in one view."""
    return layer_features(job, form, (PRE_LOGITS,), number, kind)[0][PRE_LOGITS]


def layer_features(
    job: Job, form: Network, layers: tuple[str, ...], number: int = 0, kind: Variety = "plain"
) -> tuple[dict[str, Array], Labels]:
    """Features of the training pictures in one view, (N, channels) by layer, and the labels. number: of the view."""
    labels: list[Tensor] = []
    found = images_features(form, _images(job, job.train, number, kind, labels), layers, job.runtime)
    return {layer: values.double().numpy() for layer, values in found.items()}, torch.cat(labels).numpy()


def _images(job: Job, batches: Batches, view: int, kind: Variety, labels: list[Tensor]) -> Iterator[Tensor]:
    preprocess = job.preprocess
    for number, batch in enumerate(replace(batches, batch_size=min(len(batches.indices), 128)).in_order()):
        labels.append(labels_of(batch.targets))
        if kind == "varied":
            generator = step_generator(job.seed, (view << 40) + number)  # beyond the steps of any training
            pictures, _ = job.variation.varied(batch.pictures, batch.indices, preprocess, generator, epoch=view)
        else:
            pictures = to_network_size(batch.pictures, preprocess)
            pictures = pictures.flip(3) if kind == "mirrored" else pictures
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
