"""Large pictures in tiles: the answer is that to the whole picture, whatever its size, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import striate
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.streaming import Undecoded
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.run import Run
from striate.deploy.tiles import answers_in_tiles
from striate.models import ZOO
from striate.models.segmentation.pixelwise import PixelwiseNetwork


class Small(PixelwiseNetwork):
    """Three convolutions, two poolings: answers at a quarter of the size, which see 12 px each way."""

    classifier_name = "head"
    features_info = ()
    multiple_px = 4

    def __init__(self, classes: int, in_channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.draw_head(classes)
        self.preprocess = Preprocess((96, 96), (96, 96), fit="stretch").for_channels(in_channels)

    def draw_head(self, classes: int) -> None:
        self.head = nn.Conv2d(8, classes, 3, padding=1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.max_pool2d(self.first(images).relu(), 2)
        maps = F.max_pool2d(self.second(maps).relu(), 2)
        return F.interpolate(self.head(maps), scale_factor=4.0, mode="bilinear")


@pytest.fixture
def run_of(tmp_path, monkeypatch):
    """A run of the network above with inputs of a size; its weights are the same each time."""
    monkeypatch.setitem(ZOO, "small", lambda classes=3, in_channels=3: Small(classes, in_channels))

    def made(size: tuple[int, int]) -> Run:
        torch.manual_seed(0)
        network = striate.create_model("small", 3)
        network.preprocess = network.preprocess.at(size)
        folder = tmp_path / f"run-{size[0]}x{size[1]}"
        save_weights(folder, network)
        save_config(folder, network, ("sky", "sea", "land"), {}, "segmentation")
        return striate.load(folder, precision="fp32")

    return made


def scene(height: int, width: int) -> np.ndarray:
    """Soft blobs of many colours."""
    rough = np.random.default_rng(3).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))


def test_tiles_give_the_answer_to_the_whole_picture(run_of):
    picture = scene(224, 288)
    (whole,) = run_of((224, 288)).predict([picture])
    (tiled,) = run_of((96, 96)).predict([picture], tiles=True)
    assert tiled.mask.shape == (224, 288)
    assert min(tiled.shares.values()) > 0.001  # all classes are there
    assert (tiled.mask != whole.mask).mean() < 1e-4
    assert tiled.told(1) == whole.told(1)


def test_without_overlap_they_would_not(run_of):
    picture, run = scene(192, 192), run_of((96, 96))
    (whole,) = run_of((192, 192)).predict([picture])
    corners = [(top, left) for top in (0, 96) for left in (0, 96)]
    parts = run.predict([picture[top : top + 96, left : left + 96] for top, left in corners])
    wrong = [
        (part.mask != whole.mask[top : top + 96, left : left + 96]).mean()
        for part, (top, left) in zip(parts, corners, strict=True)
    ]
    assert min(wrong) > 1e-3


def test_a_size_that_no_stride_divides_is_answered_everywhere_and_nearly_alike(run_of):
    """The last tiles end with the picture, so that their poolings begin elsewhere."""
    picture = scene(231, 301)
    (whole,) = run_of((231, 301)).predict([picture])
    (tiled,) = run_of((96, 96)).predict([picture], tiles=True)
    assert tiled.mask.shape == (231, 301)
    agreed = tiled.mask == whole.mask
    assert agreed[:160, :208].mean() > 0.9999  # up to the middle of what the last two tiles share
    assert agreed.mean() > 0.9


def test_a_picture_smaller_than_a_tile_is_one_tile_with_what_is_missing_left_over(run_of):
    (tiled,) = run_of((96, 96)).predict([scene(40, 200)], tiles=True)
    assert tiled.mask.shape == (40, 200)
    (whole,) = run_of((40, 200)).predict([scene(40, 200)])
    assert (tiled.mask[:24] == whole.mask[:24]).mean() > 0.99


def test_several_pictures_in_order_and_one_that_cannot_be_read(run_of, tmp_path):
    for name, size in (("a", (100, 130)), ("c", (96, 96))):
        Image.fromarray(scene(*size)).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    found = run_of((96, 96)).predict([tmp_path / f"{name}.png" for name in "abc"], tiles=True)
    assert [Path(each.path).name for each in found] == ["a.png", "b.png", "c.png"]
    assert found[1].problem
    assert [found[0].mask.shape, found[2].mask.shape] == [(100, 130), (96, 96)]


def test_the_next_picture_is_decoded_when_the_last_one_is_answered(run_of):
    decoded = []

    def picture(number: int) -> Undecoded:
        def decode(channels, cover, white):
            decoded.append(number)
            return scene(120, 120)

        return Undecoded(str(number), decode)

    answers = answers_in_tiles(run_of((96, 96)), [picture(number) for number in range(3)])
    next(answers)
    assert decoded == [0]
    assert len(list(answers)) == 2


def test_tiles_of_one_answer_a_picture_are_refused(embedded):
    with pytest.raises(StriateError, match="tiles=True puts answers for places together, and classification gives"):
        striate.load(embedded).predict([scene(64, 64)], tiles=True)
