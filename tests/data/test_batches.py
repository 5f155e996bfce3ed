from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.data.batches import Batches, step_generator
from striate.data.decode import DecodeError
from striate.data.targets.classes import ClassTargets
from striate.data.unreadable import UnreadablePictures
from striate.data.working import WorkingPictures


class InMemory(WorkingPictures):
    def __init__(self, pixels):
        self.pixels, self.shape = pixels, pixels.shape[1:]

    def fill(self, index, pixels):
        pixels[...] = self.pixels[index]


def batches(count: int, batch_size: int) -> Batches:
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2)
    return Batches(
        InMemory(pixels), ClassTargets(np.arange(count), tuple(map(str, range(count)))), np.arange(count), batch_size
    )


@given(st.integers(1, 200), st.integers(1, 64))
def test_every_picture_once_and_no_tail_of_one(count, batch_size):
    data = batches(count, batch_size)
    seen = [targets.labels.tolist() for _, targets, _ in data.shuffled(seed=0, epoch=3)]
    assert sorted(label for part in seen for label in part) == list(range(count))
    sizes = [len(part) for part in seen]
    assert len(sizes) == data.steps
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(1.5 * batch_size, 1)


def test_pictures_stay_with_their_labels():
    for pictures, targets, _ in batches(50, 8).shuffled(0, 0):
        assert torch.equal(pictures[:, 0, 0, 0].long(), targets.labels)


def test_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch, first=0):
        return [targets.labels.tolist() for _, targets, _ in batches(40, 8).shuffled(seed, epoch, first)]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert order(0, 1)[3:] == order(0, 1, first=3)


def test_in_order():
    assert [targets.labels.tolist() for _, targets, _ in batches(5, 2).in_order()] == [[0, 1, 2], [3, 4]]


def test_an_error_while_loading_reaches_the_caller():
    class Bad:
        def take(self, indices):
            raise RuntimeError("went bad")

    data = Batches(Bad(), ClassTargets(np.zeros(9, np.int64), ("a",)), np.arange(9), 3)
    with pytest.raises(RuntimeError, match="went bad"):
        list(data.in_order())


def test_golden_random_numbers():
    """Neither stream may change between versions of anything: a resumed run would not be the same run."""
    assert torch.randint(0, 1000, (4,), generator=step_generator(3, 14)).tolist() == [283, 966, 560, 802]
    assert np.random.default_rng([3, 14]).permutation(8).tolist() == [5, 0, 7, 4, 2, 1, 3, 6]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_do_not_depend_on_the_number_of_workers(workers):
    class Slow(InMemory):
        def fill(self, index, pixels):
            time.sleep(0.001 * (index % 5))  # so that later batches are ready before earlier ones
            super().fill(index, pixels)

    plain = batches(60, 8)
    data = replace(plain, working=Slow(plain.working.pixels), workers=workers)
    for expected, got in zip(plain.shuffled(1, 2), data.shuffled(1, 2), strict=True):
        assert torch.equal(expected.pictures, got.pictures)
        assert torch.equal(expected.targets.labels, got.targets.labels)
        assert (expected.indices == got.indices).all()


class Fading(InMemory):
    """Pictures 5 and 6 cannot be had."""

    def fill(self, index, pixels):
        if index in (5, 6):
            raise DecodeError(f"{index}.png", "is gone")
        super().fill(index, pixels)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_what_goes_bad_is_left_out_of_its_batch_and_named_once(workers):
    plain, said = batches(60, 8), []
    data = replace(
        plain, working=Fading(plain.working.pixels), workers=workers, unreadable=UnreadablePictures(60, said.append)
    )
    for epoch in (0, 1):
        for expected, got in zip(plain.shuffled(0, epoch), data.shuffled(0, epoch), strict=True):
            assert got.targets.labels.tolist() == [
                label for label in expected.targets.labels.tolist() if label not in (5, 6)
            ]
            assert torch.equal(got.pictures[:, 0, 0, 0].long(), got.targets.labels)
            assert got.indices.tolist() == got.targets.labels.tolist()
    assert sorted(said) == [
        f"warning: {number}.png is gone; it was readable before, and is left out from now on" for number in (5, 6)
    ]


def test_a_batch_of_which_nothing_is_left_ends_the_run():
    data = replace(
        batches(60, 1), working=Fading(batches(60, 1).working.pixels), unreadable=UnreadablePictures(60, print)
    )
    with pytest.raises(StriateError, match="no picture of a whole batch can be read any more; is the disk still there"):
        list(data.in_order())


@pytest.mark.parametrize("pictures, limit", [(5, 10), (1000, 10), (100_000, 1000)])
def test_one_per_cent_may_go_bad_or_ten(pictures, limit):
    unreadable = UnreadablePictures(pictures, lambda _: None)
    unreadable.note({number: DecodeError("x", "is gone") for number in range(limit)})
    with pytest.raises(
        StriateError, match=f"{limit + 1} pictures have gone bad since the run began, more than {limit}"
    ):
        unreadable.note({limit: DecodeError("x", "is gone")})
