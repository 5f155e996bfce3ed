"""`striate export`: what it says, and what it refuses in one line."""

from __future__ import annotations

import json
import os

import pytest

import striate as package

OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.conv(images).mean((2, 3)))
"""


def test_what_is_said_of_a_file(striate, digits_run, tmp_path):
    answer = striate("export", digits_run, "--output", tmp_path / "digits.onnx")
    assert answer.status == 0
    first, second = answer.out.splitlines()
    assert first.startswith(f"{tmp_path / 'digits.onnx'}: ")
    assert "fp32, takes normalised pictures of" in first
    assert second.startswith("the same class as the network on 179 validation pictures; logits differ by at most ")
    lines = ["tracing lenet5", "writing digits.onnx", "trying it on 179 validation pictures in ONNX Runtime"]
    assert answer.err.splitlines() == [f"striate: {line} ..." for line in lines]


def test_json_and_the_name_of_the_file(striate, digits_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(striate("export", digits_run, "--format", "pt2", "--json").out)
    assert found["output"] == f"{digits_run.name}.pt2"
    assert found["bytes"] == (tmp_path / found["output"]).stat().st_size
    assert found["largest_difference"] == 0
    assert (found["pictures"], found["near_ties"], found["precision"]) == (179, [], "fp32")


def test_any_folder_of_pictures_will_do(striate, digits_run, scans, tmp_path):
    answer = striate("export", digits_run, "--output", tmp_path / "a.onnx", "--data", scans)
    assert "the same class as the network on 3 pictures" in answer.out


def test_pictures_are_drawn_where_there_are_none(striate, tmp_path):
    answer = striate("export", "(conv8-relu)-gap", "--output", tmp_path / "net.pt2", "--classes", 3)
    assert "on 32 drawn pictures" in answer.out
    assert package.load(tmp_path / "net.pt2").classes == ("class 0", "class 1", "class 2")


def test_a_run_of_ones_own_network_takes_its_code(striate, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(OWN)
    package.train(photos, model="net.py:Net", run="run", epochs=1, batch_size=8, size_px=24, quiet=True)
    assert "--model" in striate("export", "run", "--output", "a.onnx").mistake()
    answer = striate("export", "run", "--output", "a.onnx", "--model", "net.py:Net")
    assert answer.status == 0
    assert package.load("a.onnx").record.architecture == "net.py:Net"


def test_an_exported_file_is_not_exported_again(striate, tmp_path):
    path = tmp_path / "cats.onnx"
    path.write_bytes(b"x")
    assert "cats.onnx is an exported file" in striate("export", path).mistake()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resnt18"], "unknown model 'resnt18'; did you mean 'resnet18'"),
        (["runs/none"], "runs/none: no such run folder"),
        (["lenet5", "--format", "tflite"], "unknown format 'tflite'"),
        (["lenet5", "--output", "a.pt"], "a file in the format onnx ends in .onnx, got a.pt"),
        (["lenet5", "--precision", "bf16"], "onnx files are fp32, int8, not bf16"),
        (
            ["lenet5", "--precision", "int8"],
            "and the weights of lenet5 are as drawn; train it first, or export it in fp32",
        ),
        (["lenet5", "--max-drop", "2"], "--max-drop is of --precision int8, got fp32; leave it out"),
        (["lenet5", "--data", os.devnull], f"there is no picture to try it on: {os.devnull} "),
        (["lenet5", "--data", "nowhere"], "nowhere: no such file or folder"),
        (["embedded", "--classes", "3"], "--classes is settled by the weights of embedded; leave it out"),
    ],
)
def test_mistakes(striate, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in striate("export", *words).mistake()
    assert list(tmp_path.iterdir()) == []
