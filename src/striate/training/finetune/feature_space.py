"""What a run that began from other weights has made of their features: a map and neighbours, before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.batches import Batch, batches_of
from striate.data.dataset import Dataset
from striate.data.targets import Indices
from striate.data.targets.classes import ClassTargets, labels_of
from striate.data.unreadable import UnreadablePictures
from striate.data.working import WorkingPictures
from striate.frozen.extract import features_of
from striate.models import Network, create_model
from striate.models.linear_probe import PRE_LOGITS
from striate.report.space import FeatureSpace, LookUp, Picture
from striate.runtime.runtime import Runtime
from striate.training.recipe import Recipe
from striate.visual.embedding import FEWEST, embedding_map
from striate.visual.neighbours import nearest_neighbours

MOST_HELD, MOST_TRAINED = 300, 500
QUERIES, NEIGHBOURS = 6, 5
BATCH_SIZE = 50

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """Some pictures of a dataset as batches at the working size, kept because two networks look at them."""

    dataset: Dataset
    batches: list[Batch]

    @property
    def labels(self) -> Indices:
        """Class indices, (N,)."""
        return torch.cat([labels_of(batch.targets) for batch in self.batches]).numpy()

    def picture(self, row: int) -> Picture:
        """One of them for the page."""
        pixels = torch.cat([batch.pictures for batch in self.batches])[row].permute(1, 2, 0)
        number = int(np.concatenate([batch.indices for batch in self.batches])[row])
        label = self.dataset.classes[int(self.labels[row])]
        return Picture(self.dataset.pictures.name(number), label, pixels.contiguous().numpy())

    def features(self, network: Network, preprocess: Preprocess, runtime: Runtime) -> Features:
        """What the last layer of a network reads of them, (N, dimensions)."""
        pictures = (batch.pictures for batch in self.batches)
        found: Tensor = features_of(network, pictures, preprocess, (PRE_LOGITS,), runtime)[PRE_LOGITS]
        return found.numpy()


def feature_space(
    network: Network,
    preprocess: Preprocess,
    recipe: Recipe,
    dataset: Dataset,
    working: WorkingPictures,
    runtime: Runtime,
    unreadable: UnreadablePictures,
) -> FeatureSpace | None:
    """The features of a trained network, and of the weights that it began from where those are others.

    None for a run that began with drawn weights, for pictures without one class each, and for too few of them. At most
    300 pictures that were not trained on are placed, and their neighbours looked for among 500 that were; which ones is
    the same in every run.
    """
    splits = dataset.splits
    unseen = np.sort(np.concatenate([splits[split] for split in ("val", "test") if split in splits]))
    of_classes = isinstance(dataset.targets, ClassTargets)
    if recipe.weights is None or not of_classes or min(len(unseen), len(splits["train"])) < max(FEWEST, NEIGHBOURS):
        return None
    held, trained = (
        Part(dataset, list(batches_of(dataset, indices, working, BATCH_SIZE, unreadable=unreadable).in_order()))
        for indices in (evenly(unseen, MOST_HELD), evenly(splits["train"], MOST_TRAINED))
    )
    parts = (held, trained)
    after = [part.features(network, preprocess, runtime) for part in parts]
    started = starting_network(recipe, runtime)
    before = [part.features(started, preprocess, runtime) for part in parts] if started else after
    same = all(np.allclose(one, other, rtol=1e-3, atol=1e-3) for one, other in zip(before, after, strict=True))
    rows_after, rows_before = (nearest_neighbours(one, other, NEIGHBOURS)[0] for one, other in (after, before))
    alike_after, alike_before = (trained.labels[rows[:, 0]] == held.labels for rows in (rows_after, rows_before))
    return FeatureSpace(
        weights=recipe.weights,
        pictures=[held.picture(row) for row in range(len(held.labels))],
        before=None if same else embedding_map(before[0]),
        after=embedding_map(after[0]),
        like_before=None if same else float(alike_before.mean()),
        like_after=float(alike_after.mean()),
        look_ups=[
            LookUp(
                held.picture(row),
                [] if same else [trained.picture(near) for near in rows_before[row].tolist()],
                [trained.picture(near) for near in rows_after[row].tolist()],
            )
            for row in queries(alike_after)
        ],
    )


def evenly(indices: Indices, most: int) -> Indices:
    """At most so many of the indices, evenly spread.

    >>> evenly(np.arange(10), 3).tolist()
    [0, 4, 9]
    """
    return indices[np.linspace(0, len(indices) - 1, min(most, len(indices))).astype(np.int64)]


def queries(alike: npt.NDArray[np.bool_]) -> list[int]:
    """Rows of the pictures to show neighbours of: half of them with a nearest one of another class, if there are.

    >>> queries(np.array([True, False, True, True, True, True, True, True]))
    [1, 0, 2, 4, 5, 7]
    """
    unlike, like = np.flatnonzero(~alike), np.flatnonzero(alike)
    wrong = evenly(unlike, QUERIES // 2) if len(unlike) else unlike
    right = evenly(like, QUERIES - len(wrong)) if len(like) else like
    return [*wrong.tolist(), *right.tolist()]


def starting_network(recipe: Recipe, runtime: Runtime) -> Network | None:
    """The network as it was before training; None for a probe, which trains nothing, or if its weights have gone."""
    if recipe.layers:
        return None
    try:
        started = create_model(recipe.model, weights=recipe.weights)
    except StriateError:
        return None
    runtime.network(started)
    return started.eval()
