"""`--engine`: who computes is said, the answers are the same, what cannot be is one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path_factory.getbasetemp() / "cli-engines-cache"))


@pytest.fixture
def pictures(tmp_path):
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (30, 30), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "torch"])
def test_predict_by_a_named_engine(striate, digits_run, pictures, engine):
    expected = json.loads(striate("predict", digits_run, pictures, "--json").out)
    found = striate("predict", digits_run, pictures, "--engine", engine, "--json")
    assert {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "torch": "torch"}[engine] in found.err
    for theirs, ours in zip(expected, json.loads(found.out), strict=True):
        assert (ours["path"], ours["label"]) == (theirs["path"], theirs["label"])
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-4)


def test_an_exported_file_by_another_engine_than_its_own(striate, digits_run, pictures, tmp_path):
    striate("export", digits_run, "--output", tmp_path / "digits.onnx")
    found = striate("predict", tmp_path / "digits.onnx", pictures, "--engine", "openvino", "--json")
    assert "answered by OpenVINO" in found.err
    assert [each["label"] for each in json.loads(found.out)] == [
        each["label"] for each in json.loads(striate("predict", digits_run, pictures, "--json").out)
    ]
    wrong = striate("predict", tmp_path / "digits.onnx", pictures, "--engine", "torch")
    assert "is run by ONNX Runtime or OpenVINO, not by torch" in wrong.mistake()


def test_an_engine_that_there_is_not(striate, digits_run, pictures):
    assert "unknown engine 'tensorrt'" in striate("predict", digits_run, pictures, "--engine", "tensorrt").mistake()


def test_many_pictures_are_measured_and_said(striate, digits_run, pictures, monkeypatch):
    monkeypatch.setattr("striate.deploy.engine_choice.MEASURED_FROM", 3)
    monkeypatch.setattr("striate.deploy.engine_choice.FOLLOWED_FROM", 3)
    monkeypatch.setattr("striate.cli.predicting.SAID_FROM", 3)
    found = striate("predict", digits_run, pictures, "--csv")
    assert "answers fastest here: " in found.err and "answered by " in found.err
    assert len(found.out.splitlines()) == 4
