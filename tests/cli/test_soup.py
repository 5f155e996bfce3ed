"""`soup`, and what takes its folder."""

from __future__ import annotations

import json
import shutil

import striate as package

OWN = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))
"""


def test_a_soup_is_used_like_a_run(striate, digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "runs" / "same")
    answer = striate("soup", digits_run, tmp_path / "runs" / "same", "--output", tmp_path / "runs" / "soup")
    assert "2 of 2 runs averaged: accuracy " in answer.out and "at the cost of one" in answer.out
    alone = json.loads(striate("evaluate", digits_run, "digits", "--json").out)
    told = json.loads(striate("evaluate", tmp_path / "runs" / "soup", "digits", "--json").out)
    assert told["top1"] == alone["top1"] and told["trained_on"] == 0
    (row,) = [
        row for row in json.loads(striate("runs", tmp_path / "runs", "--json").out) if row["run"].endswith("soup")
    ]
    assert (row["state"], row["accuracy"]) == ("finished", alone["top1"])
    mistake = striate("train", "--run", tmp_path / "runs" / "soup", "--resume").mistake()
    assert "runs/soup is a soup, the mean of the weights of other runs, which no training goes on with" in mistake


def test_json(striate, digits_run, tmp_path):
    told = json.loads(striate("soup", digits_run, digits_run, "--output", tmp_path / "soup", "--all", "--json").out)
    assert told["gain"] == 0 and [each["taken"] for each in told["runs"]] == [True, True]


def test_runs_of_ones_own_network_take_its_code(striate, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(OWN)
    package.train(photos, model="net.py:Net", run="run", epochs=1, batch_size=8, size_px=24, quiet=True)
    words = ("soup", "run", "run", "--output", "soup")
    assert "--model" in striate(*words).mistake()
    answer = striate(*words, "--model", "net.py:Net", "--precision", "fp32", "--device", "cpu")
    assert answer.status == 0 and "2 of 2 runs averaged" in answer.out
    assert package.load("soup", model="net.py:Net").network.label == "net.py:Net"
