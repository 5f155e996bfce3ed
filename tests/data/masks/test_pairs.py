"""Pairs of pictures and masks in the layouts that people have, and one sentence for those that are none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from striate.core.errors import StriateError
from striate.data.masks.pairs import Pairs, find_pairs, has_masks
from striate.data.walk import Walk


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


def paired(root: Path, *paths: str) -> Pairs:
    assert has_masks(touch(root, *paths))
    return find_pairs(Walk(root))


def refused(root: Path, text: str, *paths: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        find_pairs(Walk(touch(root, *paths)))


@pytest.mark.parametrize(
    ("picture", "mask", "split"),
    [
        ("images/a.jpg", "masks/a.png", ""),
        ("Images/a.jpg", "Annotations/a.png", ""),
        ("JPEGImages/a.jpg", "SegmentationClass/a.png", ""),
        ("data/images/a.jpg", "data/labels/a.png", ""),
        ("a.jpg", "masks/a.png", ""),
        ("train/images/a.jpg", "train/masks/a.png", "train"),
        ("images/valid/a.jpg", "masks/valid/a.png", "val"),
        ("images/train/aachen/a.jpg", "gt/train/aachen/a_gt.png", "train"),
        ("train/a.png", "train_labels/a_L.png", "train"),
        ("test/a.png", "testannot/a.png", "test"),
        ("images_train/a.png", "masks_train/a_mask.png", "train"),
        ("a.tif", "a_mask.tif", ""),
        ("ward/a.tif", "ward/a_mask.tif", ""),
        ("train/a.jpg", "train/a-mask.gif", "train"),
    ],
)
def test_layouts(tmp_path, picture, mask, split):
    found = paired(tmp_path, picture, mask)
    assert found == Pairs([picture], [mask], [split], [], [])


def test_the_unpaired_are_named_and_pairs_are_in_the_order_of_the_pictures(tmp_path):
    names = ("images/b.jpg", "images/a.jpg", "images/c.jpg", "masks/a.png", "masks/b_mask.png", "masks/d.png")
    found = paired(tmp_path, *names)
    assert (found.pictures, found.masks) == (["images/a.jpg", "images/b.jpg"], ["masks/a.png", "masks/b_mask.png"])
    assert (found.without_mask, found.without_picture) == (["images/c.jpg"], ["masks/d.png"])


def test_what_is_neither_picture_nor_mask_by_its_folder_has_no_mask(tmp_path):
    voc = "JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png"
    found = paired(tmp_path, *voc)
    assert (found.pictures, found.masks, found.without_mask) == ([voc[0]], [voc[1]], [voc[2]])


def test_the_same_name_in_two_splits_is_two_pictures(tmp_path):
    names = [f"{split}/{folder}" for split in ("train", "val") for folder in ("images/1.jpg", "masks/1.png")]
    assert paired(tmp_path, *names).splits == ["train", "val"]


def test_a_name_that_ends_like_a_mask_is_taken_as_it_is_first(tmp_path):
    found = paired(tmp_path, "images/a_L.jpg", "images/a.jpg", "masks/a_L.png", "masks/a.png")
    assert sorted(zip(found.pictures, found.masks, strict=True)) == [
        ("images/a.jpg", "masks/a.png"),
        ("images/a_L.jpg", "masks/a_L.png"),
    ]


@pytest.mark.parametrize(
    "paths",
    [
        ("cat/1.jpg", "dog/1.jpg"),
        ("with_mask/1.jpg", "without_mask/1.jpg"),
        ("train/mask/1.jpg",),
        ("images/train/1.jpg", "labels/train/1.txt"),
        ("left/a_l.jpg", "right/a_r.jpg"),
        ("1.jpg",),
        (),
    ],
)
def test_what_has_no_masks(tmp_path, paths):
    assert not has_masks(touch(tmp_path, *paths))


def test_what_cannot_be_paired(tmp_path):
    expected = "expected are images/a.jpg and masks/a.png, or a.jpg and a_mask.png"
    refused(tmp_path / "1", f"holds pictures, such as images/a.jpg, but no masks; {expected}", "images/a.jpg")
    refused(tmp_path / "2", f"holds masks, such as masks/a.png, but no pictures; {expected}", "masks/a.png")
    both = "no mask has the name of a picture; the first are images/a.jpg and masks/b.png"
    refused(tmp_path / "3", both, "images/a.jpg", "masks/b.png")
    two = "images/a.jpg has two masks, masks/a.png and masks/a_mask.png; move one of them away"
    refused(tmp_path / "4", two, "images/a.jpg", "masks/a.png", "masks/a_mask.png")
    two = "masks/a.png is the mask of two pictures, images/a.jpg and images/a.png; rename one"
    refused(tmp_path / "5", two, "images/a.jpg", "images/a.png", "masks/a.png")
    (tmp_path / "6").mkdir()
    refused(tmp_path / "6", f"holds no pictures; {expected}")
