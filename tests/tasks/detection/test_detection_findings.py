"""Runs on boxes are told what is wrong with them, each thing once; a good run is told nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate
from found_out import found_in
from striate.core.records import Preprocess
from striate.data.shapes import write_shapes
from striate.models import DETECTORS, ZOO
from striate.models.detection.yolo import BOXES, GRID, YOLO

SIDE = 56  # eight pixels to a cell
FIELDS = {
    "size_px": SIDE, "epochs": 6, "batch_size": 4, "peak_lr": 0.01, "warmup_epochs": 0.0, "seed": 0,
    "validate_every_epochs": 1,
    "ema_decay": 0.0, "jitter": 0.0, "min_area": 1.0, "precision": "fp32", "threads": 1, "autotune": False,
}  # fmt: skip
CONFIDENCE = 4  # of the numbers of a box


class Tiny(YOLO):
    """Cells that see some sixteen pixels around them."""

    classifier_name = "score"
    features_info = ()

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(in_channels, 16, 8, 4, 2), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self._draw_last(classes)
        self.preprocess = Preprocess((SIDE, SIDE), (SIDE, SIDE), fit="stretch").for_channels(in_channels)

    def _draw_last(self, classes: int) -> None:
        self.score = nn.Conv2d(32, 5 * BOXES + classes, 1)

    @staticmethod
    def classes_of(rows: int) -> int:
        return rows - 5 * BOXES

    def cells(self, images: torch.Tensor) -> torch.Tensor:
        return self.score(self.pool(self.body(images))).permute(0, 2, 3, 1)


def shapes(root: Path, edit: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Some pictures of shapes, the annotations of those that are trained on edited one by one."""
    write_shapes(root, train=36, val=12, size_px=SIDE)
    path = root / "annotations" / "instances_train.json"
    record = json.loads(path.read_text())
    for each in record["annotations"] if edit else ():
        edit(each)
    path.write_text(json.dumps(record))
    return root


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a tiny network that is at first so sure of every box, and return what the run said, by kind."""

    def run(data: Path, sure: float | None = None, **fields: Any) -> dict[str, dict[str, Any]]:
        def tiny(classes=3, in_channels=3):
            network = Tiny(classes, in_channels)
            if sure is not None:
                nn.init.constant_(network.score.bias[CONFIDENCE : 5 * BOXES : 5], sure)
                nn.init.zeros_(network.score.weight[CONFIDENCE : 5 * BOXES : 5])
            return network

        monkeypatch.setitem(ZOO, "tiny", tiny)
        monkeypatch.setitem(DETECTORS, "tiny", tiny)
        finished = striate.train(data, model="tiny", run=tmp_path / "run", **(FIELDS | fields))
        return found_in(finished.path)

    return run


def test_a_good_run_is_told_nothing(train, tmp_path):
    assert train(shapes(tmp_path / "data"), epochs=24, validate_every_epochs=6) == {}


def test_boxes_that_no_place_learns_are_told_after_the_first_epoch(train, tmp_path):
    found = train(shapes(tmp_path / "data", lambda each: each.update(iscrowd=1)), epochs=2)
    assert found["no positives"]["epoch"] == 1
    assert found["no positives"]["text"].startswith(
        "no anchor, cell or point had an object to learn in the whole epoch: the network learns that everything is "
        "background. Usually every box of the training pictures is marked difficult or iscrowd, or crops leave too "
    )


def test_boxes_smaller_than_a_cell_are_told_after_the_first_epoch(train, tmp_path):
    found = train(shapes(tmp_path / "data", lambda each: each.update(bbox=[*each["bbox"][:2], 4, 5])), epochs=2)
    assert set(found) == {"small boxes"}
    assert found["small boxes"]["epoch"] == 1
    text = found["small boxes"]["text"]
    assert (
        "boxes of the training pictures looked at are smaller than the smallest anchor or cell of the network, 8 px"
        in text
    )
    assert "half of these have less than 4.5 px (at 56x56, as the network sees them)" in text


def test_a_network_that_finds_nothing(train, tmp_path):
    found = train(shapes(tmp_path / "data"), sure=0.1, peak_lr=1e-7)
    assert found["all background"]["text"].startswith(
        "nothing is found in the validation pictures at a score of 0.3 or more, where "
    )
    assert "never predicted" not in found


def test_a_class_that_nothing_is_taken_for(train, tmp_path):
    data = shapes(tmp_path / "data", lambda each: each.update(category_id=min(2, each["category_id"])))
    found = train(data, epochs=12)
    assert set(found) == {"never predicted"}
    assert found["never predicted"]["epoch"] >= 6
    assert (
        "is taken for a class that is there, at a score of 0.3 or more: 'triangle' ("
        in found["never predicted"]["text"]
    )
