"""Boxes as they are written are what our readers read: COCO's JSON, VOC's XML, YOLO's labels, a table."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes.dataset import open_boxes
from striate.data.boxes.writing import (
    BoxedPicture,
    BoxRow,
    write_box_table,
    write_coco,
    write_coco_results,
    write_voc,
    write_yolo,
)
from striate.data.targets.boxes import BoxTargets

SIZE = (60, 80)
PATHS = ("images/a.png", "images/b c.png", "images/deep/ü.png")
LABELS = ("ant", "bee & co <3>", 'wasp "no"', "yes: # hornet", "Käfer")
WAYS: dict[str, Callable[[Path, list[BoxedPicture]], Path]] = {}


def way(function):
    WAYS[function.__name__] = function
    return function


@way
def coco(root: Path, pictures: list[BoxedPicture]) -> Path:
    write_coco(root / "found.json", pictures, LABELS)
    return root / "found.json"


@way
def voc(root: Path, pictures: list[BoxedPicture]) -> Path:
    write_voc(root, pictures)
    return root


@way
def yolo(root: Path, pictures: list[BoxedPicture]) -> Path:
    write_yolo(root, pictures, LABELS)
    return root / "data.yaml"


@way
def table(root: Path, pictures: list[BoxedPicture]) -> Path:
    write_box_table(root / "found.csv", pictures)
    return root / "found.csv"


def places(most: int) -> st.SearchStrategy[tuple[float, float]]:
    """Two edges inside a picture, two pixels apart at least, whole and broken."""
    edge = st.floats(0, most) | st.integers(0, most).map(float)
    return st.tuples(edge, edge).map(sorted).filter(lambda pair: pair[1] - pair[0] >= 2).map(tuple)


boxes = st.tuples(places(SIZE[1]), places(SIZE[0])).map(lambda sides: tuple(np.transpose(sides).ravel().tolist()))
rows = st.builds(BoxRow, st.sampled_from(LABELS), boxes, st.none() | st.floats(0, 1))
contents = st.lists(
    st.lists(rows, max_size=4, unique_by=lambda row: (row.label, tuple(np.round(row.box, 1)))),
    min_size=len(PATHS),
    max_size=len(PATHS),
).filter(lambda lists: any(lists))


@settings(max_examples=25, deadline=None)
@given(contents=contents, name=st.sampled_from(("coco", "voc", "yolo", "table")))
def test_what_is_written_is_read_again(contents, name):
    pictures = [BoxedPicture(path, SIZE, tuple(own)) for path, own in zip(PATHS, contents, strict=True)]
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for path in PATHS:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(encoded(np.zeros((*SIZE, 3), np.uint8)))
        dataset = open_boxes(WAYS[name](root, pictures), task="detection")
        targets = dataset.targets
        assert isinstance(targets, BoxTargets)
        found = {dataset.pictures.listed_name(number): number for number in range(len(targets))}
        assert set(found) == set(PATHS)
        for each in pictures:
            number = found[each.path]
            own = slice(targets.starts[number], targets.starts[number + 1])
            assert [targets.names[label] for label in targets.labels[own]] == [row.label for row in each.objects]
            np.testing.assert_allclose(
                targets.boxes[own], np.array([row.box for row in each.objects]).reshape(-1, 4), atol=1e-6
            )


ONE = [BoxedPicture("a.png", SIZE, (BoxRow("bee", (1.5, 2, 11.5, 12), 0.75), BoxRow("ant", (0, 0, 9, 9))))]


def test_numbers_of_the_data_go_with_the_boxes(tmp_path):
    ids = {"ant": 7, "bee": 90}
    write_coco_results(tmp_path / "results.json", ONE, ("ant", "bee"), ids, {"a.png": 139})
    assert json.loads((tmp_path / "results.json").read_text()) == [
        {"score": 0.75, "image_id": 139, "category_id": 90, "bbox": [1.5, 2, 10, 10]},
        {"score": 1.0, "image_id": 139, "category_id": 7, "bbox": [0, 0, 9, 9]},
    ]
    write_coco(tmp_path / "all.json", ONE, ("ant", "bee"), ids)
    told = json.loads((tmp_path / "all.json").read_text())
    assert told["images"] == [{"id": 1, "file_name": "a.png", "height": 60, "width": 80}]
    assert told["annotations"][0] == {
        "id": 1, "image_id": 1, "category_id": 90, "bbox": [1.5, 2, 10, 10], "score": 0.75, "area": 100.0, "iscrowd": 0
    }  # fmt: skip
    assert told["categories"] == [{"id": 7, "name": "ant"}, {"id": 90, "name": "bee"}]


def test_where_labels_lie(tmp_path):
    pictures = [BoxedPicture(path, SIZE, ONE[0].objects) for path in ("train/images/a.png", "b.png")]
    write_yolo(tmp_path, pictures, ("ant", "bee"))
    assert (tmp_path / "train" / "labels" / "a.txt").read_text().startswith("1 0.0812500000 0.1166666667 0.125")
    assert (tmp_path / "labels" / "b.txt").exists()


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (
            BoxedPicture("a.png", SIZE, (BoxRow("eel", (0, 0, 9, 9)),)),
            "is of class 'eel', and the classes are ant",
        ),
        (BoxedPicture("a.png", (0, 0)), "a.png has no size"),
        (BoxedPicture("../a.png", SIZE), "../a.png is not below the data's folder"),
    ],
)
def test_what_cannot_be_written(tmp_path, picture, said):
    with pytest.raises(StriateError, match=said):
        write_yolo(tmp_path, [picture], ("ant",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["sub/labels/a.txt", "data.yaml"])
def test_truth_that_is_there_is_not_written_over(tmp_path, there):
    (tmp_path / "sub" / "labels").mkdir(parents=True)
    (tmp_path / there).write_text("truth")
    with pytest.raises(StriateError, match=f"{there} is there already"):
        write_yolo(tmp_path, [BoxedPicture("sub/images/a.png", SIZE), BoxedPicture("b.png", SIZE)], ("ant",))
    assert [path.read_text() for path in tmp_path.rglob("*.*")] == ["truth"]


def test_annotations_that_are_there_are_not_written_over(tmp_path):
    write_voc(tmp_path, [BoxedPicture("a.png", SIZE, ONE[0].objects)])
    before = (tmp_path / "Annotations" / "a.xml").read_bytes()
    with pytest.raises(StriateError, match=r"a\.xml is there already"):
        write_voc(tmp_path, [BoxedPicture("b.png", SIZE), BoxedPicture("a.png", SIZE)])
    assert (tmp_path / "Annotations" / "a.xml").read_bytes() == before
    assert not (tmp_path / "Annotations" / "b.xml").exists()


def test_two_pictures_of_one_name_and_names_that_xml_cannot_hold(tmp_path):
    with pytest.raises(StriateError, match=r"a.png and a.jpg would have one file of annotations, Annotations/a.xml"):
        write_voc(tmp_path, [BoxedPicture("a.png", SIZE), BoxedPicture("a.jpg", SIZE)])
    with pytest.raises(StriateError, match=r"'\\x00' has a character that XML cannot hold"):
        write_voc(tmp_path, [BoxedPicture("a.png", SIZE, (BoxRow("\0", (0, 0, 9, 9)),))])
