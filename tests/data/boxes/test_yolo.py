"""Boxes as YOLO has them: lines of shares, polygons, names and splits; and files that mean harm."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes.dataset import has_boxes, open_boxes
from striate.data.boxes.yolo_file import parse, read_yolo_file
from striate.data.sources import open_data, task_of
from striate.data.targets.boxes import BoxTargets


def labelled(picture: Path, labels: Path | None, *lines: str, size: tuple[int, int] = (20, 40)) -> None:
    """A picture and, where that is not None, its file of labels."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(encoded(np.zeros((*size, 3), np.uint8)))
    if labels is not None:
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text("\n".join(lines))


def in_layout(root: Path, name: str, *lines: str, **more) -> None:
    """name: such as train/a."""
    labelled(root / "images" / f"{name}.png", root / "labels" / f"{name}.txt", *lines, **more)


def opened(root: Path) -> BoxTargets:
    targets = open_boxes(root).targets
    assert isinstance(targets, BoxTargets)
    return targets


def test_the_layout_with_a_file_of_names(tmp_path):
    in_layout(tmp_path, "train/a", "0 0.5 0.5 0.5 1", "2 0.25 0.5 0.5 0.5")
    in_layout(tmp_path, "train/b")
    in_layout(tmp_path, "val/c", "1 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6")
    names = "names: [ant, bee, no, wasp]"
    (tmp_path / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\n{names}\n")
    assert has_boxes(tmp_path)
    assert task_of(str(tmp_path)) == "detection"
    for data in (tmp_path, tmp_path / "data.yaml"):
        dataset = open_data(str(data))
        assert dataset.targets.names == ("ant", "bee", "no")
        assert {split: len(indices) for split, indices in dataset.splits.items()} == {"train": 2, "val": 1}
    targets = opened(tmp_path)
    np.testing.assert_allclose(targets.boxes, [[10, 0, 30, 20], [0, 5, 20, 15], [4, 4, 12, 12]])
    assert targets.per_picture.tolist() == [2, 0, 1]
    assert targets.findings == ("1 class without a box, left out: wasp",)


def test_folders_alone_say_splits_and_numbers_are_names(tmp_path):
    for split in ("train", "valid"):
        picture = tmp_path / split / "images" / "a.png"
        labelled(picture, tmp_path / split / "labels" / "a.txt", "7 0.5 0.5 0.5 0.5")
    assert has_boxes(tmp_path)
    dataset = open_boxes(tmp_path)
    assert (list(dataset.splits), dataset.targets.names) == (["train", "val"], ("7",))
    (tmp_path / "classes.txt").write_text("a\nb\nc\nd\ne\nf\ng\nhen\n")
    assert opened(tmp_path).names == ("hen",)


def test_labels_beside_their_pictures(tmp_path):
    labelled(tmp_path / "a.png", tmp_path / "a.txt", "0.0 0.5 0.5 0.5 0.5")
    labelled(tmp_path / "b.png", None)
    (tmp_path / "readme.txt").write_text("what this is")
    (tmp_path / "obj.names").write_text("hen\n")
    assert has_boxes(tmp_path)
    targets = opened(tmp_path)
    assert (targets.names, targets.per_picture.tolist(), targets.task) == (("hen",), [1, 0], "detection")
    assert targets.findings == ("1 picture without a file of labels, taken to show nothing: b.png",)


def test_splits_as_the_file_of_names_has_them(tmp_path):
    for name in ("one/a", "two/b", "two/c"):
        in_layout(tmp_path, name, "0 0.5 0.5 0.5 0.5")
    names = "names:\n  0: hen\n"
    (tmp_path / "data.yaml").write_text(f"train: ../images/one\nval: ../images/two\n{names}")
    assert {split: len(i) for split, i in open_boxes(tmp_path).splits.items()} == {"train": 1, "val": 2}
    (tmp_path / "data.yaml").write_text(f"train: images\nval: images\n{names}")
    dataset = open_boxes(tmp_path)
    assert dataset.inventory.notes == ("the file of names gives images to train and val; it is train's",)
    assert dataset.drawn == ("train", "val", "test")
    (tmp_path / "mine.txt").write_text("/home/ann/images/two/b.png\n./images/two/c.png\n")
    (tmp_path / "data.yaml").write_text(f"train: mine.txt\n{names}")
    dataset = open_boxes(tmp_path)
    assert (
        str(dataset.inventory.left_out[0]) == "1 picture is left out, in no split, where others are: images/one/a.png"
    )


def test_points_of_a_pose_are_passed_over(tmp_path):
    in_layout(tmp_path, "a", "0 0.5 0.5 0.5 0.5 0.1 0.1 0.9 0.9")
    (tmp_path / "data.yaml").write_text("names: [hen]\nnc: 1\nkpt_shape: [2, 2]\n")
    assert opened(tmp_path).boxes.tolist() == [[10, 5, 30, 15]]


def test_classes_beyond_the_names_are_left_out_or_refused(tmp_path):
    in_layout(tmp_path, "a", *["1 0.5 0.5 0.5 0.5"] * 2, "2 0.5 0.5 0.25 0.5", "1 0.5 0.5 0.75 0.5")
    (tmp_path / "data.yaml").write_text("names: [ant, bee]\nnc: 3\n")
    targets = opened(tmp_path)
    assert targets.names == ("bee",)
    assert targets.findings == (
        "data.yaml says nc: 3, and has 2 names",
        "1 box of class 2, and data.yaml names 0 to 1 (as if classes were counted from 1), left out: labels/a.txt",
        "1 box in the very place of another one of the same class, left out: images/a.png",
        "1 class without a box, left out: ant",
    )
    (tmp_path / "data.yaml").write_text("names: [ant]\nnc: 1\n")
    with pytest.raises(StriateError, match="4 boxes of class 1, 2, and data.yaml names 0 to 0; give the names"):
        open_boxes(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "0 1 2 3",
        "0 0.1 0.1 0.2 0.2 0.9",
        "ant 0.5 0.5 0.5 0.5",
        "-1 0.5 0.5 0.5 0.5",
        "0 nan 0.5 0.5 0.5",
        "1.5 0 0 1 1",
    ],
)
def test_a_line_that_is_none_leaves_its_picture_out(tmp_path, line):
    for name in "abc":
        in_layout(tmp_path, name, "0 0.5 0.5 0.5 0.5")
    in_layout(tmp_path, "d", "0 0.5 0.5 0.5 0.5", line)
    dataset = open_boxes(tmp_path)
    assert len(dataset.pictures) == 3
    said = str(dataset.inventory.left_out[0])
    assert said.startswith("1 picture is left out, with annotations that cannot be read: ")
    assert "d.txt: line 2 " in said


def test_most_files_that_are_none_are_refused(tmp_path):
    in_layout(tmp_path, "a", "0 0.5 0.5 0.5 0.5")
    for name in "bc":
        in_layout(tmp_path, name, "what is this")
    with pytest.raises(StriateError, match=r"b.txt: line 1 is 'what is this'; .*; 2 of 3 annotation files cann"):
        open_boxes(tmp_path)
    (tmp_path / "labels" / "b.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(StriateError, match=r"b.txt is not UTF-8 text"):
        open_boxes(tmp_path)


def test_pixels_in_the_place_of_shares(tmp_path):
    in_layout(tmp_path, "a", "0 20 10 12 7")
    with pytest.raises(StriateError, match="1 of 1 box lie far beyond their pictures, as if these were pixels"):
        open_boxes(tmp_path)
    in_layout(tmp_path, "b", "0 0.5 0.5 0.5 0.5")
    assert opened(tmp_path).findings == (
        "1 box far beyond the picture, as if these were pixels and not shares of it, left out: images/a.png",
    )


def test_rounded_shares_do_not_reach_over_the_edge(tmp_path):
    in_layout(tmp_path, "a", "0 0.50001 0.5 1.0 1.0", "0 0.9 0.5 0.4 0.4")
    assert opened(tmp_path).findings == ("1 box beyond the edge of the picture, cut there: images/a.png",)


def test_text_files_of_something_else_are_no_labels(tmp_path):
    labelled(tmp_path / "cats" / "a.png", tmp_path / "cats" / "a.txt", "a cat on a mat")
    labelled(tmp_path / "dogs" / "b.png", tmp_path / "dogs" / "b.txt", "")
    (tmp_path / "conf.yaml").write_text("names: [cat, dog]\n")
    assert not has_boxes(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("names: [a]\nb: &b [x]\nc: *b", "has an alias (*)"),
        ("a: &a [x]\n<<: *a\nnames: [b]", "has an alias (*)"),
        ("names: [a", "is no YAML that can be read"),
        ("names: {a: b}", "names has 'a': 'b'; expected is names: [ant, bee]"),
        ("names: {1000000: b}", "names has '1000000'"),
        ("names: [[a]]", "names has '0'"),
        ("nc: 3", "has no names; expected is"),
        ("- a", "has no names; expected is"),
        ("", "has no names; expected is"),
        ("\0", "is no YAML that can be read"),
        ("[" * 3000 + "]" * 3000, "is damaged: it is nested beyond reason"),
        ("names: !!python/object/apply:os.system [ls]", ""),
    ],
)
def test_yaml_that_is_none_or_means_harm(tmp_path, content, said):
    file = tmp_path / "data.yaml"
    file.write_text(content)
    if said:
        with pytest.raises(StriateError, match=re.escape(f"data.yaml{':' if said.startswith('names') else ''} {said}")):
            read_yolo_file(file)
    else:  # a tag makes nothing: what it stands before is what it is written as
        assert read_yolo_file(file).names == {0: "ls"}


def test_names_are_texts_whatever_yaml_takes_them_for():
    assert parse(b"names: [no, 1, 2026-01-01, 0x1F]", "a.yaml") == {"names": ["no", "1", "2026-01-01", "0x1F"]}


def test_what_is_too_large_for_a_list_of_names(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [" + "a, " * 2**16 + "]")
    with pytest.raises(StriateError, match="and at most 131,072 are read"):
        read_yolo_file(tmp_path / "data.yaml")
