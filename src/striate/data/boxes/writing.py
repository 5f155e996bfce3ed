"""Boxes written as others read them: COCO's JSON, VOC's XML, YOLO's labels, a table; each is read again equal.

Files are written whole or not at all. Scores, where boxes have any, are written wherever a format has a place for them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from striate.core.errors import StriateError
from striate.core.files import write_bytes, write_json
from striate.data.boxes.listing import Id
from striate.data.masks.pairs import PICTURES
from striate.ops.masks import Runs

Edges = tuple[float, float, float, float]
DIGITS = 10  # of a share, so that a box is told to the hundred-millionth of a pixel


@dataclass(frozen=True)
class BoxRow:
    """An object. box: left, top, right and bottom edge in pixels of the file. score: 0 to 1; None: a truth.

    shape: its pixels in the file, of instances, which COCO's files have a place for.
    """

    label: str
    box: Edges
    score: float | None = None
    shape: Runs | None = None


@dataclass(frozen=True)
class BoxedPicture:
    """A picture and what is in it. path: below the folder of the data. size: height and width of its file."""

    path: str
    size: tuple[int, int]
    objects: tuple[BoxRow, ...] = ()


def write_coco(
    file: Path,
    pictures: Sequence[BoxedPicture],
    names: Sequence[str],
    category_ids: Mapping[str, Id] | None = None,
    picture_ids: Mapping[str, Id] | None = None,
) -> None:
    """Write pictures, boxes and classes as COCO's file of a data set.

    category_ids, picture_ids: what the data's own file calls classes, by name, and pictures, by path; by default they
    are numbered from 1. Raises StriateError for a box of a class that is not among the names.
    """
    categories, images = _ids(names, category_ids), _ids([each.path for each in pictures], picture_ids)
    write_json(
        file,
        {
            "images": [
                {"id": images[each.path], "file_name": each.path, "height": each.size[0], "width": each.size[1]}
                for each in pictures
            ],
            "annotations": [
                {"id": place, "area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0, **entry}
                for place, entry in enumerate(_entries(pictures, categories, images), start=1)
            ],
            "categories": [{"id": categories[name], "name": name} for name in names],
        },
    )


def write_coco_results(
    file: Path,
    pictures: Sequence[BoxedPicture],
    names: Sequence[str],
    category_ids: Mapping[str, Id] | None = None,
    picture_ids: Mapping[str, Id] | None = None,
) -> None:
    """Write found boxes as COCO's evaluation takes them: a list of picture, class, box and score, by their numbers.

    As of `write_coco`; numbers are those of the file of the truth, without which the list says nothing.
    """
    categories, images = _ids(names, category_ids), _ids([each.path for each in pictures], picture_ids)
    write_json(file, [{"score": 1.0, **entry} for entry in _entries(pictures, categories, images)])


def write_voc(folder: Path, pictures: Sequence[BoxedPicture]) -> None:
    """Write `Annotations/NAME.xml` for each picture below a folder, as VOC has them: pixels count from 1.

    JPEGImages/a.jpg has Annotations/a.xml; whole numbers are written as such, others with their fractions.
    Raises StriateError for two pictures of one name, a class that XML cannot hold, and where a file is already.
    """
    named = _beside(pictures, "Annotations", ".xml")
    _require_new(folder, named)
    for name, each in named.items():
        root = ElementTree.Element("annotation")
        _told(root, "filename", PurePosixPath(each.path).name)
        size = ElementTree.SubElement(root, "size")
        for side, pixels in zip(("width", "height", "depth"), (each.size[1], each.size[0], 3), strict=True):
            _told(size, side, str(pixels))
        for one in each.objects:
            found = ElementTree.SubElement(root, "object")
            if not one.label.isprintable():
                raise StriateError(f"{one.label!r} has a character that XML cannot hold; give the class another name")
            _told(found, "name", one.label)
            _told(found, "difficult", "0")
            if one.score is not None:
                _told(found, "score", repr(one.score))
            place = ElementTree.SubElement(found, "bndbox")
            left, top, right, bottom = one.box
            for side, edge in zip(("xmin", "ymin", "xmax", "ymax"), (left + 1, top + 1, right, bottom), strict=True):
                _told(place, side, _number(edge))
        ElementTree.indent(root)
        write_bytes(folder / name, ElementTree.tostring(root, "utf-8") + b"\n")


def write_yolo(folder: Path, pictures: Sequence[BoxedPicture], names: Sequence[str]) -> None:
    """Write `labels/NAME.txt` for each picture below a folder, and data.yaml, which names the classes.

    images/train/a.jpg has labels/train/a.txt. Scores have no place in labels to train on, and are left out.
    Raises StriateError for two pictures of one name, a class that is not among the names, a picture without a size, and
    where a file is already.
    """
    number = {name: place for place, name in enumerate(names)}
    lines: dict[str, list[str]] = {}
    for name, each in _beside(pictures, "labels", ".txt").items():
        height, width = each.size
        if not height or not width:
            raise StriateError(f"{each.path} has no size, so its boxes are no shares of it")
        lines[name] = []
        for one in each.objects:
            left, top, right, bottom = one.box
            middle = (left + right) / 2 / width, (top + bottom) / 2 / height
            shares = (*middle, (right - left) / width, (bottom - top) / height)
            told = " ".join(f"{share:.{DIGITS}f}" for share in shares)
            lines[name].append(f"{_among(number, one.label)} {told}\n")
    _require_new(folder, (*lines, "data.yaml"))
    for name, own in lines.items():
        write_bytes(folder / name, "".join(own).encode())
    named = "".join(f"  {place}: {json.dumps(name)}\n" for name, place in number.items())  # JSON's texts are YAML's
    write_bytes(folder / "data.yaml", f"path: .\nnc: {len(names)}\nnames:\n{named}".encode())


def write_box_table(file: Path, pictures: Sequence[BoxedPicture]) -> None:
    """Write a table of path, label, edges and score, a line for each box; a picture without any has one line too."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "x0", "y0", "x1", "y1", "score"])
    for each in pictures:
        for one in each.objects:
            writer.writerow([each.path, one.label, *map(_number, one.box), "" if one.score is None else one.score])
        if not each.objects:
            writer.writerow([each.path, *[""] * 6])
    write_bytes(file, text.getvalue().encode("utf-8", "surrogateescape"))


def _entries(
    pictures: Sequence[BoxedPicture], categories: Mapping[str, Id], images: Mapping[str, Id]
) -> list[dict[str, Any]]:
    """Every box with the numbers of its picture and class, and its score, shape and area where it has these."""
    entries = []
    for each in pictures:
        for one in each.objects:
            left, top, right, bottom = one.box
            entry = {"image_id": images[each.path], "category_id": _among(categories, one.label)}
            entry |= {"bbox": [left, top, right - left, bottom - top]}
            if one.shape is not None:
                size = list(one.shape.size)
                entry |= {"segmentation": {"size": size, "counts": one.shape.text()}, "area": one.shape.area}
            entries.append(entry if one.score is None else {**entry, "score": one.score})
    return entries


def _ids(names: Sequence[str], given: Mapping[str, Id] | None) -> dict[str, Id]:
    """The number of each name: those that are given, where all have one."""
    if given is not None and all(name in given for name in names):
        return {name: given[name] for name in names}
    return {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}


def _among(numbers: Mapping[str, Any], label: str) -> Any:
    if label not in numbers:
        raise StriateError(f"a box is of class {label!r}, and the classes are {', '.join(list(numbers)[:5])}")
    return numbers[label]


def _beside(pictures: Sequence[BoxedPicture], folder: str, ending: str) -> dict[str, BoxedPicture]:
    """Pictures by the paths of their annotations: in a folder in the place of that of pictures, else in one above."""
    named: dict[str, BoxedPicture] = {}
    for each in pictures:
        path = PurePosixPath(each.path)
        if path.is_absolute() or ".." in path.parts:
            raise StriateError(f"{each.path} is not below the data's folder, so nothing can be written beside it")
        parts = list(path.with_suffix(ending).parts)
        places = [place for place, part in enumerate(parts[:-1]) if part.lower() in PICTURES]
        if places:
            parts[places[-1]] = folder
        name = "/".join(parts if places else [folder, *parts])
        if (other := named.setdefault(name, each)) is not each:
            raise StriateError(f"{other.path} and {each.path} would have one file of annotations, {name}; rename one")
    return named


def _require_new(folder: Path, names: Iterable[str]) -> None:
    """Raise StriateError where there is a file already: what it says may be true."""
    if there := next((folder / name for name in names if (folder / name).exists()), None):
        raise StriateError(f"{there} is there already, and what it says may be true; name another folder")


def _told(above: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(above, name).text = text


def _number(value: float) -> str:
    """As short as it can be read again."""
    return str(int(value)) if value == int(value) else repr(float(value))
