"""The bytes of a frame are what the network says."""

import json

import numpy as np
import pytest
import torch

from striate.playground import Settings
from striate.playground.frame import LINE_UNITS, NEURON_SIDE, SIDE, frame
from striate.playground.learner import Learner
from striate.playground.plane import grid


def parted(shown: bytes):
    head, _, content = shown.partition(b"\n")
    told = json.loads(head)
    size = SIDE**2 + len(told["scales"]) * NEURON_SIDE**2
    values = np.frombuffer(content[:size], np.int8) / 127
    lines = np.frombuffer(content[size:], "<u2").reshape(-1, 4) / LINE_UNITS
    output, neurons = values[: SIDE**2].reshape(SIDE, SIDE), values[SIDE**2 :]
    return told, output, neurons.reshape(-1, NEURON_SIDE, NEURON_SIDE), lines


def test_pictures_are_what_every_neuron_makes_of_the_plane():
    learner = Learner(Settings(data="circle", hidden=(3, 2), features=("x1", "x2^2"), rate=0.3))
    learner.advance(40)
    told, output, neurons, _ = parted(frame(learner))
    assert told["step"] == 40 and [len(layer) for layer in told["weights"]] == [3, 2, 1]
    assert told["weights"][1] == learner.network.linears[1].weight.detach().double().numpy().round(4).tolist()
    with torch.no_grad():
        probability = torch.sigmoid(learner.network(grid(SIDE))).reshape(SIDE, SIDE)
        maps = torch.cat(learner.network.maps(grid(SIDE))[:-1], 1).T.reshape(7, SIDE, SIDE)[:, ::2, ::2]
    np.testing.assert_allclose(output, 2 * probability - 1, atol=0.005)
    np.testing.assert_allclose(neurons * np.array(told["scales"])[:, None, None], maps, atol=0.005 * 36)
    train, test = learner.score()
    assert told["loss"] == pytest.approx([train.loss, test.loss], abs=1e-6)
    assert told["accuracy"] == pytest.approx([train.accuracy, test.accuracy], abs=1e-6)


def test_the_line_and_the_margin_of_support_vectors():
    learner = Learner(Settings(data="gauss", learner="svm", l2=0.1))
    learner.advance(300)
    told, _, _, lines = parted(frame(learner))
    assert told["levels"] == [-1, 0, 1] and sum(told["lines"]) == len(lines)
    (layer,) = learner.network.linears
    for level, pieces in zip(told["levels"], np.split(lines, np.cumsum(told["lines"])[:-1]), strict=True):
        ends = pieces.reshape(-1, 2)
        places = np.stack([(ends[:, 0] + 0.5) / SIDE * 12 - 6, 6 - (ends[:, 1] + 0.5) / SIDE * 12], 1)
        scores = places @ layer.weight[0].detach().numpy() + layer.bias.item()
        np.testing.assert_allclose(scores, level, atol=0.01)


def test_what_has_left_all_bounds_is_still_shown():
    learner = Learner(Settings(data="circle", features=("x1^2", "x2^2"), hidden=(8,), activation="linear", rate=10.0))
    learner.advance(60)
    assert not all(bool(layer.weight.isfinite().all()) for layer in learner.network.linears)
    told, output, _, _ = parted(frame(learner))
    assert told["loss"] == [None, None] and not output.any()


def test_the_largest_network_is_small():
    features = ("x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2")
    assert len(frame(Learner(Settings(features=features, hidden=(8,) * 6)))) < 50_000
