"""Boxes as COCO's JSON has them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes import coco
from striate.data.boxes.dataset import has_boxes, open_boxes
from striate.data.decode import DecodeError
from striate.data.geometry import whole_pictures
from striate.data.sources import open_data, task_of

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 90, "name": "eel"}]


def written(file: Path, pictures: dict[str, tuple[int, list[float]]], beside: Path, **changed: Any) -> None:
    """A file of one box in each picture, by its name: category and left, top, width, height."""
    for name in pictures:
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(encoded(np.zeros((20, 30, 3), np.uint8)))
    content: dict[str, Any] = {
        "info": {"year": 2026},
        "images": [{"id": 100 + n, "file_name": name, "height": 20, "width": 30} for n, name in enumerate(pictures)],
        "annotations": [
            {"id": n, "image_id": 100 + n, "category_id": category, "bbox": bbox, "segmentation": [[1, 2, 3, 4]]}
            for n, (category, bbox) in enumerate(pictures.values())
        ],
        "categories": CATEGORIES,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content | changed))


def test_annotations_beside_folders_of_pictures(tmp_path):
    for split, labels in (("train", (7, 3)), ("val", (7,))):
        pictures = {f"{n}.png": (label, [1, 2, 10, 8.5]) for n, label in enumerate(labels)}
        written(tmp_path / "annotations" / f"instances_{split}2017.json", pictures, tmp_path / f"{split}2017")
    (tmp_path / "annotations" / "captions_train2017.json").write_text('{"annotations": [], "images": []}')
    assert has_boxes(tmp_path)
    dataset = open_data(str(tmp_path))
    assert dataset.targets.names == ("cat", "dog")
    assert dataset.counts() == {"train": [1, 1], "val": [0, 1]}
    assert dataset.targets.boxes.tolist() == [[1, 2, 11, 10.5]] * 3
    assert dataset.targets.category_ids == {"dog": 7, "cat": 3, "eel": 90}
    assert dataset.targets.picture_ids == (100, 101, 100)
    assert dataset.targets.joined([dataset.targets.only(np.array([1]))]).picture_ids == (100, 101, 100, 101)
    assert dataset.targets.findings[-1] == "1 class without a box, left out: eel"
    assert dataset.pictures.listed_name(2) == "val2017/0.png"  # the name alone may be either


def test_areas_that_the_file_says_stay_with_their_objects(tmp_path):
    """Through reading, splits, batches, mirrors and the list of a run."""
    written(tmp_path / "a.json", {f"{n}.png": (3, [1, 2, 10, 8]) for n in range(3)}, tmp_path / "pictures")
    record = json.loads((tmp_path / "a.json").read_text())
    for number, each in enumerate(record["annotations"][:2]):
        each["area"] = 20 + number
    (tmp_path / "a.json").write_text(json.dumps(record))
    targets = open_data(str(tmp_path / "a.json"), task="detection").targets
    assert targets.areas.tolist() == [20, 21, 80]
    listed = targets.listed([targets.text(n) for n in range(3)], targets.names, [np.arange(3)], "data.tsv")
    for each in (listed, targets.only(np.array([1, 0])).joined([targets.only(np.array([2]))])):
        assert sorted(each.areas.tolist()) == [20, 21, 80]
    batch = targets.take(np.array([2, 1]))
    assert batch.areas.tolist() == [80, 21]
    assert batch[1:].areas.tolist() == [21]
    assert batch.moved(whole_pictures(2, (20, 30))).areas.tolist() == [80, 21]


def test_a_file_is_parsed_once_for_a_run_and_again_when_it_has_changed(tmp_path, monkeypatch):
    written(tmp_path / "a.json", {f"{n}.png": (3, [1, 2, 10, 8]) for n in range(3)}, tmp_path / "pictures")
    parsed, read = [], coco.read_file
    monkeypatch.setattr(coco, "read_file", lambda file, most: parsed.append(file) or read(file, most))
    assert task_of(str(tmp_path / "a.json")) == "localisation"
    assert len(open_data(str(tmp_path / "a.json")).targets) == 3
    assert len(parsed) == 1
    assert coco._content.cache_info().currsize == 0  # nothing large is kept
    task_of(str(tmp_path / "a.json"))
    written(tmp_path / "a.json", {f"{n}.png": (3, [1, 2, 10, 8]) for n in range(4)}, tmp_path / "pictures")
    assert len(open_data(str(tmp_path / "a.json")).targets) == 4


def test_files_in_the_folders_of_their_pictures_and_one_file_alone(tmp_path):
    for split in ("train", "valid"):
        written(tmp_path / split / "_annotations.coco.json", {f"{split}.png": (3, [0, 0, 9, 9])}, tmp_path / split)
    assert list(open_boxes(tmp_path).splits) == ["train", "val"]
    one = open_boxes(tmp_path / "train" / "_annotations.coco.json")
    assert one.pictures.listed_name(0) == "train.png"


def test_a_file_is_known_by_its_beginning(tmp_path):
    written(tmp_path / "instances_train.json", {"a.png": (3, [0, 0, 9, 9])}, tmp_path)
    written(tmp_path / "mine.json", {"b.png": (3, [0, 0, 9, 9])}, tmp_path)
    (tmp_path / "other.json").write_text('{"labels": ["images"]}')
    assert [has_boxes(tmp_path / name) for name in ("mine.json", "other.json", "none.json")] == [True, False, False]
    images = ", ".join(json.dumps({"id": n, "file_name": f"{n:012}.jpg"}) for n in range(3_000))
    (tmp_path / "long.json").write_text(f'{{"info": {{}}, "images": [{images}], "annotations": []}}')
    assert has_boxes(tmp_path / "long.json")


def test_crowds_are_left_out_or_ignored_and_pictures_without_boxes(tmp_path):
    written(tmp_path / "a.json", {"a.png": (3, [0, 0, 9, 9]), "b.png": (7, [0, 0, 9, 9])}, tmp_path)
    content = json.loads((tmp_path / "a.json").read_text())
    content["annotations"][1]["iscrowd"] = 1
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset = open_boxes(tmp_path / "a.json", task="localisation")
    assert dataset.targets.names == ("cat",)
    assert dataset.inventory.notes == ("1 crowd left out",)
    assert str(dataset.inventory.left_out[0]) == "1 picture is left out, without a box: b.png"
    both = open_boxes(tmp_path / "a.json").targets
    assert (both.task, both.names, both.ignored.tolist()) == ("detection", ("cat", "dog"), [False, True])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"categories": []}, "annotations[0] is of category 3, which it does not have"),
        ({"images": []}, "annotations[0] is of picture 100, which it does not have"),
        ({"annotations": [{"image_id": 100, "category_id": 3, "bbox": [1, 2]}]}, "a bbox of 2 numbers, not 4"),
        ({"annotations": 5}, "a.json is damaged: annotations must be"),
        ({"images": [{"id": 1}]}, "a.json is damaged: images"),
        (
            {"images": [{"id": 100, "file_name": "a.png", "height": 10**12, "width": 9}]},
            "images[0] is 9 wide and 1000000000000 high, no size",
        ),
        ({"annotations": [{"image_id": 100, "category_id": 3, "bbox": [0, 0, 1e308, 9]}]}, "beyond any picture"),
        ({"images": [{"id": 100, "file_name": "gone.png"}]}, "holds none of the 1 picture that a.json names"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path, changed, said):
    written(tmp_path / "a.json", {"a.png": (3, [0, 0, 9, 9])}, tmp_path, **changed)
    with pytest.raises(StriateError, match=re.escape(said)):
        open_boxes(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["../out.png", "{outside}/out.png", "sub/../../out.png"])
def test_pictures_outside_of_the_data_are_not_there(tmp_path, name):
    (tmp_path / "out.png").write_bytes(encoded(np.zeros((20, 30, 3), np.uint8)))
    data = tmp_path / "data"
    names = ["a.png", name.format(outside=tmp_path)]
    images = [{"id": 100 + n, "file_name": each, "height": 20, "width": 30} for n, each in enumerate(names)]
    boxes = [{"id": n, "image_id": 100 + n, "category_id": 3, "bbox": [0, 0, 9, 9]} for n in range(2)]
    written(data / "a.json", {"a.png": (3, [0, 0, 9, 9])}, data, images=images, annotations=boxes)
    dataset = open_boxes(data)
    assert [*dataset.pictures.relative_paths] == ["a.png", "out.png"]
    with pytest.raises(DecodeError, match=r"data/out\.png"):
        dataset.pictures.decode(1, 3, (32, 32), None)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"images": []}', b"\xff\xfe", b'{"images":[],"annotations":[]']
)
def test_json_that_is_none(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(StriateError, match=r"a\.json"):
        open_boxes(tmp_path / "a.json")


def test_two_files_of_one_split_are_not_guessed(tmp_path):
    for name in ("instances_a", "instances_b"):
        written(tmp_path / f"{name}.json", {f"{name}.png": (3, [0, 0, 9, 9])}, tmp_path)
    with pytest.raises(StriateError, match="has several files of boxes, instances_a.json and instances_b.json"):
        open_boxes(tmp_path)


def test_a_file_that_is_named_is_the_one_that_is_meant_whatever_lies_beside_it(tmp_path):
    for name in ("instances_train.json", "my_boxes.json"):
        written(tmp_path / "labels" / name, {"a.png": (3, [0, 0, 9, 9])}, tmp_path / "images")
    file = tmp_path / "labels" / "my_boxes.json"
    assert has_boxes(file)
    assert open_boxes(file).pictures.listed_name(0) == "images/a.png"


def test_a_file_is_known_by_its_end_too_as_thousands_of_pictures_may_come_first(tmp_path):
    images = [{"id": n, "file_name": f"{n}.png", "url": "x" * 90} for n in range(1500)]
    file = tmp_path / "instances.json"
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": CATEGORIES}))
    assert has_boxes(file)


def test_a_polygon_far_from_its_picture_is_named_when_the_file_is_read(tmp_path):
    one = {"id": 1, "image_id": 100, "category_id": 3, "bbox": [0, 0, 9, 9], "segmentation": [[0, 0, 1e9, 0, 5, 5]]}
    written(tmp_path / "a.json", {"a.png": (3, [0, 0, 9, 9])}, tmp_path, annotations=[one])
    with pytest.raises(StriateError, match=r"a\.json: annotations\[0\]: a polygon's corner is at"):
        open_data(str(tmp_path), task="instances")


def test_a_file_of_one_split_that_was_cut_off_is_named(tmp_path):
    for split in ("train", "val"):
        written(tmp_path / "annotations" / f"instances_{split}.json", {"a.png": (3, [0, 0, 9, 9])}, tmp_path / split)
    cut = tmp_path / "annotations" / "instances_train.json"
    cut.write_bytes(cut.read_bytes()[:60])
    with pytest.raises(StriateError, match=r"instances_train\.json is damaged"):
        open_data(str(tmp_path))
