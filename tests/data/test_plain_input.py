"""Without torch the network sees what it sees with it."""

from __future__ import annotations

import numpy as np
import pytest

from striate.core.records import Preprocess
from striate.data.picture import normalise, scaled, to_batch, to_network_size
from striate.data.plain_input import enlarged, plain_input


@pytest.mark.parametrize(
    "record",
    [Preprocess((24, 32)), Preprocess((30, 31), (30, 31)), Preprocess((80, 75), (64, 64)), Preprocess((9, 9), (5, 9))],
    ids=["cut", "as it is", "enlarged", "enlarged one way"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_those_of_torch(record: Preprocess, channels: int) -> None:
    record = record.for_channels(channels)
    pictures = np.random.default_rng(0).integers(0, 256, (2, *record.resize, channels), np.uint8)
    theirs = normalise(to_network_size(to_batch(pictures), record), record).numpy()
    ours = plain_input(pictures, record)
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_enlarging_is_torchs_bicubic() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (1, 7, 11, 3), np.uint8)
    theirs = scaled(to_batch(pictures), (29, 13)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(enlarged(pictures, (29, 13)), theirs, atol=1e-3)
