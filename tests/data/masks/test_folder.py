"""A folder of pictures and masks as a data set: its splits, its targets, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factories import encoded
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.check import check_data
from striate.data.geometry import whole_pictures
from striate.data.masks.folder import open_masks
from striate.data.scan import scan_pictures
from striate.data.targets.classes import ClassBatch
from striate.data.targets.masks import MaskBatch, MaskTargets, masks_of

WORKING = Preprocess((4, 4), (4, 4))


def put(root: Path, name: str, mask: np.ndarray, split: str = "", kind: str = "PNG") -> None:
    """A picture and its mask."""
    for folder, content in (("images", encoded(np.stack([mask] * 3, 2))), ("masks", encoded(mask, kind))):
        file = root / split / folder / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def halves(left: int, right: int, side_px: int = 8) -> np.ndarray:
    return np.repeat(np.array([[left, right]], np.uint8), side_px // 2, 1).repeat(side_px, 0)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    for number in range(6):
        put(tmp_path, f"{number}", halves(number % 3, 255), "train")
    put(tmp_path, "9", halves(0, 2), "val")
    (tmp_path / "classes.txt").write_text("sky\nroad\ncar\n")
    return tmp_path


def test_targets_of_given_splits(streets):
    dataset = open_masks(streets)
    assert isinstance(dataset.targets, MaskTargets)
    assert (dataset.targets.names, dataset.targets.described) == (("sky", "road", "car"), "3 classes of pixels")
    assert dataset.counts() == {"train": [64, 64, 64], "val": [32, 0, 32]}
    assert dataset.split_rule == "train, val as given; no test split"
    assert dataset.inventory.left_out == ()  # classes.txt is used
    assert dataset.targets.mask(1).tolist() == halves(1, 255).tolist()
    assert dataset.pictures.listed_name(6) == "val/images/9.png"
    assert dataset.targets.files.listed_name(6) == "val/masks/9.png"


def test_batches_of_the_working_size_move_with_their_pictures(streets):
    targets = open_masks(streets).targets.at(WORKING)
    batch = targets.take(np.array([6, 0]))
    assert masks_of(batch).tolist() == [halves(0, 2, 4).tolist(), halves(0, 255, 4).tolist()]
    assert batch[1:].plain.shape == (1, 4, 4)
    geometry = whole_pictures(2, (4, 4))
    geometry.mirrored[:] = True
    assert batch.moved(geometry).masks[0].tolist() == halves(2, 0, 4).tolist()
    assert batch.to(lambda tensor: tensor + 1).masks.max() == 3  # 255 and 1 are 0 in uint8
    with pytest.raises(StriateError, match="this needs pictures with a mask each"):
        masks_of(ClassBatch(batch.masks))


def test_without_a_working_size_masks_must_be_alike(streets):
    assert len(open_masks(streets).targets.take(np.array([0, 1]))) == 2
    put(streets, "5", halves(0, 1, 4), "train")
    with pytest.raises(StriateError, match="masks of several sizes are no batch"):
        open_masks(streets).targets.take(np.array([0, 5]))


def test_equal_masks_have_equal_texts_and_content_knows_what_numbers_stand_for(streets):
    targets, everything = open_masks(streets).targets, np.arange(7)
    assert targets.text(0) == targets.text(3) != targets.text(1)
    assert targets.content(everything) == open_masks(streets).targets.content(everything)
    (streets / "classes.txt").write_text("sky\nvoid\ncar\n")
    assert targets.content(everything) != open_masks(streets).targets.content(everything)


def test_splits_are_drawn_by_name_where_there_are_none(tmp_path):
    for number in range(20):
        put(tmp_path, f"{number}", halves(0, 255))
    dataset = open_masks(tmp_path)
    assert {split: len(indices) for split, indices in dataset.splits.items()} == {"train": 14, "val": 3, "test": 3}
    assert dataset.split_rule == "70 % train, 15 % val, 15 % test, by name and split seed 0"
    assert dataset.targets.names == ("background", "foreground")
    assert dataset.inventory.notes == ("masks of 0 and 255 are read as background and foreground",)


def test_the_check_says_what_is_wrong(streets):
    put(streets, "7", halves(0, 9), "train")
    put(streets, "8", halves(0, 1), "train", "JPEG")
    (streets / "train" / "images" / "alone.png").write_bytes(encoded(halves(0, 0)))
    (streets / "train" / "masks" / "lonely.png").write_bytes(encoded(halves(0, 0)))
    dataset = open_masks(streets)
    report = check_data(dataset, scan_pictures(dataset.pictures))
    assert report.problems == [
        "train/masks/7.png has the number 9, which is no class; classes are sky, road, car, and 255 where nothing is "
        "asked"
    ]
    told = "\n".join(report.warnings)
    assert "1 picture is left out, without a mask: train/images/alone.png" in told
    assert "1 mask is left out, without a picture: train/masks/lonely.png" in told
    assert "with a mask that cannot be read: train/masks/8.png is a JPEG file, which blurs class numbers" in told
    assert "class road has no pixel in val: nothing tells how well it is learned there" in told


def test_a_grey_photograph_as_a_mask_is_a_problem(streets):
    photograph = np.random.default_rng(0).integers(0, 250, (8, 8), np.uint8)
    (streets / "train" / "masks" / "0.png").write_bytes(encoded(photograph))
    dataset = open_masks(streets)
    (problem,) = dataset.targets.review("streets", dataset.splits).problems
    assert problem.startswith("train/masks/0.png looks like a picture, not a mask; classes are")


def test_a_class_that_is_named_is_ignored(streets):
    dataset = open_masks(streets, ignored="road")
    assert dataset.targets.names == ("sky", "car")
    assert (dataset.targets.mask(1) == 255).all()


def test_masks_none_of_which_can_be_read(tmp_path):
    for name in "ab":
        put(tmp_path, name, halves(0, 1), kind="JPEG")
    with pytest.raises(StriateError, match=r"a.png is a JPEG file, .*; none of 2 masks can be read"):
        open_masks(tmp_path)


def test_colours_without_a_list_are_asked_for(tmp_path):
    put(tmp_path, "a", halves(0, 1))
    Image.new("RGB", (8, 8), (128, 64, 0)).save(tmp_path / "masks" / "a.png")
    with pytest.raises(StriateError, match=re.escape("a line such as 128 64 0 road for each of 128 64 0")):
        open_masks(tmp_path)
    (tmp_path / "masks" / "label_colors.txt").write_text("128 64 0\troad\n128 128 128\tsky\n")
    assert open_masks(tmp_path).targets.counts(np.array([0])) == [64, 0]


def test_pictures_outside_the_splits_are_left_out(streets):
    put(streets, "odd", halves(0, 1))
    (left_out,) = open_masks(streets).inventory.left_out
    assert (left_out.kind, left_out.names) == ("folder", ("images/odd.png",))


def test_a_batch_is_a_batch_of_targets(streets):
    batch: MaskBatch = open_masks(streets).targets.take(np.array([0, 1, 2]))
    assert [len(batch), len(batch[:2])] == [3, 2]
