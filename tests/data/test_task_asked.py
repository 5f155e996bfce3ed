"""Data that can be read in several ways is read for the task that somebody asks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factories import tinted_boxes, tinted_folders, tinted_masks
from striate.core.errors import StriateError
from striate.data.sources import open_data, open_to_evaluate, task_of


def masked(folder: Path) -> Path:
    """Two classes of pictures, each of which has a mask beside it, and a folder of masks."""
    tinted_folders(folder)
    for picture in [*folder.rglob("*.png")]:
        halves = np.repeat(np.array([0, 1], np.uint8), 16)[:, None].repeat(32, 1)
        Image.fromarray(halves).save(picture.with_name(f"{picture.stem}_mask.png"))
    return folder


def test_masks_beside_pictures_of_classes(tmp_path):
    data = str(masked(tmp_path / "data"))
    assert task_of(data) == open_data(data).targets.task == "segmentation"
    pixels, classes = open_data(data, task="segmentation"), open_data(data, task="classification")
    assert (pixels.targets.names, len(pixels.pictures)) == (("0", "1"), 24)
    assert (classes.classes, len(classes.pictures)) == (("cold", "warm"), 24)
    assert classes.inventory.remarks == [
        "24 masks and folders of them are left out, no pictures of a class: cold/00_mask.png, cold/01_mask.png, "
        "cold/02_mask.png and 21 more"
    ]


def test_a_folder_of_masks_beside_the_classes_is_no_class(tmp_path):
    tinted_folders(tmp_path / "data")
    shutil.copytree(tmp_path / "data" / "cold", tmp_path / "data" / "masks")
    assert open_data(str(tmp_path / "data"), task="classification").classes == ("cold", "warm")


def test_masks_that_lie_deep_are_found_where_they_are_asked_for(tmp_path):
    for city in ("here", "there"):
        tinted_masks(tmp_path / "data" / city)
    data = str(tmp_path / "data")
    assert task_of(data) == "classification"
    assert len(open_data(data, task="segmentation").pictures) == 48


def test_a_table_of_boxes_is_one_of_classes_where_these_are_asked_for(tmp_path):
    table = str(tinted_boxes(tmp_path / "data"))
    assert [open_data(table).targets.task, open_data(table, task="classification").targets.task] == [
        "localisation",
        "classification",
    ]


def test_what_is_not_there_is_not_read_for_it(tmp_path):
    masks, folders = str(tinted_masks(tmp_path / "masks")), str(tinted_folders(tmp_path / "folders"))
    assert open_data(masks, task="classification").targets.task == "segmentation"
    for data in (folders, "digits"):
        assert {open_data(data, task=task).targets.task for task in ("segmentation", "localisation")} == {
            "classification"
        }


def test_a_class_to_ignore_need_not_be_in_the_data_to_validate_on(tmp_path):
    streets, others = tinted_masks(tmp_path / "streets"), tinted_masks(tmp_path / "others")
    (streets / "classes.txt").write_text("cold\nwarm\nhaze\n")
    Image.fromarray(np.full((32, 32), 2, np.uint8)).save(streets / "masks" / "00.png")
    dataset = open_data(str(streets), val=str(others), ignored="haze")
    assert (dataset.targets.names, len(dataset.splits["val"])) == (("cold", "warm"), 24)
    assert open_to_evaluate(str(others), ignored="haze").targets.names == ("cold", "warm")
    assert open_data(str(others), val=str(streets), ignored="haze").targets.names == ("cold", "warm")
    with pytest.raises(StriateError, match="'haze' is to be ignored, but .*others has no such class: cold, warm"):
        open_data(str(others), ignored="haze")
    (others / "classes.txt").unlink()
    with pytest.raises(StriateError, match="'haze' is to be ignored, but no list names the classes; write one as"):
        open_data(str(others), ignored="haze")
