"""A table of boxes as a data set: what is read, dropped, cut, and said of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from factories import encoded
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.boxes.dataset import has_boxes, open_boxes
from striate.data.check import check_data
from striate.data.geometry import whole_pictures
from striate.data.orientation import ORIENTATION_TAG
from striate.data.scan import scan_pictures
from striate.data.sources import open_data
from striate.data.targets.boxes import BoxTargets, boxes_of
from striate.data.targets.classes import ClassBatch

HEADER = "path,label,x0,y0,x1,y1"


def picture(file: Path, height: int = 20, width: int = 30, turn: int = 1) -> None:
    """A picture as it is stored, with EXIF's number for how it is turned."""
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = turn
    file.write_bytes(encoded(np.zeros((height, width, 3), np.uint8), "JPEG", exif=exif))


def table(folder: Path, *lines: str, header: str = HEADER) -> Path:
    for line in lines:
        name = re.split(r"[,;\t]", line)[0]
        if name and not (folder / name).exists():
            picture(folder / name)
    (folder / "boxes.csv").write_text("\n".join([header, *lines] if header else lines))
    return folder / "boxes.csv"


def test_boxes_classes_and_splits_of_a_table(tmp_path):
    lines = ("a.jpg,cat,1,2,11,12,train", "b.jpg,dog,0,0,30,20,train", "c.jpg,cat,5.5,1,9,8,val")
    dataset = open_data(str(table(tmp_path, *lines, header=f"{HEADER},split")))
    targets = dataset.targets
    assert isinstance(targets, BoxTargets)
    assert (targets.task, targets.names, targets.described) == ("localisation", ("cat", "dog"), "boxes of 2 classes")
    assert targets.boxes.tolist() == [[1, 2, 11, 12], [0, 0, 30, 20], [5.5, 1, 9, 8]]
    assert dataset.counts() == {"train": [1, 1], "val": [1, 0]}
    assert targets.strata.tolist() == [0, 1, 0]
    assert targets.text(2) == '{"size":[20,30],"boxes":[[5.5,1.0,9.0,8.0]],"labels":["cat"]}'


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (HEADER, "a.jpg,cat,1,2,11,12"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,30,20,cat,1,2,11,12"),
        ("image;x1;y1;x2;y2;label", "a.jpg;1;2;11;12;cat"),
        ("", "a.jpg,cat,1,2,11,12"),
    ],
)
def test_columns_as_people_call_them(tmp_path, header, line):
    file = table(tmp_path, line, header=header)
    assert has_boxes(file)
    targets = open_boxes(file).targets
    assert (targets.names, targets.boxes.tolist()) == (("cat",), [[1, 2, 11, 12]])


def test_a_table_of_classes_has_no_boxes(tmp_path):
    assert not has_boxes(table(tmp_path, "a.jpg,cat", header="path,label"))


def test_what_is_no_box_is_dropped_or_cut_and_counted_by_file(tmp_path):
    lines = [
        *("a.jpg,cat,-5,2,11,25", "b.jpg,dog,3,3,3,9", "c.jpg,dog,9,9,3,12", "d.jpg,cat,40,3,50,9"),
        *("e.jpg,dog,1,1,9,9", "f.jpg,cat,1,1,9,9", "g.jpg,dog,,,,"),
    ]
    dataset = open_boxes(table(tmp_path, *lines), task="localisation")
    assert dataset.targets.boxes.tolist() == [[0, 2, 11, 20], [1, 1, 9, 9], [1, 1, 9, 9]]
    assert dataset.targets.findings == (
        "1 box whose right or bottom edge lies before the other one, left out: c.jpg",
        "1 box without an area, left out: b.jpg",
        "1 box outside of the picture, left out: d.jpg",
        "1 box beyond the edge of the picture, cut there: a.jpg",
    )
    assert [str(each) for each in dataset.inventory.left_out] == [
        "4 pictures are left out, without a box: b.jpg, c.jpg, d.jpg and 1 more"
    ]
    report = check_data(dataset, scan_pictures(dataset.pictures))
    assert set(dataset.targets.findings) <= set(report.warnings)


def test_several_objects_in_a_picture_are_refused_with_counts(tmp_path):
    file = table(tmp_path, "a.jpg,cat,1,1,9,9", "b.jpg,cat,1,1,9,9", "b.jpg,dog,2,2,9,9")
    with pytest.raises(
        StriateError, match="1 picture of 2 show several objects, the first of them b.jpg with 2, and loc"
    ):
        open_boxes(file, task="localisation")
    assert open_boxes(file).targets.task == "detection"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a.jpg,cat,1,x,9,9",), "line 2: y0 is 'x', and no number of pixels"),
        (("a.jpg,cat,1,nan,9,9",), "line 2: y0 is 'nan', and no number of pixels"),
        (("a.jpg,,1,1,9,9",), "line 2 has no label"),
        (("a.jpg,cat,1,1,9",), "line 2 has 5 columns, expected 6: path, label, x0, y0, x1, y1"),
        (("a.jpg,cat,0.1,0.2,0.5,0.9",), "every box ends within the first pixel, as if these were shares"),
        (
            ("a.jpg,cat,20,10,5,5", "b.jpg,cat,20,10,5,5"),
            "of 2 boxes lies before the other one, as if these were widths",
        ),
        (("a.jpg,cat,3,3,3,3",), "no box is left of 1 box: 1 box without an area"),
    ],
)
def test_bad_tables_in_one_sentence(tmp_path, lines, said):
    with pytest.raises(StriateError, match=re.escape(said)):
        open_boxes(table(tmp_path, *lines))


def test_a_picture_in_two_splits_is_refused(tmp_path):
    file = table(tmp_path, "a.jpg,cat,1,1,9,9,train", "a.jpg,cat,2,2,9,9,val", header=f"{HEADER},split")
    with pytest.raises(StriateError, match=r"line 3 puts a.jpg into the split val, a line before it into train"):
        open_boxes(file)


def test_last_pixels_in_the_place_of_edges_are_suspected(tmp_path):
    last = open_boxes(table(tmp_path, *(f"{n}.jpg,cat,5,5,29,12" for n in range(4)))).targets.findings
    assert last[0].startswith("4 boxes end one pixel before the edge of the picture and none at it")
    edges = open_boxes(table(tmp_path, *(f"{n}.jpg,cat,5,5,{29 + n % 2},12" for n in range(4)))).targets.findings
    assert edges == ()


def test_turned_pictures_are_noted_and_their_boxes_are_of_the_upright_ones(tmp_path):
    picture(tmp_path / "a.jpg", 20, 30, turn=6)
    targets = open_boxes(table(tmp_path, "a.jpg,cat,0,0,20,30")).targets
    assert targets.sizes_px.tolist() == [[30, 20]]
    assert targets.findings == (
        "1 picture turned by their EXIF data, whose boxes are taken as of the upright pictures: a.jpg",
    )


def test_boxes_of_the_working_size_move_with_their_pictures(tmp_path):
    targets = open_boxes(table(tmp_path, "a.jpg,cat,0,0,15,20", "b.jpg,dog,15,10,30,20")).targets
    batch = targets.at(Preprocess((40, 60), (40, 60), fit="stretch")).take(np.array([1, 0]))
    assert batch.boxes.tolist() == [[30, 20, 60, 40], [0, 0, 30, 40]]
    assert batch.shares.tolist() == [[0.5, 0.5, 1, 1], [0, 0, 0.5, 1]]
    flipped = whole_pictures(2, (40, 60))
    flipped.mirrored[0] = True
    assert batch.moved(flipped).boxes.tolist() == [[0, 20, 30, 40], [0, 0, 30, 40]]
    assert batch[1:].boxes.tolist() == [[0, 0, 30, 40]]
    assert batch[1:].picture.tolist() == [0]
    assert len(batch.moved(flipped)[:1]) == 1
    assert batch.to(lambda tensor: tensor).plain["labels"].tolist() == [1, 0]


def test_a_crop_cuts_a_box_or_leaves_it_empty(tmp_path):
    targets = open_boxes(table(tmp_path, "a.jpg,cat,0,0,15,20", "b.jpg,dog,25,15,30,20")).targets
    batch = targets.at(Preprocess((20, 30), (20, 30), fit="stretch")).take(np.arange(2))
    whole = whole_pictures(2, (20, 30))
    left_half = type(whole)((20, 30), (20, 20), *_left(whole), whole.mirrored)
    moved = batch.moved(left_half)
    assert moved.boxes[0].tolist() == [0, 0, 15, 20]
    left, _, right, _ = moved.boxes[1].tolist()
    assert right <= left


def _left(whole):
    """The left 20 of 30 columns."""
    offsets, extents = whole.offsets.clone(), whole.extents.clone()
    offsets[:, 0], extents[:, 0] = -5, 20
    return offsets, extents


def test_what_a_list_says_is_what_it_was_written_from(tmp_path):
    targets = open_boxes(table(tmp_path, "a.jpg,cat,0,0,15,20", "b.jpg,dog,25,15,30,20")).targets
    texts = [targets.text(1), targets.text(0)]
    again = targets.listed(texts, targets.names, iter([]), "data.tsv")
    assert again.boxes.tolist() == targets.boxes[[1, 0]].tolist()
    assert [again.text(0), again.text(1)] == texts
    with pytest.raises(StriateError, match="it has a class 'cat' that the run was not begun with"):
        targets.listed(texts, ["dog", "eel"], iter([]), "data.tsv")
    with pytest.raises(StriateError, match="data.tsv is damaged"):
        targets.listed(["{}"], targets.names, iter([]), "data.tsv")
    one_of_two = targets.text(0)[:-1] + ',"ignored":[true,false]}'
    with pytest.raises(StriateError, match="data.tsv is damaged"):
        targets.listed([one_of_two], targets.names, iter([]), "data.tsv")


def test_only_and_joined_and_numbered_keep_boxes_with_their_pictures(tmp_path):
    targets = open_boxes(table(tmp_path, "a.jpg,cat,0,0,15,20", "b.jpg,dog,25,15,30,20")).targets
    turned = targets.only(np.array([1, 0]))
    both = targets.joined([turned])
    assert [both.text(n) for n in range(4)] == [targets.text(n) for n in (0, 1, 1, 0)]
    named = targets.numbered(("dog", "eel", "cat"), np.array([2, 0]))
    assert [named.text(n) for n in range(2)] == [targets.text(n) for n in range(2)]


def test_a_batch_of_something_else_is_refused():
    with pytest.raises(StriateError, match="this needs pictures with boxes"):
        boxes_of(ClassBatch(torch.zeros(1, dtype=torch.long)))


def test_a_line_without_anything_may_stand_above_the_header(tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("\n,,\npath,label,x0,y0,x1,y1\na.jpg,cat,1,2,3,4\n")
    assert has_boxes(file)


def several(tmp_path: Path) -> BoxTargets:
    """Two boxes, none, and one of which nothing is asked."""
    targets = open_boxes(
        table(tmp_path, "a.jpg,cat,0,0,15,20", "a.jpg,dog,10,0,30,20", "b.jpg,,,,,", "c.jpg,dog,0,0,9,9")
    )
    assert isinstance(targets.targets, BoxTargets)
    return replace(targets.targets, ignored=np.array([False, False, True]))


def test_pictures_with_several_boxes_or_none_are_for_detection(tmp_path):
    dataset = open_data(str(table(tmp_path, *(f"{n}.jpg,cat,0,0,15,{9 + n}" for n in range(9)), "e.jpg,,,,,")))
    assert (dataset.targets.task, len(dataset.targets)) == ("detection", 10)
    assert dataset.inventory.left_out == ()
    alone = open_data(str(tmp_path / "boxes.csv"), task="localisation")
    assert (alone.targets.task, len(alone.targets)) == ("localisation", 9)
    assert str(alone.inventory.left_out[0]) == "1 picture is left out, without a box: e.jpg"


def test_one_box_a_picture_elsewhere_is_of_the_task_of_the_data(tmp_path):
    crowded = table(tmp_path / "crowded", "a.jpg,cat,0,0,15,20", "a.jpg,cat,10,0,30,20", "b.jpg,cat,1,1,9,9")
    lone = table(tmp_path / "lone", "c.jpg,cat,0,0,15,20")
    dataset = open_data(str(crowded), val=str(lone))
    assert (dataset.targets.task, dataset.counts()["val"]) == ("detection", [1])


def test_a_class_without_a_box_to_train_on_stops_localisation_and_is_said_of_detection(tmp_path):
    lines = ("a.jpg,cat,0,0,15,20,train", "b.jpg,dog,0,0,15,20,val")
    file = table(tmp_path, *lines, header=f"{HEADER},split")
    said = "1 class (dog) without a box to train on"
    with pytest.raises(StriateError, match=re.escape(said)):
        open_data(str(file))
    dataset = open_data(str(file), task="detection")
    review = dataset.targets.review("it", dataset.splits)
    assert (review.problems, said in review.warnings[0]) == ([], True)
    nothing = {"train": np.array([], np.int64), "val": np.arange(2)}
    assert dataset.targets.review("it", nothing).problems == ["it has no box to train on; add pictures with some"]


def test_batches_of_several_boxes_know_what_is_ignored_and_how_large_pictures_were(tmp_path):
    batch = several(tmp_path).at(Preprocess((40, 60), (40, 60), fit="stretch")).take(np.array([2, 1, 0]))
    assert (batch.picture.tolist(), batch.ignored.tolist()) == ([0, 2, 2], [True, False, False])
    assert batch.shown_px.tolist() == [[20, 30]] * 3
    last = batch[1:]
    assert (last.picture.tolist(), last.pictures, last.shown_px.shape) == ([1, 1], 2, (2, 2))
    assert last.plain["ignored"].tolist() == [False, False]


def test_a_crop_drops_what_is_gone_and_ignores_what_is_mostly_gone(tmp_path):
    batch = several(tmp_path).take(np.arange(1))
    whole = whole_pictures(1, (20, 30))
    moved = batch.moved(type(whole)((20, 30), (20, 20), *_left(whole), whole.mirrored))
    assert (moved.boxes.tolist(), moved.ignored.tolist()) == ([[0, 0, 15, 20], [10, 0, 20, 20]], [False, False])
    narrow = replace(batch, boxes=torch.tensor([[0.0, 0, 15, 20], [15, 0, 30, 20]]))
    offsets, extents = whole.offsets.clone(), whole.extents.clone()
    offsets[:, 0], extents[:, 0] = -6, 18
    moved = narrow.moved(type(whole)((20, 30), (20, 18), offsets, extents, whole.mirrored))
    assert (moved.boxes.tolist(), moved.ignored.tolist()) == ([[0, 0, 15, 20], [15, 0, 18, 20]], [False, True])
    gone = replace(narrow, boxes=torch.tensor([[0.0, 0, 15, 20], [18, 0, 30, 20]]))
    assert gone.moved(type(whole)((20, 30), (20, 18), offsets, extents, whole.mirrored)).labels.tolist() == [0]


def test_a_list_says_what_is_ignored_and_joined_and_some_keep_it(tmp_path):
    targets = several(tmp_path)
    assert targets.text(2) == '{"size":[20,30],"boxes":[[0.0,0.0,9.0,9.0]],"labels":["dog"],"ignored":[true]}'
    texts = [targets.text(n) for n in range(3)]
    again = targets.listed(texts, targets.names, iter([]), "data.tsv")
    assert [again.text(n) for n in range(3)] == texts
    twice = targets.joined([targets.only(np.array([2, 1]))])
    assert twice.ignored.tolist() == [False, False, True, True]
    plain = replace(targets, ignored=np.zeros(3, np.bool_))
    assert plain.content(np.arange(3)) != targets.content(np.arange(3))


def test_a_name_that_no_file_can_have_is_of_a_picture_that_is_not_there(tmp_path):
    file = table(tmp_path, "a.jpg,cat,0,0,15,20", "b.jpg,dog,0,0,9,9")
    file.write_text(file.read_text().replace("b.jpg", "b\0.jpg"))
    dataset = open_boxes(file)
    report = check_data(dataset, scan_pictures(dataset.pictures))
    assert [reason for _, reason in report.unreadable] == ["cannot be read (has a name that no file can have)"]
