"""Pictures read once, in order, with those that cannot be read beside them."""

from __future__ import annotations

from functools import partial

import numpy as np

from striate.core.records import Preprocess
from striate.data.decode import DecodeError, Pixels
from striate.data.streaming import BATCH_SIZE, Undecoded, read_batches

SMALL = Preprocess((4, 6)).for_channels(1)


def grey(level: int, channels: int, cover: tuple[int, int], white: float | None) -> Pixels:
    if level % 5 == 3:
        raise DecodeError(f"picture {level}", "is damaged")
    return np.full((*SMALL.resize, channels), level, np.uint8)


def test_places_and_pictures_stay_together_and_no_picture_is_lost() -> None:
    given = [Undecoded(str(level), partial(grey, level)) for level in range(70)]
    batches = list(read_batches(iter(given), SMALL))
    assert [len(batch.places) + len(batch.bad) for batch in batches] == [BATCH_SIZE, BATCH_SIZE, 6]
    for batch in batches:
        assert batch.pictures.shape == (len(batch.places), *SMALL.resize, 1)
        assert batch.pictures[:, 0, 0, 0].tolist() == batch.places
        assert all(place % 5 == 3 and error.name == f"picture {place}" for place, error in batch.bad.items())
    assert sorted(place for batch in batches for place in (*batch.places, *batch.bad)) == list(range(70))


def test_a_batch_without_a_readable_picture_is_empty() -> None:
    (batch,) = read_batches([Undecoded("bad", partial(grey, 3))], SMALL)
    assert batch.places == [] and list(batch.bad) == [0]
    assert batch.pictures.shape == (0, *SMALL.resize, 1)
