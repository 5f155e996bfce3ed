"""Boxes that were found as files of annotations, which others read and `train` reads again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from striate.answers.boxes import LOCALISATION, Localisation
from striate.answers.detections import DETECTION
from striate.core.errors import StriateError, unknown_name
from striate.core.files import require_writable
from striate.data.boxes.writing import BoxedPicture, BoxRow, write_box_table, write_coco, write_voc, write_yolo
from striate.data.decode import DecodeError, read_size
from striate.deploy.predictions import problem_of

Write = Callable[[Path, list[BoxedPicture], tuple[str, ...]], None]

# Of each form what it makes in a folder, first that of annotations; () where it is one file. It must not be there,
# which is seen before anything is answered, and at the end file by file.
FORMS: dict[str, tuple[tuple[str, ...], Write]] = {
    "coco": ((), write_coco),
    "voc": (("Annotations",), lambda folder, pictures, _: write_voc(folder, pictures)),
    "yolo": (("labels", "data.yaml"), write_yolo),
    "csv": ((), lambda file, pictures, _: write_box_table(file, pictures)),
}


@dataclass
class BoxFiles:
    """Where found boxes go when all pictures are answered. form: of FORMS. names: of the classes."""

    form: str
    path: Path
    names: tuple[str, ...]
    pictures: list[BoxedPicture] = field(default_factory=list)

    @classmethod
    def named(cls, told: str, task: str, names: tuple[str, ...]) -> BoxFiles:
        """By FORM=PATH. Raises StriateError for another form or task, and where annotations are already."""
        form, equals, path = told.partition("=")
        if task not in (DETECTION, LOCALISATION):
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
        return cls(form, place, names)

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
        write(self.path, pictures, self.names)


def _rows(answer: Any, size: tuple[int, int]) -> tuple[BoxRow, ...]:
    if isinstance(answer, Localisation):
        return (BoxRow(answer.label, answer.box_at(*size), answer.probability),)
    return tuple(BoxRow(each.label, each.box_at(*size), each.score) for each in answer.sure)
