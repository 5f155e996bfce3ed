"""The pictures of shapes that come with the package: the same for everyone, boxes about what is seen, read as data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.shapes import COLOURS, MOST_OBJECTS, scene, write_shapes
from striate.data.sources import open_data
from striate.ops.masks import Runs


def test_a_scene_is_the_same_each_time_and_others_differ():
    one, again, other, seeded = scene(3), scene(3), scene(4), scene(3, seed=1)
    assert (one.pixels == again.pixels).all()
    assert (one.boxes == again.boxes).all()
    for each in (other, seeded):
        assert (one.pixels != each.pixels).mean() > 0.5


def test_boxes_are_about_what_is_seen_and_masks_do_not_overlap():
    hidden, counts = 0, set()
    for number in range(40):
        one = scene(number, size_px=64)
        counts.add(len(one.labels))
        assert one.masks.sum(0).max(initial=0) <= 1
        for mask, (left, top, right, bottom) in zip(one.masks, one.boxes.astype(int).tolist(), strict=True):
            rows, columns = np.nonzero(mask)
            assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (left, top, right, bottom)
        hidden += sum(len(Runs.of_mask(mask).counts) > 2 * (mask.any(0).sum() + 1) for mask in one.masks)
        colours = [one.pixels[mask].mean(0).argmax() for mask in one.masks]
        assert colours == [int(np.argmax(COLOURS[label])) for label in one.labels]
    assert counts == set(range(MOST_OBJECTS + 1))
    assert hidden  # some have a column in two parts, as another object lies across


def test_a_written_set_is_data_for_detection(tmp_path):
    folder = write_shapes(tmp_path / "shapes", train=6, val=3, size_px=48, seed=2)
    dataset = open_data(str(folder))
    assert (dataset.targets.task, {s: len(i) for s, i in dataset.splits.items()}) == (
        "detection",
        {"train": 6, "val": 3},
    )
    assert dataset.targets.findings == ()
    first = scene(0, 48, 2)
    assert (dataset.pictures.decode(0, 3) == first.pixels).all()
    batch = dataset.targets.take(np.arange(9))
    np.testing.assert_array_equal(batch.boxes, np.concatenate([scene(n, 48, 2).boxes for n in range(9)]))
    record = json.loads((folder / "annotations" / "instances_train.json").read_text())
    told = record["annotations"][0]
    number = told["image_id"]
    assert (Runs.of_text(told["segmentation"]["counts"], (48, 48)).mask() == scene(number, 48, 2).masks[0]).all()
    with pytest.raises(StriateError, match="is there already"):
        write_shapes(folder)
    with pytest.raises(StriateError, match="size_px"):
        write_shapes(tmp_path / "none", size_px=2)


def test_shapes_of_other_sizes_and_what_is_no_size():
    small = [scene(number, size_px=256, sides=(0.02, 0.04)) for number in range(6)]
    sides = np.concatenate([each.boxes[:, 2:] - each.boxes[:, :2] for each in small])
    assert 0 < sides.max() < 0.04 * 256 * 1.4 + 1
    with pytest.raises(StriateError, match=r"the largest share of the picture's side, 0 to 1, got \(0, 2\)"):
        scene(0, sides=(0, 2))
