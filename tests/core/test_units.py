"""One thing is told in the singular."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from striate import StriateError
from striate.core.units import in_bytes
from striate.layers.by_hand.normalisation import group_norm
from striate.runtime.runtime import Runtime, describe
from striate.training.plan import few_steps
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
