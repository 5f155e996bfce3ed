"""Boxes that were found as files of annotations, which others read and `train` reads again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from striate.answers.boxes import LOCALISATION, Localisation
from striate.answers.detections import Detected
from striate.answers.instances import FIND_OBJECTS, Instance
from striate.core.errors import StriateError, unknown_name
from striate.core.files import require_writable
from striate.data.boxes.coco import Numbers, read_numbers
from striate.data.boxes.listing import Id
from striate.data.boxes.writing import (
    BoxedPicture,
    BoxRow,
    write_box_table,
    write_coco,
    write_coco_results,
    write_voc,
    write_yolo,
)
from striate.data.decode import DecodeError, read_size
from striate.deploy.instance_pixels import pixels_of
from striate.deploy.predictions import problem_of
from striate.ops.masks import Runs

Write = Callable[[Path, list[BoxedPicture], tuple[str, ...], Numbers | None], None]
"""Where to, pictures, names of classes, and what a COCO file calls both."""

# Of each form what it makes in a folder, first that of annotations; () where it is one file. It must not be there,
# which is seen before anything is answered, and at the end file by file.
FORMS: dict[str, tuple[tuple[str, ...], Write]] = {
    "coco": ((), lambda file, pictures, names, numbers: write_coco(file, pictures, names, *_by_kind(numbers))),
    "coco_results": (
        (),
        lambda file, pictures, names, numbers: write_coco_results(file, pictures, names, *_by_kind(numbers)),
    ),
    "voc": (("Annotations",), lambda folder, pictures, *_: write_voc(folder, pictures)),
    "yolo": (("labels", "data.yaml"), lambda folder, pictures, names, _: write_yolo(folder, pictures, names)),
    "csv": ((), lambda file, pictures, *_: write_box_table(file, pictures)),
}
NUMBERED = ("coco", "coco_results")


def _by_kind(numbers: Numbers | None) -> tuple[Mapping[str, Id] | None, Mapping[str, Id] | None]:
    """Those of classes and those of pictures."""
    return (None, None) if numbers is None else (numbers.categories, numbers.pictures)


@dataclass
class BoxFiles:
    """Where found boxes go when all pictures are answered. form: of FORMS. names: of the classes. numbers: what a COCO
    file calls them and the pictures.
    """

    form: str
    path: Path
    names: tuple[str, ...]
    numbers: Numbers | None = None
    pictures: list[BoxedPicture] = field(default_factory=list)

    @classmethod
    def named(
        cls, told: str, task: str, names: tuple[str, ...], ids: Path | None = None, given: Sequence[str] = ()
    ) -> BoxFiles:
        """By FORM=PATH. ids: a COCO file whose numbers are written, of the pictures that are given and of the classes.

        Raises StriateError for another form or task, where annotations are already, and for ids that do not fit.
        """
        form, equals, path = told.partition("=")
        if task not in (*FIND_OBJECTS, LOCALISATION):
            raise StriateError(f"--boxes writes where objects are, and {task} does not say; leave it out")
        if form not in FORMS:
            raise unknown_name("form", form, FORMS)
        if not equals or not path:
            raise StriateError(f"--boxes takes a form and where to write, such as {form}=found, got {told}")
        place, made = Path(path), FORMS[form][0]
        for taken in (place / name for name in made):
            if taken.exists():
                raise StriateError(f"{taken} is there already, and what it says may be true; name another folder")
        if not made and place.is_dir():
            raise StriateError(f"{form} is one file, and {place} is a folder; name a file, such as {place / 'boxes'}")
        require_writable(place / made[0] / "boxes" if made else place)
        if ids is not None and form not in NUMBERED:
            raise StriateError(f"--ids are COCO's numbers, and {form} has none; leave it out, or write coco=FILE")
        if ids is None and form == "coco_results":
            raise StriateError(
                "--boxes coco_results=FILE is a list by the numbers of a file of the truth; name that by --ids, or "
                "write coco=FILE, which has pictures and classes in it"
            )
        return cls(form, place, names, None if ids is None else read_numbers(ids, given, names))

    def add(self, answer: Any) -> None:
        """Keep the boxes of a picture; one that has no answer, or has gone, is left out."""
        if problem_of(answer):
            return
        try:
            size = read_size(Path(answer.path))
        except DecodeError:
            return
        self.pictures.append(BoxedPicture(answer.path, size, _rows(answer, size)))

    def write(self) -> None:
        """Write them. Paths are from where they are written, or of a folder from what all pictures lie in."""
        made, write = FORMS[self.form]
        base = self.path.resolve() if made else self.path.resolve().parent
        paths = [Path(each.path).resolve() for each in self.pictures]
        if made and paths and not all(path.is_relative_to(base) for path in paths):
            base = Path(os.path.commonpath([path.parent for path in paths]))
        told = [Path(os.path.relpath(path, base)).as_posix() for path in paths]
        pictures = [BoxedPicture(path, each.size, each.objects) for path, each in zip(told, self.pictures, strict=True)]
        numbers = self.numbers
        if numbers is not None:
            of = {path: numbers.pictures[each.path] for path, each in zip(told, self.pictures, strict=True)}
            numbers = replace(numbers, pictures=of)
        write(self.path, pictures, self.names, numbers)


def _rows(answer: Any, size: tuple[int, int]) -> tuple[BoxRow, ...]:
    if isinstance(answer, Localisation):
        return (BoxRow(answer.label, answer.box_at(*size), answer.probability),)
    return tuple(BoxRow(each.label, each.box_at(*size), each.score, _shape(each, size)) for each in answer.sure)


def _shape(found: Detected, size: tuple[int, int]) -> Runs | None:
    return pixels_of(found, size) if isinstance(found, Instance) else None
