"""Boxes as Pascal VOC has them, in its layout and beside the pictures; and files that mean harm."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes.dataset import has_boxes, open_boxes
from striate.data.boxes.voc import parse
from striate.data.orientation import ORIENTATION_TAG, TURNS, turned_boxes
from striate.data.sources import open_data, task_of

OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def annotated(image: Path, xml: Path, *objects, size: tuple[int, int] = (20, 30), turn: int = 1) -> None:
    """A picture, stored as height and width say, and what is in it."""
    for file in (image, xml):
        file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = turn
    image.write_bytes(encoded(np.zeros((*size, 3), np.uint8), "JPEG", exif=exif))
    sides = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    xml.write_text(f"<annotation>{sides}{''.join(OBJECT.format(*each) for each in objects)}</annotation>")


def in_layout(root: Path, name: str, *objects, **more) -> None:
    annotated(root / "JPEGImages" / f"{name}.jpg", root / "Annotations" / f"{name}.xml", *objects, **more)


def sets(root: Path, **names: str) -> None:
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for split, listed in names.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(listed.split()))


def test_the_layout_of_the_challenge(tmp_path):
    for name, label in (("a", "cat"), ("b", "dog"), ("c", "cat"), ("d", "dog")):
        in_layout(tmp_path, name, (label, 1, 2, 10, 20))
    sets(tmp_path, train="a b", val="c", trainval="a b c", cat_train="a 1\nb -1")
    assert has_boxes(tmp_path)
    assert task_of(str(tmp_path)) == "localisation"
    dataset = open_data(str(tmp_path))
    assert dataset.counts() == {"train": [1, 1], "val": [1, 0]}
    assert dataset.targets.boxes.tolist() == [[0, 1, 10, 20]] * 3  # from 1, the last pixel belongs
    assert [str(each) for each in dataset.inventory.left_out] == [
        "1 picture is left out, in no split, where others are: JPEGImages/d.jpg"
    ]
    assert dataset.inventory.notes == ("boxes are read as VOC has them: pixels count from 1, the last belongs",)


def test_trainval_trains_where_there_is_no_train(tmp_path):
    for name in "abcdefg":
        in_layout(tmp_path, name, ("cat", 1, 2, 10, 20))
    sets(tmp_path, trainval="a b c d e f", test="g")
    splits = {split: len(indices) for split, indices in open_boxes(tmp_path).splits.items()}
    assert splits == {"train": 5, "val": 1, "test": 1}


def test_files_beside_their_pictures_and_coordinates_from_0(tmp_path):
    annotated(tmp_path / "train" / "a.jpg", tmp_path / "train" / "a.xml", ("cat", 0, 2, 10, 20))
    annotated(tmp_path / "valid" / "b.jpg", tmp_path / "valid" / "b.xml", ("cat", 3, 2, 10, 20))
    (tmp_path / "train" / "no_box.jpg").write_bytes(encoded(np.zeros((9, 9), np.uint8)))
    (tmp_path / "train" / "no_picture.xml").write_text("<annotation/>")
    dataset = open_boxes(tmp_path)
    assert dataset.targets.boxes.tolist() == [[0, 2, 10, 20], [3, 2, 10, 20]]
    assert list(dataset.splits) == ["train", "val"]
    assert str(dataset.inventory.left_out[0]) == "1 picture is left out, without annotations: train/no_box.jpg"
    assert dataset.inventory.notes[1] == "1 XML file of no picture there: train/no_picture.xml"


def test_boxes_of_a_picture_as_it_is_stored_turn_with_it(tmp_path):
    in_layout(tmp_path, "a", ("cat", 1, 1, 10, 5), size=(20, 30), turn=6)
    targets = open_boxes(tmp_path).targets
    assert targets.sizes_px.tolist() == [[30, 20]]
    assert targets.boxes.tolist() == [[15, 0, 20, 10]]
    assert targets.findings == (
        "1 picture turned by their EXIF data, and their boxes with them, which are of the pictures before that: "
        "JPEGImages/a.jpg",
    )


@pytest.mark.parametrize("number", range(1, 9))
def test_boxes_turn_as_pillow_turns_pixels(number):
    mask = np.zeros((20, 30), np.uint8)
    mask[2:7, 11:25] = 255
    turned = Image.fromarray(mask)
    turned = turned.transpose(TURNS[number]) if number in TURNS else turned
    rows, columns = np.nonzero(np.asarray(turned))
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert turned_boxes(np.array([[11.0, 2, 25, 7]]), number, (20, 30)).tolist() == [expected]


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "has a DOCTYPE, which no annotation needs"),
        (BOMB.decode().encode("utf-16"), "has a DOCTYPE, which no annotation needs"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "has a DOCTYPE"),
        (b"<annotation>&lt;&c;</annotation>", "is no XML that can be read (undefined entity"),
        (b"<annotation><object>", "is no XML that can be read"),
        (b"", "is no XML that can be read"),
        (b"\xff\xfe\x00", "is no XML that can be read"),
        (b'<?xml version="1.0" encoding="klingon"?><annotation/>', "is no XML that can be read"),
    ],
)
def test_xml_that_is_none_or_means_harm_is_refused(content, said):
    with pytest.raises(StriateError, match=re.escape(f"a.xml {said}")):
        parse(content, "a.xml")


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<object><bndbox/></object>", "a.xml has an object without a name"),
        ("<object><name>cat</name></object>", "a.xml: xmin is None, and no number of pixels"),
        (OBJECT.format("cat", 1, "inf", 3, 4), "a.xml: ymin is 'inf', and no number of pixels"),
        ("<size><width>9999999999</width></size>", "a.xml: width is '9999999999', and no number of pixels"),
    ],
)
def test_what_an_annotation_lacks_is_named(tmp_path, inside, said):
    in_layout(tmp_path, "a")
    (tmp_path / "Annotations" / "a.xml").write_text(f"<annotation>{inside}</annotation>")
    with pytest.raises(StriateError, match=re.escape(said)):
        open_boxes(tmp_path)


def test_several_objects_and_other_xml(tmp_path):
    in_layout(tmp_path, "a", ("cat", 1, 1, 9, 9), ("dog", 2, 2, 9, 9))
    with pytest.raises(StriateError, match=r"1 picture of 1 show several objects, the first of them JPEGImages/a.jpg"):
        open_boxes(tmp_path, task="localisation")
    (tmp_path / "Annotations" / "a.xml").write_text("<html/>")
    with pytest.raises(StriateError, match="a.xml is XML of <html>, and no annotation of a picture"):
        open_boxes(tmp_path)


def test_difficult_objects_are_ignored_where_several_are_to_be_found(tmp_path):
    in_layout(tmp_path, "a", ("cat", 1, 1, 9, 9), ("dog", 2, 2, 9, 9))
    file = tmp_path / "Annotations" / "a.xml"
    file.write_text(file.read_text().replace("<name>dog</name>", "<name>dog</name><difficult>1</difficult>"))
    assert open_boxes(tmp_path).targets.ignored.tolist() == [False, True]
    file.write_text(re.sub("<object><name>cat.*?</object>", "", file.read_text()))
    assert open_boxes(tmp_path).targets.ignored.tolist() == [False]


def test_the_layout_within_another_folder_and_other_xml(tmp_path):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for name in "abc":
        in_layout(root, name, ("cat", 1, 1, 9, 9))
    sets(root, train="a b", val="c")
    assert has_boxes(tmp_path)
    assert open_boxes(tmp_path).counts() == {"train": [2], "val": [1]}
    for name in "abc":
        (root / "Annotations" / f"{name}.xml").write_text("<xmp:data/>")
    assert not has_boxes(tmp_path)


def test_a_name_in_two_sets_is_refused(tmp_path):
    in_layout(tmp_path, "a", ("cat", 1, 1, 9, 9))
    sets(tmp_path, train="a", val="a")
    with pytest.raises(StriateError, match="lists a, which another file of ImageSets/Main puts into"):
        open_boxes(tmp_path)
