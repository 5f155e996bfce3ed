"""Outlines of objects: from COCO's, YOLO's and masks' files to the pixels of a batch, wherever these go."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from factories import encoded
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.boxes.dataset import open_boxes
from striate.data.boxes.outlines import Polygons, of_told, pixels, polygons, told, turned
from striate.data.geometry import whole_pictures
from striate.data.orientation import TURNS
from striate.data.shapes import scene, write_shapes
from striate.data.sources import open_data, open_to_evaluate, task_of
from striate.data.targets.boxes import BoxTargets
from striate.ops.masks import Runs

SIDE = 48


def opened(data, task="instances") -> BoxTargets:
    targets = open_boxes(data, task=task).targets
    assert isinstance(targets, BoxTargets)
    return targets


def numbered(root, *masks) -> None:
    """Pictures and the masks that number what is in them."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number, mask in enumerate(masks):
        height, width = mask.shape
        (root / "images" / f"{number}.jpg").write_bytes(encoded(np.zeros((height, width, 3), np.uint8), "JPEG"))
        Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / f"{number}.png")


def test_run_lengths_of_a_written_set_are_the_pixels_of_its_scenes(tmp_path):
    folder = write_shapes(tmp_path / "shapes", train=5, val=2, size_px=SIDE)
    assert task_of(str(folder)) == "detection"
    targets = open_data(str(folder), task="instances").targets
    assert isinstance(targets, BoxTargets)
    batch = targets.take(np.arange(7))
    expected = np.concatenate([scene(number, SIDE).masks for number in range(7)])
    assert batch.masks is not None
    np.testing.assert_array_equal(batch.masks, expected)
    assert batch.plain["masks"] is batch.masks
    np.testing.assert_array_equal(batch[2:4].masks, expected[np.isin(batch.picture, (2, 3))])


def test_masks_go_where_pixels_go(tmp_path):
    targets = opened(write_shapes(tmp_path / "shapes", train=6, val=1, size_px=SIDE))
    batch = targets.at(Preprocess((2 * SIDE, SIDE), (2 * SIDE, SIDE), fit="stretch")).take(np.arange(7))
    geometry = whole_pictures(7, (2 * SIDE, SIDE))
    geometry.mirrored[::2] = True
    moved = batch.moved(geometry)
    for mask, box in zip(moved.masks, moved.boxes.tolist(), strict=True):
        rows, columns = torch.nonzero(mask).T
        assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box
    half = whole_pictures(7, (2 * SIDE, SIDE))
    extents = torch.tensor([[SIDE / 2, SIDE]]).double().expand(7, 2)
    part = batch.moved(type(half)((2 * SIDE, SIDE), (SIDE, SIDE // 2), half.offsets, extents, half.mirrored))
    assert part.masks.shape == (len(part.labels), SIDE, SIDE // 2)
    assert len(part.labels) < len(batch.labels)
    assert batch.to(lambda tensor: tensor).masks is batch.masks


def test_polygons_of_yolo(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images" / "a.png").write_bytes(encoded(np.zeros((20, 40, 3), np.uint8)))
    (tmp_path / "labels" / "a.txt").write_text("0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6\n1 0.5 0.5 0.5 0.5\n")
    targets = opened(tmp_path)
    batch = targets.take(np.arange(1))
    assert (targets.ignored.tolist(), batch.masks.sum((1, 2)).tolist()) == ([False, True], [64, 0])
    rows, columns = torch.nonzero(batch.masks[0]).T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 4, 11)
    assert opened(tmp_path, "detection").outlines == ()


def test_masks_of_several_classes_number_no_objects(tmp_path):
    numbered(tmp_path, np.eye(8, dtype=int))
    (tmp_path / "classes.tsv").write_text("0\tbackground\n1\troad\n2\tcar\n")
    said = "masks whose numbers are the 2 classes that .*classes.tsv names, and no numbers of objects; learn them by"
    with pytest.raises(StriateError, match=said):
        opened(tmp_path, "detection")


def test_masks_that_number_objects(tmp_path):
    one, none, three = np.zeros((20, 30), int), np.zeros((20, 30), int), np.zeros((20, 30), int)
    one[2:8, 3:9] = 1
    three[0:5, 0:5], three[0:5, 10:20], three[10:20, 25:30], three[5, :] = 1, 2, 3, 255
    numbered(tmp_path, one, none, three)
    assert task_of(str(tmp_path)) == "segmentation"
    targets = open_to_evaluate(str(tmp_path), task="instances").targets
    assert isinstance(targets, BoxTargets)
    assert (targets.task, targets.names, targets.per_picture.tolist()) == ("instances", ("object",), [1, 0, 3])
    assert targets.boxes.tolist() == [[3, 2, 9, 8], [0, 0, 5, 5], [10, 0, 20, 5], [25, 10, 30, 20]]
    np.testing.assert_array_equal(targets.take(np.array([2])).masks[1], three == 2)
    boxes = open_to_evaluate(str(tmp_path), task="detection").targets
    assert (boxes.task, len(boxes.boxes)) == ("detection", 4)
    (tmp_path / "classes.txt").write_text("background\nperson\n")
    assert opened(tmp_path).names == ("person",)


def test_masks_that_number_classes_are_no_objects(tmp_path):
    numbered(tmp_path, *[np.full((9, 9), 7)] * 2)
    with pytest.raises(StriateError, match=r"0.png holds 7, which number no objects; expected is 0 for the ground"):
        open_boxes(tmp_path, task="instances")


def test_boxes_without_outlines_and_masks_of_other_sizes_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(np.zeros((20, 40, 3), np.uint8)))
    (tmp_path / "boxes.csv").write_text("path,label,x0,y0,x1,y1\na.png,cat,1,1,9,9\n")
    with pytest.raises(StriateError, match="boxes without outlines, and instances are of pixels"):
        open_boxes(tmp_path / "boxes.csv", task="instances")
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "iscrowd": 0}
    told_in_file = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{**one, "segmentation": {"size": [9, 9], "counts": [0, 81]}}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(told_in_file))
    with pytest.raises(StriateError, match="a mask of a.png has 9x9 pixels and the picture 40x20; give masks the size"):
        open_boxes(tmp_path / "a.json", task="instances")
    told_in_file["annotations"][0]["segmentation"]["counts"] = "\x01"
    (tmp_path / "a.json").write_text(json.dumps(told_in_file))
    with pytest.raises(StriateError, match=re.escape("annotations[0]: '\\x01' is no compressed mask")):
        open_boxes(tmp_path / "a.json", task="instances")


def test_a_list_says_the_outlines_and_some_or_joined_keep_them(tmp_path):
    targets = opened(write_shapes(tmp_path / "shapes", train=4, val=2, size_px=SIDE))
    order = np.array([5, 0, 3])
    some = targets.only(order)
    texts = [some.text(number) for number in range(3)]
    again = targets.listed(texts, targets.names, iter([]), "data.tsv")
    expected = np.concatenate([scene(number, SIDE).masks for number in order.tolist()])
    for each in (some, again):
        np.testing.assert_array_equal(each.take(np.arange(3)).masks, expected)
    both = some.joined([again])
    assert len(both.outlines) == 2 * len(some.outlines)
    assert some.content(np.arange(3)) == again.content(np.arange(3))
    with pytest.raises(StriateError, match="data.tsv is damaged"):
        targets.listed([re.sub(r',"outlines".*', "}", texts[0])], targets.names, iter([]), "data.tsv")


@pytest.mark.parametrize("number", range(1, 9))
def test_outlines_turn_as_pillow_turns_pixels(number):
    corners = polygons([[2, 3, 12, 3, 12, 9, 2, 9]])
    mask = pixels(corners, (20, 30))
    picture = Image.fromarray(mask.view(np.uint8))
    expected = np.asarray(picture.transpose(TURNS[number]) if number in TURNS else picture).astype(bool)
    for outline in (corners, Runs.of_mask(mask)):
        np.testing.assert_array_equal(pixels(turned(outline, number, (20, 30)), expected.shape), expected)


def test_an_outline_in_a_list():
    both = polygons([[0, 0, 4, 0, 4, 4], [5.5, 5, 9, 5, 9, 9]])
    again = of_told(told(both), (20, 30))
    assert isinstance(again, Polygons)
    assert [part.tolist() for part in again.parts] == [part.tolist() for part in both.parts]
    runs = Runs.of_mask(np.eye(9, dtype=bool))
    np.testing.assert_array_equal(pixels(of_told(told(runs), (9, 9)), (9, 9)), np.eye(9, dtype=bool))
    assert told(of_told(None, (9, 9))) is None
