"""`striate check-gradients`: the table, JSON, a run folder, what it ends with, mistakes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from striate.models.lenet import LeNet5


def test_a_table_of_layers_and_one_sentence(striate):
    answer = striate("check-gradients", "lenet5")
    assert (answer.status, answer.err) == (0, "")
    heading, _, *rows, sentence = answer.out.splitlines()
    assert heading.split() == ["layer", "kind", "compared", "largest", "error", "at", "kinks", "gradients"]
    assert [row.split()[0] for row in rows] == [
        "input", "features.c1", "features.c3", "classifier.c5", "classifier.f6", "classifier.output",
    ]  # fmt: skip
    assert all(row.split()[-1] == "right" for row in rows)
    # 3 of the pictures, and 3 of each of the 5 weights and 5 biases
    assert sentence.startswith(f"lenet5: gradients are right, {3 + 3 * (5 + 5)} compared, largest relative error ")


def test_json_of_chosen_layers(striate):
    words = "check-gradients resnet20 --layer input --layer layer1.0.* --entries 1 --pictures 2 --size 9x12 --json"
    answer = striate(*words.split())
    found = json.loads(answer.out)
    assert answer.status == 0
    assert found["is_right"] and found["images"] == [2, 3, 9, 12]
    assert [row["path"] for row in found["rows"]] == [
        "input", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2", "layer1.0.bn2",
    ]  # fmt: skip
    assert {row["verdict"] for row in found["rows"]} == {"right"}
    assert all(row["worst"] < 1e-5 for row in found["rows"])


def test_classes_channels_and_seed(striate):
    words = "check-gradients lenet5 --classes 3 --in-channels 2 --entries 1 --json --seed"
    first, again, other = (json.loads(striate(*words.split(), seed).out) for seed in (1, 1, 2))
    assert first["images"] == [4, 2, 16, 16]
    assert first == again != other


def test_a_run_folder(striate, digits_run):
    answer = striate("check-gradients", digits_run, "--entries", "1")
    assert answer.status == 0
    assert answer.out.splitlines()[-1].startswith("lenet5: gradients are right, 11 compared")


class HalfTanh(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        result = torch.tanh(values)
        context.save_for_backward(result)
        return result

    @staticmethod
    def backward(context: Any, upstream: torch.Tensor) -> torch.Tensor:
        (result,) = context.saved_tensors
        return upstream * (1 - result)  # tanh' is 1 - tanh squared


def test_a_wrong_gradient_ends_with_status_1_and_names_the_layer(striate, monkeypatch):
    features = LeNet5.forward_features
    monkeypatch.setattr(LeNet5, "forward_features", lambda self, images: HalfTanh.apply(features(self, images)))
    answer = striate("check-gradients", "lenet5")
    assert (answer.status, answer.err) == (1, "")
    verdicts = {line.split()[0]: line.split()[-1] for line in answer.out.splitlines()[2:-1]}
    assert [name for name, verdict in verdicts.items() if verdict == "wrong"] == ["input", "features.c1", "features.c3"]
    assert "gradients are wrong in 3 of 6 rows" in answer.out
    assert "look first at 'features.c3' and at what follows it" in answer.out
    assert json.loads(striate("check-gradients", "lenet5", "--json").out)["is_right"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("resnet19", "unknown model 'resnet19'; did you mean 'resnet18'"),
        ("runs/nothing", "runs/nothing: no such run folder; `striate runs` lists those there are, `embedded` is"),
        ("lenet5 --classes 0", "lenet5: classes must be at least 1, got 0"),
        ("lenet5 --size 8", "a 8x8 picture is too small: layer 'features.c3' (Conv2d) gets"),
        ("lenet5 --layer fc9", "lenet5: no layer with parameters is called fc9; there are input, features.c1"),
    ],
)
def test_mistakes_are_one_line(striate, words, message):
    assert message in striate("check-gradients", *words.split()).mistake()


@pytest.mark.parametrize(("option", "value"), [("--classes", 3), ("--in-channels", 3)])
def test_what_a_run_settles_cannot_be_chosen(striate, digits_run, option, value):
    line = striate("check-gradients", digits_run, option, value).mistake()
    assert line == f"striate: {option} is settled by the weights of {digits_run}; leave it out"
