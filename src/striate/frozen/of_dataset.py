"""Pictures of a dataset as vectors: what the last layer of a network reads of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from striate.data.batches import batches_of
from striate.data.cache import working_pictures
from striate.data.dataset import Dataset
from striate.data.in_memory import Data
from striate.data.scan import Progress, without_problems
from striate.data.sources import open_data
from striate.data.targets import Indices
from striate.data.wide import white_for
from striate.deploy.run import Run
from striate.frozen.extract import features_of
from striate.frozen.linear import Array
from striate.models import Model
from striate.models.linear_probe import PRE_LOGITS
from striate.runtime.runtime import Runtime

BATCH_SIZE = 64


@dataclass(frozen=True)
class DatasetFeatures:
    """The readable pictures of a dataset, whatever their split. weights: of the network that describes them.

    indices: of the pictures in the dataset, ascending. labels: their classes. features: float64 (N, dimensions). white:
    the number that is white in wide pictures, the network's own or, where it has none, that of these pictures.
    """

    dataset: Dataset
    weights: str
    indices: Indices
    labels: Indices
    features: Array
    white: float | None = None

    def name(self, place: int) -> str:
        """What the picture in a row is called."""
        return self.dataset.pictures.name(int(self.indices[place]))


def extract_features(
    data: Data,
    weights: str | Path = "embedded",
    model: Model | None = None,
    progress: Progress | None = None,
    *,
    val: Data | None = None,
    test: Data | None = None,
) -> DatasetFeatures:
    """Open data and run every readable picture through a network once.

    data, val, test: as in `open_data`. weights, model: as in `striate.load`. progress: of decoding.
    Raises StriateError for what is no data, no weights, or has no readable picture.
    """
    run = Run(weights, model=model)
    dataset = open_data(data, progress=progress, val=val, test=test)
    found = read_dataset(run, dataset, (PRE_LOGITS,), run.runtime, progress)
    features = found.by_layer[PRE_LOGITS].double().numpy()
    return DatasetFeatures(dataset, str(weights), found.indices, dataset.labels[found.indices], features, found.white)


class Read(NamedTuple):
    """What layers make of the readable pictures of a dataset.

    indices: of these, ascending. by_layer: float32 (N, channels) each. white: as of `DatasetFeatures`. problems: names
    of the other pictures and why they cannot be read.
    """

    indices: Indices
    by_layer: dict[str, Tensor]
    white: float | None
    problems: tuple[tuple[str, str], ...]


def read_dataset(
    run: Run, dataset: Dataset, layers: Sequence[str], runtime: Runtime, progress: Progress | None = None
) -> Read:
    """Run every readable picture of all splits through a network once."""
    white = run.preprocess.white or white_for(dataset, progress)
    working, scan = working_pictures(dataset, replace(run.preprocess, white=white), progress=progress)
    readable = without_problems(dataset, scan)
    indices = np.sort(np.concatenate(list(readable.splits.values())))
    batches = batches_of(dataset, indices, working, BATCH_SIZE)
    with runtime.processor_threads():
        pictures = (batch.pictures for batch in batches.in_order())
        found = features_of(run.network, pictures, run.preprocess, layers, runtime)
    problems = tuple((dataset.pictures.name(index), reason) for index, reason in sorted(scan.problems.items()))
    return Read(indices, found, white, problems)
