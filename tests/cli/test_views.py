"""`--views` and `--crops` of evaluate and predict."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image


def test_evaluate_prints_the_centre_and_the_gain(striate, digits_run):
    answer = striate("evaluate", digits_run, "digits", "--crops", "10")
    *_, views, centre, gain = answer.out.splitlines()
    assert views.startswith("test: top-1 ") and centre.startswith("the centre alone: top-1 ")
    assert gain.startswith("views 10: ") and "at 10 passes a picture and 10 times the arithmetic" in gain


def test_evaluate_json(striate, digits_run):
    told = json.loads(striate("evaluate", digits_run, "digits", "--views", "flip", "--json").out)
    assert (told["split"], told["views"]["name"], told["views"]["passes"]) == ("test", "flip", 2)
    whole = json.loads(striate("evaluate", digits_run, "digits", "--json").out)
    assert told["views"]["centre"]["top1"] == whole["top1"]


def test_predict(striate, digits_run, tmp_path):
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / "a.png")
    told = json.loads(striate("predict", digits_run, tmp_path, "--crops", "144", "--json").out)
    assert len(told) == 1 and 0 < told[0]["probability"] <= 1


def test_mistakes(striate, digits_run, tmp_path):
    mistake = striate("predict", digits_run, tmp_path, "--crops", "10", "--engine", "onnxruntime").mistake()
    assert "--views 10 are computed by torch; leave --engine onnxruntime out" in mistake
    assert "unknown set of views '11'" in striate("evaluate", digits_run, "digits", "--crops", "11").mistake()


def test_runs_listed_first_are_averaged(striate, digits_run, tmp_path):
    picture = tmp_path / "a.png"
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(picture)
    alone = striate("predict", digits_run, picture, "--csv").out
    assert striate("predict", digits_run, digits_run, picture, "--csv").out == alone
    mistake = striate("predict", digits_run, digits_run).mistake()
    assert f"{digits_run} is a network, and no picture is named behind it; list pictures last" in mistake
