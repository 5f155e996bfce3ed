"""Pictures of a dataset as vectors: what the last layer of a network reads of each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from striate.data.arrays import Data
from striate.data.batches import Batches
from striate.data.cache import working_pictures
from striate.data.dataset import Dataset, Indices
from striate.data.scan import Progress, without_problems
from striate.data.sources import open_data
from striate.data.wide import white_for
from striate.deploy.run import Run
from striate.features.extract import features_of
from striate.features.linear import Array
from striate.models.tapped import LAST

BATCH_SIZE = 64


@dataclass(frozen=True)
class Described:
    """The readable pictures of a dataset, whatever their split. weights: of the network that describes them.

    numbers: of the pictures in the dataset, ascending. labels: their classes. features: float64 (N, dimensions). white:
    the number that is white in wide pictures, the network's own or, where it has none, that of these pictures.
    """

    dataset: Dataset
    weights: str
    numbers: Indices
    labels: Indices
    features: Array
    white: float | None = None

    def name(self, place: int) -> str:
        """What the picture in a row is called."""
        return self.dataset.pictures.name(int(self.numbers[place]))


def describe(
    data: Data,
    weights: str | Path = "embedded",
    model: str | None = None,
    progress: Progress | None = None,
) -> Described:
    """Open data and run every readable picture through a network once.

    data: as in `open_data`. weights, model: as in `striate.load`. progress: of decoding.
    Raises StriateError for what is no data, no weights, or has no readable picture.
    """
    run = Run(weights, model=model)
    dataset = open_data(data)
    white = run.preprocess.white or white_for(dataset, progress)
    working, scan = working_pictures(dataset, replace(run.preprocess, white=white), progress=progress)
    readable = without_problems(dataset, scan)
    numbers = np.sort(np.concatenate(list(readable.splits.values())))
    batches = Batches(working, dataset.labels, numbers, BATCH_SIZE)
    with run.placement.processor_threads():
        pictures = (batch.pictures for batch in batches.in_order())
        found = features_of(run.network, pictures, (LAST,), run.placement)
    return Described(dataset, str(weights), numbers, dataset.labels[numbers], found[LAST].double().numpy(), white)
