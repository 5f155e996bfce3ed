"""A sliding-window detector as any other: trained, evaluated, used, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import striate
from factories import tinted_objects
from striate.models.detection import sliding_window

FIELDS = {
    "model": "sliding_window_quick", "size_px": 48, "epochs": 2, "batch_size": 8, "warmup_epochs": 0, "min_area": 1.0,
    "test_enlargement": 1.0, "validate_every_epochs": 2, "autotune": False, "threads": 1, "precision": "fp32",
}  # fmt: skip


def test_it_learns_and_answers_in_a_file_too(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sliding_window, "SHARES", (0.5, 0.25))
    monkeypatch.setattr(sliding_window, "RATIOS", (1.0,))
    data = tinted_objects(tmp_path / "data")
    run = striate.train(data, run=tmp_path / "whole", **FIELDS)
    said = "classifies 373 windows of a picture of 48x48 px, of 2 sizes and shapes, each as 46x46 px"
    assert said in capsys.readouterr().err
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["train_loss"] for line in lines)
    assert second < first
    found = run.evaluate(data, split="val")
    assert run.metrics["val_map"] == pytest.approx(found.figures()["map"], abs=1e-6)
    assert run.predict(np.zeros((64, 64, 3), np.uint8)) is not None
    run.export(tmp_path / "run.onnx")  # tried against the network before it is kept
