"""Pictures that are read once, in order: batches at the working size, while all cores decode the next ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from striate.core.records import Preprocess
from striate.data.decode import DecodeError, Pixels
from striate.data.threads import in_threads
from striate.data.working_size import Decode, read_working

BATCH_SIZE = 32


class Undecoded(NamedTuple):
    """A picture by what it is called, and how it becomes pixels."""

    name: str
    decode: Decode


class ReadBatch(NamedTuple):
    """Some pictures, those that can be read and why others cannot.

    places: of those that can be read, among all that were given. pictures: these, uint8 (N, h, w, C) of the working
    size. bad: the others, by place. names: of all, by place.
    """

    places: list[int]
    names: dict[int, str]
    pictures: Pixels
    bad: dict[int, DecodeError]


def read_batches(pictures: Iterable[Undecoded], preprocess: Preprocess) -> Iterator[ReadBatch]:
    """All pictures in order, BATCH_SIZE to a batch, those that cannot be read counted in; the last one is smaller.

    >>> black = Undecoded("black", lambda channels, cover, white: np.zeros((9, 9, channels), np.uint8))
    >>> [tuple(batch.pictures.shape) for batch in read_batches([black] * 40, Preprocess((8, 8), (8, 8)))]
    [(32, 8, 8, 3), (8, 8, 8, 3)]
    """

    def read(picture: Undecoded) -> tuple[str, Pixels | DecodeError]:
        return _read(picture, preprocess)

    outcomes = enumerate(in_threads(read, pictures))
    while part := list(islice(outcomes, BATCH_SIZE)):
        yield _batch(part, preprocess)


def read_batch(pictures: Sequence[Undecoded], preprocess: Preprocess) -> ReadBatch:
    """Some pictures, decoded one after the other by the thread that asks; their places are those among them."""
    return _batch(list(enumerate(_read(picture, preprocess) for picture in pictures)), preprocess)


def _read(picture: Undecoded, preprocess: Preprocess) -> tuple[str, Pixels | DecodeError]:
    try:
        return picture.name, read_working(*picture, preprocess)
    except DecodeError as error:
        return picture.name, error


def _batch(part: list[tuple[int, tuple[str, Pixels | DecodeError]]], preprocess: Preprocess) -> ReadBatch:
    good = {place: outcome for place, (_, outcome) in part if not isinstance(outcome, DecodeError)}
    bad = {place: outcome for place, (_, outcome) in part if isinstance(outcome, DecodeError)}
    names = {place: name for place, (name, _) in part}
    none = np.empty((0, *preprocess.resize, preprocess.channels), np.uint8)
    return ReadBatch(list(good), names, np.stack(list(good.values())) if good else none, bad)
