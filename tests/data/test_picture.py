from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate.core.records import Preprocess
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.working_size import to_working_size


def test_working_size_keeps_the_centre_and_the_shape_of_things():
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 200  # the right half is bright
    cut = to_working_size(pixels, Preprocess((20, 20), (20, 20)))
    assert cut.shape == (20, 20, 3)
    assert (cut[:, :8] == 0).all()
    assert (cut[:, 12:] == 200).all()


def test_a_picture_of_the_working_size_is_not_touched():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 1), dtype=np.uint8)
    assert (to_working_size(pixels, Preprocess((20, 20), (20, 20)).for_channels(1)) == pixels).all()


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40))
def test_any_picture_reaches_any_working_size(height, width, to_height, to_width):
    pixels = np.zeros((height, width, 3), np.uint8)
    assert to_working_size(pixels, Preprocess((1, 1), (to_height, to_width))).shape == (to_height, to_width, 3)


def test_normalise_by_hand():
    record = Preprocess((1, 1), (1, 1), mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
    batch = torch.tensor([[[[255]], [[51]], [[102]]]], dtype=torch.uint8)
    expected = [(1.0 - 0.5) / 0.5, (0.2 - 0.25) / 0.25, 0.4]
    assert normalise(batch, record).flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_batches_are_channels_last_views():
    pictures = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    batch = to_batch(pictures)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    cut = to_network_size(batch, Preprocess((2, 2), (4, 4)))
    assert (cut.permute(0, 2, 3, 1).numpy() == pictures[:, 1:3, 1:3]).all()


def test_a_smaller_working_size_is_enlarged_as_pillow_does():
    pixels = np.random.default_rng(0).integers(64, 192, (64, 64, 3), dtype=np.uint8)  # overshoots no 0 and no 255
    seen = to_network_size(to_batch(pixels[None]), Preprocess((80, 80), (64, 64)))
    expected = np.asarray(Image.fromarray(pixels).resize((80, 80), Image.Resampling.BICUBIC), np.float32)
    assert seen.shape == (1, 3, 80, 80)
    assert np.abs(seen[0].permute(1, 2, 0).numpy() - expected).max() < 1.5  # Pillow rounds twice
