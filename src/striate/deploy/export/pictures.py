"""The pictures on which an exported file is tried: those that validated a run, others that are named, or drawn ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.dataset import Dataset
from striate.data.decode import Pixels
from striate.data.sources import open_to_evaluate
from striate.data.streaming import BATCH_SIZE, Undecoded, read_batches
from striate.data.targets import BatchTargets, Indices, Targets
from striate.deploy.given import given_pictures

MOST_PICTURES = 256  # on which fp32 and bf16 are tried: some seconds of a large network
MOST_MEASURED = 2000  # on which int8 is measured, within a point or so
DRAWN = 32
COARSE = 8  # places a side from which drawn pictures are enlarged: smooth, as photographs are


class Batch(NamedTuple):
    """Working pictures uint8 (N, h, w, C), what they are called, and their targets where those are known."""

    names: list[str]
    pixels: Pixels
    targets: BatchTargets | None


class Known(NamedTuple):
    """What is known of pictures: targets in the numbers of the network's names, and the place of each in them."""

    targets: Targets
    places: Indices


@dataclass(frozen=True)
class Pictures:
    """Pictures that are read whenever they are asked for.

    words: what they are, for a sentence, such as "40 validation pictures". drawn: whether they are noise. known:
    their targets, where there are some. at_once: how many to a batch, where maps of more would fill the memory.
    """

    given: list[Undecoded]
    words: str
    drawn: bool = False
    known: Known | None = None
    at_once: int = BATCH_SIZE

    def batches(self, preprocess: Preprocess) -> Iterator[Batch]:
        """Those that can be read. Raises StriateError where none can."""
        some, bad = False, []
        targets = None if self.known is None else self.known.targets.at(preprocess)
        for read in read_batches(self.given, preprocess):
            some |= bool(read.places)
            bad += [f"{read.names[place]} {error.reason}" for place, error in read.bad.items()]
            for first in range(0, len(read.places), self.at_once):
                part = slice(first, first + self.at_once)
                places = read.places[part]
                known = None
                if self.known is not None and targets is not None:
                    known = targets.take(self.known.places[places])
                yield Batch([read.names[place] for place in places], read.pictures[part], known)
        if not some:
            others = f"; nor can any other of the {self.words} be read" if len(bad) > 1 else ""
            raise StriateError(f"there is no picture to try it on: {bad[0]}{others}")


def of_dataset(
    dataset: Dataset, split: str | None = None, most: int = MOST_PICTURES, targets: Targets | None = None
) -> Pictures:
    """Pictures of a split, at most so many, spread over all of it.

    split: by default that which validates; where that is empty, the one that tests, or all. targets: of all pictures
    of the data, in the numbers of the network's names.
    """
    names = [name for name in ((split,) if split else ("val", "test")) if len(dataset.splits.get(name, ()))]
    whole = dataset.splits[names[0]] if names else np.concatenate(list(dataset.splits.values()))
    indices = whole[np.linspace(0, len(whole) - 1, min(most, len(whole))).round().astype(int)]
    kind = {"val": "validation ", "train": "training "}.get(names[0], f"{names[0]} ") if names else ""
    given = [Undecoded(dataset.pictures.name(i), partial(dataset.pictures.decode, i)) for i in indices.tolist()]
    known = None if targets is None else Known(targets, indices)
    return Pictures(given, counted(len(given), f"{kind}picture"), known=known)


def of_data(
    data: str | Path, split_seed: int = 0, ignored: str | None = None, task: str | None = None
) -> Dataset | Pictures:
    """What is named by --data: data as to be evaluated, or any folder of pictures, or a picture."""
    try:
        return open_to_evaluate(str(data), split_seed, ignored=ignored, task=task)
    except StriateError:
        if not Path(data).exists():
            raise
        given = given_pictures(str(data))[:MOST_PICTURES]
        return Pictures(given, counted(len(given), "picture"))


def drawn(preprocess: Preprocess) -> Pictures:
    """Smooth coloured noise, the same at every call: what there is without data."""
    random = np.random.default_rng(0)
    height, width = preprocess.resize
    rows, columns = (np.linspace(0, COARSE - 1, side) for side in (height, width))

    def picture(_channels: int, _cover: tuple[int, int], _white: float | None, /, *, coarse: Pixels) -> Pixels:
        smooth = coarse[np.round(rows).astype(int)][:, np.round(columns).astype(int)]
        return np.ascontiguousarray(smooth)

    coarse = [random.integers(0, 256, (COARSE, COARSE, preprocess.channels), np.uint8) for _ in range(DRAWN)]
    given = [Undecoded(f"drawn {n}", partial(picture, coarse=each)) for n, each in enumerate(coarse)]
    return Pictures(given, counted(DRAWN, "drawn picture"), drawn=True)
