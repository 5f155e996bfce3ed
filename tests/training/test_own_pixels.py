"""A network of a person's own that answers for every pixel: trained, resumed, evaluated, used, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import striate
from factories import tinted_folders, tinted_masks
from mortal import weights
from striate.core.errors import StriateError

NETS = Path(__file__).parents[1] / "models" / "own" / "nets.py"
SHORT = {"epochs": 2, "batch_size": 8, "peak_lr": 1e-2, "autotune": False, "threads": 1, "precision": "fp32"}


@pytest.fixture
def masks(tmp_path):
    return tinted_masks(tmp_path / "masks")


@pytest.mark.parametrize("name", ["Halving", "Coarse"])
def test_it_trains_goes_on_and_is_used(masks, tmp_path, death_in_place_of, name):
    model = f"{NETS}:{name}"
    run = striate.train(masks, model, run=tmp_path / "run", **SHORT)
    assert (run.task_name, run.network.task, run.recipe["recipe_name"]) == (*["segmentation"] * 2, "segmentation")
    with death_in_place_of("save", 1):
        striate.train(masks, model, run=tmp_path / "killed", **SHORT)
    assert weights(striate.resume(tmp_path / "killed", model=model).path) == weights(run.path)
    again = striate.load(run.path, model=model)
    (one, *_), (other, *_) = (each.predict(masks) for each in (run, again))
    assert one.mask.shape == (32, 32) and np.array_equal(one.mask, other.mask)
    assert again.evaluate(masks).to_dict() == run.evaluate(masks).to_dict()
    assert again.export(tmp_path / "net.onnx").record.task == "segmentation"


def test_smaller_maps_are_enlarged_and_auxiliary_heads_count_in_training():
    coarse, halving = (striate.create_model(f"{NETS}:{name}", 3, size=(32, 48)) for name in ("Coarse", "Halving"))
    assert coarse.eval()(torch.rand(1, 3, 32, 48)).shape == (1, 3, 32, 48)
    heads = halving.train().training_logits(torch.rand(2, 3, 32, 48))
    assert [(weight, tuple(maps.shape)) for weight, maps in heads] == [(1.0, (2, 3, 32, 48)), (0.3, (2, 3, 32, 48))]


def test_a_size_that_it_does_not_take_becomes_the_nearest_that_it_does(masks, tmp_path):
    from PIL import Image

    for file in masks.rglob("*.png"):
        Image.open(file).resize((50, 37), Image.Resampling.NEAREST).save(file)
    run = striate.train(masks, f"{NETS}:Halving", run=tmp_path / "run", **{**SHORT, "epochs": 1})
    assert run.preprocess.size == (40, 48)


def test_an_instance_for_other_classes_gets_new_last_layers(masks, tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 21, 1))
    run = striate.train(masks, network, run=tmp_path / "run", **{**SHORT, "epochs": 1})
    assert run.network.remarks[0].endswith("Sequential: its last layer, 2, is replaced for 2 classes")
    twice = nn.Sequential(nn.Conv2d(3, 21, 3, padding=1), nn.ReLU(), nn.Conv2d(21, 21, 1))
    with pytest.raises(StriateError, match="Sequential gives 21 maps of pixels for 2 classes, and ends in several"):
        striate.train(masks, twice, run=tmp_path / "other", **SHORT)


def test_it_is_refused_where_one_class_a_picture_is_asked(tmp_path):
    folders = tinted_folders(tmp_path / "folders")
    with pytest.raises(StriateError, match="as classification asks, but with a class for every pixel"):
        striate.train(folders, f"{NETS}:Coarse", run=tmp_path / "run", **SHORT)
