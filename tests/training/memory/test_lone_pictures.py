"""No batch norm is trained on a single value per channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.models import create_model
from striate.recipes import get_recipe
from striate.training.before import few_steps
from striate.training.memory.lone_pictures import fewest_at_once, lone_norms
from striate.training.recipe import Recipe

RECIPE = Recipe(model="resnet18", size_px=32)


@pytest.fixture
def dozen(tmp_path):
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("a", "b"):
            folder = tmp_path / "dozen" / split / kind
            folder.mkdir(parents=True)
            for number in range(count):
                rng = np.random.default_rng([ord(kind), number, count])
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "dozen"


@pytest.mark.parametrize(
    ("fields", "said"), [({"batch_size": 1}, "batch_size 1"), ({"batch_size": 4, "micro_batch": 1}, "micro_batch=1")]
)
def test_one_picture_at_a_time_is_refused_before_the_first_step(dozen, tmp_path, fields, said):
    with pytest.raises(
        StriateError,
        match=rf"resnet18 cannot be trained on one picture of 32x32 px at a time, as {said} with 12 training pictures "
        r"does: its batch norm 'layer4\.0\.downsample\.1' gets one value per channel of it, which has no variance; "
        r"take batch_size=4 without a smaller micro_batch=\.\.\., or a larger size_px=\.\.\.",
    ):
        striate.train(dozen, "resnet18", run=tmp_path / "run", epochs=1, **fields)


def test_one_picture_at_a_time_trains_where_maps_are_larger(dozen, tmp_path):
    run = striate.train(dozen, "resnet20", run=tmp_path / "run", epochs=1, batch_size=1, autotune=False)
    assert run.metrics["val_pictures"] == 4


def test_which_norms_would_be_alone():
    def norms(model, size, **fields):
        with torch.device("meta"):
            network = create_model(model, 2, size=size)
        return lone_norms(network, replace(RECIPE, **fields))

    assert norms("resnet18", (32, 32))[0] == "layer4.0.downsample.1"
    assert norms("resnet18", (64, 64)) == []
    assert norms("resnet18", (32, 64)) == []
    assert norms("resnet18", (64, 64), start_px=32)[0] == "layer4.0.downsample.1"  # while the pictures are small
    assert norms("vgg11", (32, 32)) == []


def test_parts_that_memory_asks_for_are_never_of_one_there():
    small, large = create_model("resnet18", 2, size=(32, 32)), create_model("resnet18", 2, size=(64, 64))
    assert (fewest_at_once(small, RECIPE), fewest_at_once(large, RECIPE)) == (3, 1)
    for pictures in range(2, 100):  # nearly equal parts of at most three
        assert min(len(part) for part in torch.arange(pictures).tensor_split(-(-pictures // 3))) > 1


def test_no_batch_of_one_is_advised():
    recipe = get_recipe("default")
    for pictures in range(1, 64):
        advice = few_steps(replace(recipe, batch_size=64, epochs=5), pictures) or ""
        assert ("--set batch_size=4)" in advice) == (pictures > 4)
        assert "batch_size=1)" not in advice and "batch_size=2)" not in advice
