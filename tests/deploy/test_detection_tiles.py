"""A detector on large pictures: tiles find the small objects that are lost where all of a picture is made small."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import striate
from striate.core.records import Preprocess
from striate.data.shapes import scene
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.run import Run
from striate.models import DETECTORS, ZOO
from striate.models.detection.detector import MOST, Detector
from striate.ops.suppression import detections

SIDE, CELL = 128, 4
NAMES = ("disc", "square", "triangle")


class Colours(Detector):
    """Cells in one of three colours are objects: fixed numbers, so that nothing has to be trained."""

    classifier_name = "score"
    features_info = ()

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.score = torch.nn.Conv2d(in_channels, classes, 1)
        self.preprocess = Preprocess((SIDE, SIDE), (SIDE, SIDE), (0.0,) * 3, (1.0,) * 3, fit="stretch")
        with torch.no_grad():  # how much more of one colour than of the other two
            self.score.weight.copy_((torch.eye(3) * 1.5 - 0.5)[..., None, None] * 20)
            self.score.bias.fill_(-4.0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.score(F.avg_pool2d(images, CELL)).flatten(2).transpose(1, 2)
        y, x = torch.meshgrid(torch.arange(SIDE // CELL), torch.arange(SIDE // CELL), indexing="ij")
        middle = (torch.stack([x, y], 2).flatten(0, 1) + 0.5) * CELL / SIDE
        half = 2 * CELL / SIDE
        boxes = torch.cat([middle - half, middle + half], 1).clamp(0, 1) + 0 * logits[..., :1]
        return detections(boxes, logits.sigmoid(), iou_threshold=0.1, score_threshold=0.5, most=MOST)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    for zoo in (ZOO, DETECTORS):
        monkeypatch.setitem(zoo, "colours", lambda classes=3, in_channels=3: Colours(classes, in_channels))
    network = striate.create_model("colours", 3)
    save_weights(tmp_path / "run", network)
    save_config(tmp_path / "run", network, NAMES, {}, "detection")
    return striate.load(tmp_path / "run", precision="fp32")


def hits(answer, truth) -> int:
    """True objects whose middle lies in a box of their class that is found."""
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in truth.boxes.tolist()]
    boxes = [(each.label, each.box_at(*truth.pixels.shape[:2])) for each in answer.sure]
    return sum(
        any(name == label and x0 <= x <= x1 and y0 <= y <= y1 for name, (x0, y0, x1, y1) in boxes)
        for label, (x, y) in zip(truth.labels, middles, strict=True)
    )


def test_tiles_find_what_the_whole_picture_does_not(run):
    pictures = [scene(number, size_px=1024, sides=(0.009, 0.011)) for number in range(8)]
    there = sum(len(each.labels) for each in pictures)
    pixels = [each.pixels for each in pictures]
    whole, tiled = run.predict(pixels), run.predict(pixels, tiles=True)
    assert there > 10
    assert sum(map(hits, whole, pictures)) == 0
    assert sum(map(hits, tiled, pictures)) == there
    assert sum(len(each.sure) for each in tiled) == there  # each of them once, wherever tiles meet


def test_one_tile_is_the_whole_picture(run):
    pixels = scene(4, size_px=SIDE).pixels
    (whole,), (tiled,) = run.predict([pixels]), run.predict([pixels], tiles=True)
    assert len(whole.objects) > 1
    assert [(each.label, each.score) for each in tiled.objects] == [(each.label, each.score) for each in whole.objects]
    for one, other in zip(tiled.objects, whole.objects, strict=True):
        assert one.box == pytest.approx(other.box)
