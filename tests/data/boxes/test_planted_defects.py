"""Two dozen things that go wrong with boxes, each planted in a clean set: every one is found, in a clean set none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from factories import encoded
from striate.core.errors import StriateError
from striate.data.boxes.writing import BoxedPicture, BoxRow, write_box_table, write_coco, write_voc, write_yolo
from striate.data.orientation import ORIENTATION_TAG

SIZE, NAMES = (60, 80), ("ant", "bee", "wasp")
DEFECTS: dict[str, tuple[Callable[[Path], Path], str]] = {}


def scenes() -> list[BoxedPicture]:
    """Twelve pictures with three boxes each, some of which touch the edges."""
    random, pictures = np.random.default_rng(0), []
    for number in range(12):
        left, top = random.integers(2, 20, 3), random.integers(2, 20, 3)
        rows = [
            BoxRow(name, (float(x + 18 * place), float(y), float(x + 18 * place + 16), float(y + 30 + place)))
            for place, (name, x, y) in enumerate(zip(NAMES, left.tolist(), top.tolist(), strict=True))
        ]
        if number < 2:
            rows[0] = BoxRow("ant", (0, 5, 20, 30)) if number else BoxRow("ant", (50, 5, 80, 30))
        pictures.append(BoxedPicture(f"images/{number:02}.png", SIZE, tuple(rows)))
    return pictures


def clean(root: Path, kind: str) -> Path:
    """A set without a fault; gives what is to be opened."""
    random, pictures = np.random.default_rng(1), scenes()
    (root / "images").mkdir(parents=True)
    for each in pictures:
        (root / each.path).write_bytes(encoded(random.integers(0, 256, (*SIZE, 3), dtype=np.uint8)))
    if kind == "coco":
        write_coco(root / "boxes.json", pictures, NAMES)
    elif kind == "voc":
        write_voc(root, pictures)
    elif kind == "yolo":
        write_yolo(root, pictures, NAMES)
    else:
        write_box_table(root / "boxes.csv", pictures)
    return {"coco": root / "boxes.json", "table": root / "boxes.csv"}.get(kind, root)


def found_in(data: Path) -> str:
    """All that is said of data, or why it is refused."""
    try:
        report = striate.check(data, task="detection")
    except StriateError as error:
        return str(error)
    return "\n".join([*report.problems, *report.said_in_full])


def defect(said: str):
    """Plant what is found in these words."""

    def add(plant: Callable[[Path], Path]) -> Callable[[Path], Path]:
        DEFECTS[plant.__name__] = plant, said
        return plant

    return add


def coco(root: Path, change: Callable[[dict], None]) -> Path:
    file = clean(root, "coco")
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return file


def changed(root: Path, kind: str, name: str, old: str, new: str) -> Path:
    """A set of which one file has something else in it, once."""
    data = clean(root, kind)
    text = (root / name).read_text()
    assert re.search(old, text), text
    (root / name).write_text(re.sub(old, new, text, count=1))
    return data


@defect("1 box outside of the picture, left out: images/04.png")
def a_box_outside(root):
    return changed(root, "table", "boxes.csv", r"(?m)^(images/04.png,ant),.*$", r"\1,90,10,99,20,")


@defect("1 box beyond the edge of the picture, cut there: images/04.png")
def a_box_beyond_the_edge(root):
    return coco(root, lambda told: told["annotations"][12].update(bbox=[10, 10, 100, 20]))


@defect("1 box without an area, left out: images/04.png")
def a_box_without_area(root):
    old, new = r"<xmin>\d+</xmin>(\s*<ymin>\d+</ymin>\s*)<xmax>\d+", r"<xmin>9</xmin>\1<xmax>8"
    return changed(root, "voc", "Annotations/04.xml", old, new)


@defect("1 box whose right or bottom edge lies before the other one, left out: images/04.png")
def a_reversed_box(root):
    return changed(root, "table", "boxes.csv", r"(?m)^(images/04.png,ant),.*$", r"\1,30,10,20,20,")


@defect("04.xml: ymin is 'nan', and no number of pixels")
def a_coordinate_that_is_no_number(root):
    return changed(root, "voc", "Annotations/04.xml", r"<ymin>\d+", "<ymin>nan")


@defect("1 box in the very place of another one of the same class, left out: images/04.png")
def a_box_twice(root):
    return changed(root, "yolo", "labels/04.txt", r"(?s)^(0 [^\n]*\n)", r"\1\1")


@defect("1 box that cover another one of their class, as if labelled twice: images/04.png")
def an_object_labelled_twice(root):
    def change(told):
        left, top, width, height = told["annotations"][12]["bbox"]
        again = {**told["annotations"][12], "id": 999, "bbox": [left + 0.2, top, width, height + 0.3]}
        told["annotations"].append(again)

    return coco(root, change)


@defect("1 box that cover one of another class, so that one object has two: images/04.png")
def an_object_of_two_classes(root):
    return changed(root, "yolo", "labels/04.txt", r"^0 ([^\n]*)\n", r"0 \1\n1 \1\n")


@defect("1 class without a box, left out: eel")
def a_class_without_boxes(root):
    return coco(root, lambda told: told["categories"].append({"id": 9, "name": "eel"}))


@defect("2 classes (ant, bee) without a box to train on")
def classes_that_only_validate(root):
    data = clean(root, "table")
    lines = data.read_text().splitlines()
    split = ["val" if "00.png" in line else "train" for line in lines]
    kept = [f"{line},{s}" for line, s in zip(lines, split, strict=True) if s == "val" or ",wasp," in line]
    data.write_text("\n".join([f"{lines[0]},split", *kept]))
    return data


@defect("gone.png cannot be read (No such file")
def a_picture_without_a_file(root):
    return coco(root, lambda told: told["images"][4].update(file_name="images/gone.png"))


@defect("1 picture is left out, without annotations: images/more.png")
def a_picture_without_annotations(root):
    data = clean(root, "voc")
    (root / "images" / "more.png").write_bytes(encoded(np.zeros((*SIZE, 3), np.uint8)))
    return data


@defect("1 picture without a file of labels, taken to show nothing: images/04.png")
def a_picture_without_labels(root):
    data = clean(root, "yolo")
    (root / "labels" / "04.txt").unlink()
    return data


@defect("1 XML file of no picture there: Annotations/04.xml")
def an_annotation_without_a_picture(root):
    data = clean(root, "voc")
    (root / "images" / "04.png").unlink()
    return data


@defect("04.xml is no XML that can be read")
def a_broken_file(root):
    return changed(root, "voc", "Annotations/04.xml", "</annotation>", "")


def moved(root: Path, by: tuple[int, int, int, int]) -> Path:
    """A table whose edges all differ by some pixels, of pictures with objects at their edges."""
    data, pictures = clean(root, "table"), []
    for each in scenes():
        rows = [*each.objects[1:], BoxRow("ant", (0, 7, 20, 30)), BoxRow("ant", (50, 30, 80, 60))]
        edges = [np.minimum(np.add(row.box, by), (80, 60, 80, 60)).tolist() for row in rows]
        objects = (BoxRow(row.label, tuple(box)) for row, box in zip(rows, edges, strict=True))
        pictures.append(BoxedPicture(each.path, SIZE, tuple(objects)))
    write_box_table(data, pictures)
    return data


@defect("12 boxes begin one pixel behind the edge of the picture and none at it: if pixels count from 1")
def pixels_that_count_from_1(root):
    return moved(root, (1, 1, 0, 0))


@defect("12 boxes end one pixel before the edge of the picture and none at it: if a box's last pixel is meant")
def last_pixels_as_edges(root):
    return moved(root, (0, 0, -1, -1))


@defect("1 box within the first pixel, as if these were shares of the picture and not pixels, left out: images/04.png")
def shares_among_pixels(root):
    return changed(root, "table", "boxes.csv", r"(?m)^(images/04.png,ant),.*$", r"\1,0.1,0.2,0.5,0.8,")


@defect("1 box far beyond the picture, as if these were pixels and not shares of it, left out: images/04.png")
def pixels_among_shares(root):
    return changed(root, "yolo", "labels/04.txt", r"^0 [^\n]*", "0 20 30 16 31")


@defect("every box ends within the first pixel, as if these were shares of the picture; give pixels")
def shares_throughout(root):
    def change(told):
        for each in told["annotations"]:
            each["bbox"] = [side / 100 for side in each["bbox"]]

    return coco(root, change)


@defect("lies before the other one, as if these were widths and heights")
def widths_in_the_place_of_edges(root):
    data = clean(root, "table")
    rows = [BoxedPicture(p.path, SIZE, tuple(BoxRow(r.label, (50, 40, 12, 9)) for r in p.objects)) for p in scenes()]
    write_box_table(data, rows)
    return data


@defect("lies before the other one, as if these were widths and heights")
def widths_where_few_are_less_than_the_left_edge(root):
    data, few = clean(root, "table"), iter([(50, 5, 20, 30)] * 6)
    rows = [
        BoxedPicture(p.path, SIZE, tuple(BoxRow(r.label, next(few, (5, 5, 30, 30))) for r in p.objects))
        for p in scenes()
    ]
    write_box_table(data, rows)
    return data


@defect("turned by their EXIF data, and their boxes with them, which are of the pictures before that: images/t.jpg")
def boxes_of_a_picture_before_it_was_turned(root):
    data = clean(root, "table")
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    (root / "images" / "t.jpg").write_bytes(encoded(np.zeros((*SIZE, 3), np.uint8), "JPEG", exif=exif))
    data.write_text(data.read_text() + "images/t.jpg,ant,62,10,78,40,\n")
    return data


@defect("1 box of class 3, and data.yaml names 0 to 2, left out: labels/04.txt")
def a_class_number_beyond_the_names(root):
    return changed(root, "yolo", "labels/04.txt", r"^0 ", "3 ")


@defect("data.yaml says nc: 4, and has 3 names")
def a_name_too_few(root):
    return changed(root, "yolo", "data.yaml", "nc: 3", "nc: 4")


@defect("annotations[12] is of category 8, which it does not have")
def a_category_that_is_not_there(root):
    return coco(root, lambda told: told["annotations"][12].update(category_id=8))


@defect("'Ant' and 'ant' are 2 classes, though their names differ by case or spaces only")
def a_class_in_two_spellings(root):
    return changed(root, "voc", "Annotations/04.xml", "<name>ant", "<name>Ant")


@defect("1 picture of another size than their annotations say, so that boxes may be of other pictures: images/04.png")
def a_picture_that_was_scaled_since(root):
    data = clean(root, "voc")
    pixels = np.random.default_rng(2).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    (root / "images" / "04.png").write_bytes(encoded(pixels))
    return data


@defect("1 box less than a pixel wide or high: images/04.png")
def a_box_of_less_than_a_pixel(root):
    return changed(root, "yolo", "labels/04.txt", r"^0 (\S+) (\S+) \S+", r"0 \1 \2 0.002")


@defect("in more than one class")
def one_picture_with_two_truths(root):
    data = clean(root, "yolo")
    (root / "images" / "05.png").write_bytes((root / "images" / "04.png").read_bytes())
    return data


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(tmp_path, name):
    plant, said = DEFECTS[name]
    assert said in found_in(plant(tmp_path / "data"))


def test_there_are_twenty():
    assert len(DEFECTS) >= 20


@pytest.mark.parametrize("kind", ["coco", "voc", "yolo", "table"])
def test_nothing_is_found_where_nothing_is_wrong(tmp_path, kind):
    said = found_in(clean(tmp_path / "data", kind))
    ours = [line for line in said.splitlines() if "box" in line or "picture" in line]
    plain = ("fewer than", "read as VOC", "boxes a picture,")
    assert [line for line in ours if not any(each in line for each in plain)] == []
