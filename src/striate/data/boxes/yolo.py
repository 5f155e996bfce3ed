"""Boxes as YOLO has them: a text file of lines for each picture, in labels/ beside images/, or beside the picture.

A line is a class number and the middle, width and height of a box, or the corners of a polygon, as shares of the
picture's width and height; the format is that of docs.ultralytics.com/datasets/detect and /segment.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from striate.core.errors import StriateError
from striate.core.files import read_regular
from striate.core.reading import read_file
from striate.core.units import counted
from striate.data.boxes.beside import annotations_beside, read_each
from striate.data.boxes.listing import BoxListing, Gathered, named
from striate.data.boxes.outlines import polygons
from striate.data.boxes.yolo_file import YoloFile, read_yolo_file, yolo_file_among
from striate.data.layout import nfc
from striate.data.masks.pairs import place_of
from striate.data.walk import Listing, Walk

ENDING = ".txt"
LABELS = "labels"
NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels")  # a name a line, by number
MOST_BYTES = 2**24  # of one file
MOST_NUMBER = 10**5
SNIFFED, SNIFFED_BYTES, DEEPEST = 5, 2**16, 3
MOSTLY = 0.5
EXPECTED = "expected is a class number, and the middle, width and height of a box as shares of the picture"


def has_yolo(walk: Walk, near: Sequence[Listing]) -> bool:
    """Whether a folder holds labels as YOLO has them. near: the folders at its top."""
    if any(yolo_file_among(walk.root, [path for _, path in listing.rest]) for listing in near[:1]):
        return True
    folders = [folder for listing in near for folder in listing.folders if _last(folder).lower() == LABELS]
    within = [walk.listing(folder) for folder in folders]
    for _ in range(DEEPEST):
        within += [walk.listing(folder) for listing in within for folder in listing.folders[:1]]
    texts = [path for listing in within for _, path in listing.rest if path.lower().endswith(ENDING)]
    for listing in near:
        stems = {path.rpartition(".")[0] for path in listing.pictures}
        texts += [path for _, path in listing.rest if path.lower().endswith(ENDING) and path[: -len(ENDING)] in stems]
    return any(_is_labels(walk.root / path) for path in texts[:SNIFFED])


def _is_labels(file: Path) -> bool:
    """Whether a text is of numbers as YOLO has them; an empty one is not enough."""
    try:
        lines = read_regular(file, SNIFFED_BYTES).decode("ascii").split("\n")
        return bool([_numbers(line) for line in lines if line.strip()])
    except (OSError, ValueError):
        return False


def read_yolo(root: Path, file: str | None = None, *, outlines: bool = False) -> BoxListing:
    """The boxes of a folder in YOLO's layout; file: its data.yaml, where several might be meant.
    outlines: whether polygons are kept.

    Names of classes are those of data.yaml or classes.txt, else their numbers. Splits are those of data.yaml, as far as
    its folders are below the root, else of the folders. A picture without a file of labels shows nothing.
    Raises StriateError where no file of labels belongs to a picture, and where most are none.
    """
    walk = Walk(root)
    file = file or yolo_file_among(root, [path for _, path in walk.listing("").rest])
    told = read_yolo_file(root / file) if file else YoloFile(_listed_names(root))
    beside = annotations_beside(walk, ENDING)
    if not beside.pairs:
        raise StriateError(f"{root} has no text file of labels that is of a picture there; {EXPECTED}")
    reader = _Reader(root, told, _Splits(root, told), outlines)
    broken = read_each(beside.pairs, reader.read)
    for picture in beside.without:
        reader.gathered.add_picture(picture, reader.splits.of(picture))
    findings = [*reader.findings(file), *_without_labels(beside.without)]
    alone = [path for path in beside.alone if place_of(path).role and _is_labels(root / path)]
    notes = (f"{counted(len(alone), 'file')} of labels of no picture there: {named(alone)}",) if alone else ()
    return replace(
        reader.gathered.listing(),
        shares=True,
        notes=(*reader.splits.notes, *notes),
        findings=tuple(findings),
        broken=broken,
        category_ids={name: number for number, name in told.names.items()},
    )


@dataclass
class _Splits:
    """The split of each picture: of data.yaml, else of its folders."""

    root: Path
    told: YoloFile
    notes: list[str] = field(default_factory=list)
    _folders: list[tuple[str, str]] = field(default_factory=list)
    _files: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, split in self.told.folders:
            if place.endswith(ENDING) and (self.root / place).is_file():
                for path in _lines(self.root / place):
                    self._files.setdefault(_below_images(path), split)
            elif not place or (self.root / place).is_dir():
                if (before := dict(self._folders).get(f"{place}/")) is not None and before != split:
                    self.notes.append(
                        f"the file of names gives {place or 'all'} to {before} and {split}; it is {before}'s"
                    )
                    continue
                self._folders.append((f"{place}/" if place else "", split))

    def of(self, picture: str) -> str:
        """Of one picture."""
        if self._files:
            return self._files.get(_below_images(picture), "")
        found = [(len(folder), split) for folder, split in self._folders if f"{picture}".startswith(folder)]
        return max(found)[1] if found else place_of(picture).split


def _below_images(path: str) -> str:
    """Of a path in a list, what stays when the data is moved: from the last folder "images" on."""
    parts = path.replace("\\", "/").split("/")
    starts = [place for place, part in enumerate(parts) if part.lower() == "images"]
    return nfc("/".join(parts[starts[-1] :] if starts else parts[-1:]))


@dataclass
class _Reader:
    root: Path
    told: YoloFile
    splits: _Splits
    outlines: bool
    gathered: Gathered = field(default_factory=Gathered)
    unnamed: Counter[int] = field(default_factory=Counter)
    unnamed_in: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    lines: int = 0

    def read(self, labels: str, picture: str) -> None:
        """Note what one file says of its picture."""
        boxes = []
        for number, line in enumerate(_lines(self.root / labels), start=1):
            try:
                if line.strip():
                    boxes.append(_numbers(line, self.told.keypoints))
            except ValueError as error:
                raise StriateError(f"{self.root / labels}: line {number} {error}; {EXPECTED}") from error
        self.gathered.add_picture(picture, self.splits.of(picture))
        self.lines += len(boxes)
        self.seen.update(class_number for class_number, *_ in boxes)
        for class_number, edges, corners in boxes:
            name = self.told.names.get(class_number, "" if self.told.names else str(class_number))
            if name:
                self.gathered.add_box(picture, name, edges, outline=polygons([corners]) if self.outlines else None)
            else:
                self.unnamed[class_number] += 1
                self.unnamed_in.append(labels)

    def findings(self, file: str | None) -> list[str]:
        """What is odd about the numbers of classes. Raises StriateError where most have no name."""
        names, said = self.told.names, []
        where = file or "the file of names"
        if self.told.nc not in (None, len(names)):
            said.append(f"{where} says nc: {self.told.nc}, and has {counted(len(names), 'name')}")
        if not self.unnamed:
            return said
        count, numbers = sum(self.unnamed.values()), ", ".join(map(str, sorted(self.unnamed)[:3]))
        sentence = (
            f"{counted(count, 'box')} of class {numbers}{' ...' if len(self.unnamed) > 3 else ''}, and {where} names "
            f"{min(names)} to {max(names)}"
        )
        if count > MOSTLY * self.lines:
            raise StriateError(f"{self.root}: {sentence}; give the names of these data")
        from_1 = set(self.unnamed) == {len(names)} and 0 not in self.seen
        hint = " (as if classes were counted from 1)" if from_1 else ""
        return [*said, f"{sentence}{hint}, left out: {named(list(dict.fromkeys(self.unnamed_in)))}"]


def _without_labels(pictures: list[str]) -> Iterable[str]:
    if pictures:
        yield f"{counted(len(pictures), 'picture')} without a file of labels, taken to show nothing: {named(pictures)}"


def _numbers(line: str, keypoints: bool = False) -> tuple[int, tuple[float, float, float, float], list[float]]:
    """Class number, edges and corners of the polygon of one line. Raises ValueError with what is wrong with it.

    >>> _numbers("3 0.5 0.5 0.25 1"), _numbers("0 0.1 0.9 0.3 0.2 0.5 0.5")[:2]
    ((3, (0.375, 0.0, 0.625, 1.0), []), (0, (0.1, 0.2, 0.5, 0.9)))
    """
    cells = line.split()
    try:
        number, *values = map(float, cells)
    except ValueError:
        raise ValueError(f"is {line.strip()[:40]!r}") from None
    if not all(map(math.isfinite, (number, *values))) or number != int(number) or not 0 <= number < MOST_NUMBER:
        raise ValueError(f"is {line.strip()[:40]!r}")
    if len(values) == 4 or (keypoints and len(values) > 4):
        x, y, width, height = values[:4]
        return int(number), (x - width / 2, y - height / 2, x + width / 2, y + height / 2), []
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f"has {counted(len(cells), 'number')}")
    return int(number), (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])), values


def _lines(file: Path) -> list[str]:
    try:
        return read_file(file, MOST_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise StriateError(f"{file} is not UTF-8 text; save it as UTF-8") from error


def _listed_names(root: Path) -> dict[int, str]:
    for name in NAME_FILES:
        if (root / name).is_file():
            return {number: nfc(line.strip()) for number, line in enumerate(_lines(root / name)) if line.strip()}
    return {}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
