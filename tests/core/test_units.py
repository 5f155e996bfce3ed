"""Amounts in units: what is told is what was counted, and one thing is told in the singular."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import StriateError
from striate.core.units import amount, compact, duration, in_bytes
from striate.layers.by_hand.normalisation import group_norm
from striate.runtime.runtime import Runtime, describe
from striate.training.before import few_steps
from striate.training.recipe import Recipe


def test_one_byte():
    assert (in_bytes(1), in_bytes(2)) == ("1 byte", "2 bytes")


def test_one_picture_at_once_in_one_thread():
    runtime = Runtime("cpu", "fp32", True, 1, micro_batch=1)
    assert describe(runtime) == "fp32 channels last 1 thread, 1 picture at once"
    assert describe(replace(runtime, threads=2, micro_batch=2)) == "fp32 channels last 2 threads, 2 pictures at once"


def test_one_epoch_of_one_step():
    said = few_steps(Recipe(model="resnet18", epochs=1, batch_size=256), 68)
    assert said is not None and "so that 1 epoch is 1 step, too few" in said


def test_one_channel():
    with pytest.raises(StriateError, match=r"divisible by 2 groups, got 1 channel$"):
        group_norm(torch.zeros(1, 1, 2, 2), 2)


@given(st.integers(0, 10**15))
def test_compact_counts_keep_four_digits(number):
    assert amount(compact(number)) == pytest.approx(number, rel=0.00051)
    assert len(compact(number).rstrip(" kMGT")) <= 5


def test_counts_go_to_the_next_unit_when_rounding_reaches_it():
    assert [compact(n) for n in (0, 999, 1000, 999_949, 999_950, 9_999_600, 15_470_264_320, 2 * 10**12)] == [
        "0", "999", "1.000 k", "999.9 k", "1.000 M", "10.00 M", "15.47 G", "2.000 T",
    ]  # fmt: skip


@given(st.floats(0, 1e7))
def test_durations_are_right_to_a_minute_in_an_hour(seconds):
    units = {"h": 3600, "min": 60, "s": 1}
    words = duration(seconds).split()
    told = sum(float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert told == pytest.approx(seconds, abs=0.051 if seconds < 10 else 0.5 if seconds < 3600 else 60)
