"""Boxes as Pascal VOC has them: an XML file for each picture, beside it or in Annotations/ beside JPEGImages/.

Everingham et al., "The Pascal Visual Object Classes challenge", IJCV 2010; the format is that of its development kit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np

from striate.core.errors import StriateError
from striate.core.files import read_regular
from striate.core.reading import read_file
from striate.core.units import counted
from striate.data.boxes.beside import annotations_beside, read_each, stem
from striate.data.boxes.listing import Boxes, BoxListing, Gathered, named
from striate.data.layout import nfc
from striate.data.masks.pairs import place_of
from striate.data.split_names import SPELLINGS
from striate.data.walk import Walk

ENDING = ".xml"
MOST_BYTES = 2**24  # of one file; with ten thousand objects it has some three million
SNIFFED, SNIFFED_BYTES = 5, 4096
SETS = "ImageSets/Main"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
EXPECTED = "expected are Annotations/a.xml and JPEGImages/a.jpg, or a.xml beside a.jpg"


def xml_files(walk: Walk) -> list[str]:
    """The XML files below a root, as paths below it."""
    return [path for listing in walk.listings_below("") for _, path in listing.rest if path.lower().endswith(ENDING)]


def has_voc(walk: Walk) -> bool:
    """Whether one of the first XML files of a root is an annotation."""
    return any(_is_annotation(walk.root / path) for path in xml_files(walk)[:SNIFFED])


def _is_annotation(file: Path) -> bool:
    try:
        return b"<annotation" in read_regular(file, MOST_BYTES)[:SNIFFED_BYTES]
    except OSError:
        return False


def read_voc(root: Path) -> BoxListing:
    """The boxes of a folder in VOC's layout, or of XML files beside their pictures.

    Splits are those of folders (train/, valid/ ...), else of ImageSets/Main/train.txt and its like, where these are.
    Coordinates count from 1 and the last pixel belongs to the box, as in VOC; where some are 0 they are taken as edges.
    Raises StriateError where most files are no such XML, and where none belongs to a picture.
    """
    beside, gathered = annotations_beside(Walk(root), ENDING), Gathered()
    first = [path for path, _ in beside.pairs[:1]] or beside.alone[:1]
    sets = _sets({root, *((root / path).parent.parent for path in first)})

    def read(annotation: str, picture: str) -> None:
        split = place_of(annotation).split or sets.get(stem(annotation), "")
        _add(gathered, picture, split, root / annotation)

    broken = read_each(beside.pairs, read)
    listing = gathered.listing()
    if not listing.paths:
        raise StriateError(
            f"{root} holds {counted(len(beside.alone), 'XML file')}, none of a picture there; {EXPECTED}"
        )
    boxes, note = as_edges(listing.boxes)
    alone = (f"{counted(len(beside.alone), 'XML file')} of no picture there: {named(beside.alone)}",)
    notes = (note, *(alone if beside.alone else ()))
    return replace(listing, boxes=boxes, notes=notes, unannotated=tuple(beside.without), broken=broken)


def as_edges(boxes: Boxes) -> tuple[Boxes, str]:
    """Boxes by their edges, and a note on how they were read.

    >>> as_edges(np.array([[1.0, 1, 4, 4]]))[0].tolist(), as_edges(np.array([[0.0, 1, 4, 4]]))[0].tolist()
    ([[0.0, 0.0, 4.0, 4.0]], [[0.0, 1.0, 4.0, 4.0]])
    """
    first = boxes[:, :2].min(1)
    if not len(boxes) or (first == 1).sum() > (first < 1).sum() or first.min() >= 1:
        return boxes - np.array([1.0, 1, 0, 0]), "boxes are read as VOC has them: pixels count from 1, the last belongs"
    return boxes, "some boxes begin at 0, so that coordinates are read as edges, not as VOC's pixels that count from 1"


def _add(gathered: Gathered, picture: str, split: str, file: Path) -> None:
    root = parse(read_file(file, MOST_BYTES), str(file))
    if root.tag != "annotation":
        raise StriateError(f"{file} is XML of <{root.tag}>, and no annotation of a picture; {EXPECTED}")
    height, width = (_number(root.findtext(f"size/{side}", "0"), file, side) for side in ("height", "width"))
    found = []
    for each in root.iter("object"):
        name = nfc(each.findtext("name", "").strip())
        if not name:
            raise StriateError(f"{file} has an object without a name")
        texts = [each.findtext(f"bndbox/{corner}") for corner in CORNERS]
        left, top, right, bottom = (_number(t, file, corner) for t, corner in zip(texts, CORNERS, strict=True))
        difficult = each.findtext("difficult", "0").strip() not in ("", "0")
        found.append((name, (left, top, right, bottom), difficult))
    gathered.add_picture(picture, split, (int(height), int(width)))
    for name, edges, difficult in found:
        gathered.add_box(picture, name, edges, difficult=difficult)


def parse(content: bytes, name: str) -> Element:
    """The root of an XML file. Raises StriateError, by the file's name, for what is none, and for one of a DOCTYPE,
    which alone could hold entities: a small file of them can stand for more than any memory holds.

    >>> parse(b"<a><b>1</b></a>", "a.xml").findtext("b")
    '1'
    """

    def refuse(*_: object) -> None:
        raise StriateError(f"{name} has a DOCTYPE, which no annotation needs and which may hide anything; take it out")

    builder, parser = TreeBuilder(), expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, StriateError):
            raise
        raise StriateError(f"{name} is no XML that can be read ({error})") from error
    return builder.close()


def _number(text: str | None, file: Path, what: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > 2**31 - 1:
        raise StriateError(f"{file}: {what} is {text!r}, and no number of pixels")
    return number


def _sets(folders: set[Path]) -> dict[str, str]:
    """The split of each name in ImageSets/Main of a folder; trainval.txt trains where there is no train.txt."""
    files = {file.stem.lower(): file for folder in folders for file in sorted((folder / SETS).glob("*.txt"))}
    if "train" not in files and "trainval" in files:
        files["train"] = files["trainval"]
    splits: dict[str, str] = {}
    for listed, file in files.items():
        split = SPELLINGS.get(listed)
        lines = read_file(file, MOST_BYTES).decode("utf-8", "surrogateescape").splitlines() if split else []
        for name in (nfc(line.split()[0]) for line in lines if line.strip()):
            if splits.setdefault(name, split or "") != split:
                raise StriateError(f"{file} lists {name}, which another file of {SETS} puts into {splits[name]}")
    return splits
