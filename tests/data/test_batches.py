from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.data.batches import Batches, step_generator
from striate.data.working import WorkingPictures


class InMemory(WorkingPictures):
    def __init__(self, pixels):
        self.pixels, self.shape = pixels, pixels.shape[1:]

    def fill(self, index, pixels):
        pixels[...] = self.pixels[index]


def batches(count: int, batch_size: int) -> Batches:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2)
    return Batches(InMemory(pixels), np.arange(count), np.arange(count), batch_size)


@given(st.integers(1, 200), st.integers(1, 64))
def test_every_picture_once_and_no_tail_of_one(count, batch_size):
    data = batches(count, batch_size)
    seen = [labels.tolist() for _, labels, _ in data.shuffled(seed=0, epoch=3)]
    assert sorted(label for part in seen for label in part) == list(range(count))
    sizes = [len(part) for part in seen]
    assert len(sizes) == data.steps
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(1.5 * batch_size, 1)


def test_pictures_stay_with_their_labels():
    for pictures, labels, _ in batches(50, 8).shuffled(0, 0):
        assert torch.equal(pictures[:, 0, 0, 0].long(), labels)


def test_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch, first=0):
        return [labels.tolist() for _, labels, _ in batches(40, 8).shuffled(seed, epoch, first)]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert order(0, 1)[3:] == order(0, 1, first=3)


def test_in_order():
    assert [labels.tolist() for _, labels, _ in batches(5, 2).in_order()] == [[0, 1, 2], [3, 4]]


def test_an_error_while_loading_reaches_the_caller():
    class Bad:
        def take(self, indices):
            raise RuntimeError("went bad")

    data = Batches(Bad(), np.zeros(9, np.int64), np.arange(9), 3)
    with pytest.raises(RuntimeError, match="went bad"):
        list(data.in_order())


def test_golden_random_numbers():
    """Neither stream may change between versions of anything: a resumed run would not be the same run."""
    assert torch.randint(0, 1000, (4,), generator=step_generator(3, 14)).tolist() == [283, 966, 560, 802]
    assert np.random.default_rng([3, 14]).permutation(8).tolist() == [5, 0, 7, 4, 2, 1, 3, 6]
