"""A run and what only answers say where they look; a run shows its layers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import striate
from striate.core.errors import StriateError
from striate.data.working_size import to_working_size
from striate.deploy import looking
from striate.deploy.looking import heat_of, layers_of


def test_the_map_of_a_run_has_the_size_that_the_network_sees(embedded):
    run = striate.load("embedded")
    vars(run)["preprocess"] = replace(run.preprocess, mirrored=True)  # as the packaged weights are
    picture = to_working_size(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8), run.preprocess)
    heat = heat_of(run, picture, "thing 3")
    assert heat.method == "Grad-CAM"
    assert heat.values.shape == run.preprocess.size
    assert heat.values.min() >= 0 and heat.values.max() == pytest.approx(1)
    mirrored = heat_of(run, np.ascontiguousarray(picture[:, ::-1]), "thing 3")
    assert mirrored.values[:, ::-1] == pytest.approx(heat.values, abs=1e-3)  # it averages over both


def test_what_only_answers_is_asked_with_parts_covered(digits_run, monkeypatch):
    run = striate.load(digits_run)
    monkeypatch.setattr(looking, "_as_run", lambda predictor: None)
    picture = np.zeros((32, 32, 1), np.uint8)
    picture[4:28, 14:18] = 255
    heat = heat_of(run, picture, run.predict_pixels([picture], ["x"])[0].label)
    assert heat.method == "occlusion"
    assert heat.values.shape == (32, 32)
    assert heat.values.max() == 1
    assert heat.values[:, 14:18].mean() > heat.values[:, :4].mean()  # the ink decides, not the paper
    assert layers_of(run, picture) == []


def test_a_network_without_places_is_asked_from_outside(digits_run):
    run = striate.load(digits_run)
    run.network.features_info = ()
    assert heat_of(run, np.zeros((32, 32, 1), np.uint8), "3").method == "occlusion"


def test_a_class_that_is_not_there_is_told(digits_run):
    with pytest.raises(StriateError, match="unknown class 'eleven'"):
        heat_of(striate.load(digits_run), np.zeros((32, 32, 1), np.uint8), "eleven")


def test_layers_end_in_what_predict_reads(digits_run):
    run = striate.load(digits_run)
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 1)).astype(np.uint8)
    layers = layers_of(run, picture)
    (answer,) = run.predict_pixels([picture], ["x"], 1)
    best = int(layers[-1].values.argmax())
    assert run.classes[best] == answer.label
    assert torch.from_numpy(layers[-1].values).softmax(0)[best].item() == pytest.approx(answer.probability, abs=1e-5)
