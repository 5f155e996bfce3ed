"""Runs on masks are told what is wrong with them, each thing once; a good run is told nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import striate
from found_out import found_in
from striate.core.records import Preprocess
from striate.models import SEGMENTATION, ZOO
from striate.models.segmentation.pixelwise import PixelwiseNetwork
from striate.tasks.finding import Validated
from striate.tasks.segmentation.findings import findings_of
from striate.tasks.segmentation.metric import PixelMetric

FIELDS = {
    "size_px": 48, "epochs": 6, "batch_size": 2, "peak_lr": 0.01, "warmup_epochs": 0.0,
    "seed": 0, "ema_decay": 0.0, "jitter": 0.0, "precision": "fp32", "threads": 1, "autotune": False,
}  # fmt: skip


class Tiny(PixelwiseNetwork):
    """Two convolutions, which see five pixels each way."""

    classifier_name = "head"
    features_info = ()

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.body = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.draw_head(classes)
        self.preprocess = Preprocess((48, 48), (48, 48)).for_channels(in_channels)

    def draw_head(self, classes: int) -> None:
        self.head = nn.Conv2d(8, classes, 3, padding=1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(images).relu())


def scenes(root: Path, right_px: int = 0, with_rare: bool = False) -> Path:
    """Forty pictures of a warm rectangle on cold ground, their masks moved to the right; some have a rare dot."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(40):
        mask = np.zeros((48, 60), np.uint8)
        top, left, height, width = random.integers((4, 8, 12, 12), (16, 20, 26, 30))
        mask[top : top + height, left : left + width] = 1
        if with_rare:
            mask[2:4, 10:12] = 2
        pixels = random.normal(np.array([(60, 100, 160), (160, 100, 60), (100, 140, 100)])[mask], 20)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)[:, 6:-6]).save(root / "images" / f"{number:02}.png")
        Image.fromarray(np.roll(mask, right_px, 1)[:, 6:-6]).save(root / "masks" / f"{number:02}.png")
    (root / "classes.txt").write_text("cold\nwarm\n" + "dot\n" * with_rare)
    return root


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a tiny network whose last bias is set, and return what the run said, by kind."""

    def run(data: Path, bias: tuple[float, ...] = (0.0, 0.0), **fields: Any) -> dict[str, dict[str, Any]]:
        outputs = len(bias)

        def tiny(classes=outputs, in_channels=3):
            network = Tiny(classes, in_channels)
            with torch.no_grad():
                network.head.bias += torch.tensor(bias)
            return network

        monkeypatch.setitem(ZOO, "tiny", tiny)
        monkeypatch.setitem(SEGMENTATION, "tiny", tiny)
        finished = striate.train(data, model="tiny", run=tmp_path / "run", **(FIELDS | fields))
        return found_in(finished.path)

    return run


def test_a_good_run_is_told_nothing(train, tmp_path):
    assert train(scenes(tmp_path / "data")) == {}


def test_shifted_masks_are_told_after_the_first_epoch(train, tmp_path):
    found = train(scenes(tmp_path / "data", right_px=4), epochs=2)
    assert found["shifted masks"]["epoch"] == 1
    assert found["shifted masks"]["text"].startswith(
        "masks lie 4 px to the right of what their pictures show, in 28 of 28 training pictures looked at (at 48x48"
    )


def test_one_class_for_all_pixels(train, tmp_path):
    found = train(scenes(tmp_path / "data"), bias=(4.0, 0.0), peak_lr=1e-7)
    text = found["one class"]["text"]
    assert text.startswith("all of the pixels of the validation pictures are answered 'cold', and ")
    assert found["one class"]["epoch"] == 4  # of six: three, and fifty steps, of fourteen an epoch
    assert "never answered" not in found


def test_a_class_that_no_pixel_is_answered_with(train, tmp_path):
    found = train(scenes(tmp_path / "data", with_rare=True), bias=(0.0, 0.0, -30.0))
    assert set(found) == {"never answered"}
    assert "answered with a class that is in their masks: 'dot' (0." in found["never answered"]["text"]
    assert found["never answered"]["epoch"] >= 3


def told(truth: list[int], answered: list[int], done: float = 1.0, judged: bool = True) -> list[str]:
    metric = PixelMetric(("ground", "cat", "dog"))
    for true, answer in zip(truth, answered, strict=True):
        metric.confusion[true, answer] += 1
    tiny = Tiny(2, 3)
    validated = Validated(metric, None, done, judged, tiny, tiny.preprocess, {})
    return [each.kind for each in findings_of(validated)]


def test_a_rare_class_that_is_found_in_part_is_nothing_to_be_told():
    assert told([0] * 95 + [1] * 5, [0] * 99 + [1] * 1) == []
    assert told([0] * 95 + [1] * 5, [0] * 100) == ["one class"]


def test_a_rare_class_is_waited_for_until_half_of_the_run():
    truth, answered = [0] * 50 + [1] * 45 + [2] * 5, [0] * 50 + [1] * 50
    assert told(truth, answered, done=0.4) == []
    assert told(truth, answered, done=0.5) == ["never answered"]
    assert told(truth, answered, judged=False) == []


def test_nothing_is_said_where_every_pixel_is_ignored():
    assert told([], []) == []
