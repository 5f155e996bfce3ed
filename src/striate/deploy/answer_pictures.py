"""Answers as pictures: drawn into the picture that they are of, and masks as files that other programs read."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from striate.answers import DRAW, label_grid
from striate.answers.masks import SEGMENTATION
from striate.answers.overlay import mask_file
from striate.core.errors import StriateError
from striate.core.files import require_writable, write_bytes
from striate.data.decode import DecodeError, Pixels
from striate.data.streaming import Undecoded
from striate.deploy.predictions import problem_of
from striate.deploy.tiles import WHOLE


@dataclass(frozen=True)
class AnswerPictures:
    """Where answers are written as pictures, one file each, called as the picture; None: nowhere.

    names: of the files, by the paths of the pictures. cells: along the longer side of a drawn picture, of one class
    each; None: every pixel has its own.
    """

    task: str
    names: Mapping[str, str]
    drawn: Path | None = None
    masks: Path | None = None
    cells: int | None = None

    def write(self, picture: Undecoded, answer: Any) -> None:
        """Write one answer. A picture that has none is left out, and one that cannot be read any more."""
        if problem_of(answer) or not (self.drawn or self.masks):
            return
        name = self.names[picture.name]
        try:
            pixels = picture.decode(3, WHOLE, None)
        except DecodeError:
            return
        if self.drawn is not None:
            write_bytes(self.drawn / name, _png(Image.fromarray(self._drawing(answer, pixels))))
        if self.masks is not None:
            write_bytes(self.masks / name, _png(mask_file(answer.mask_at(*pixels.shape[:2]))))

    def _drawing(self, answer: Any, pixels: Pixels) -> Pixels:
        if self.cells is not None:
            return label_grid.draw(answer, pixels, self.cells)
        drawing: Pixels = DRAW[self.task](answer, pixels)
        return drawing


def answer_pictures(
    task: str, given: Sequence[Undecoded], drawn: Path | None, masks: Path | None, cells: int | None = None
) -> AnswerPictures:
    """What is to be written of the answers of a task to pictures.

    Raises StriateError for a task whose answers are no places, and where a file would take the place of a picture or
    of another file.
    """
    if drawn is not None and task not in DRAW:
        raise StriateError(f"--draw shows where something is, and {task} does not say; leave it out")
    if masks is not None and task != SEGMENTATION:
        raise StriateError(f"--masks writes a class for every pixel, and {task} gives none; leave it out")
    if cells is not None and drawn is None:
        raise StriateError("--grid says how --draw draws; name a folder by --draw too")
    if cells is not None and task != SEGMENTATION:
        raise StriateError(f"--grid draws a class for every cell, and {task} gives none; leave it out")
    if drawn is not None and masks is not None and drawn.resolve() == masks.resolve():
        raise StriateError(f"--draw and --masks both name {drawn}, and would write over each other; name two folders")
    names = file_names([each.name for each in given]) if drawn or masks else {}
    for flag, folder in (("--draw", drawn), ("--masks", masks)):
        if folder is not None:
            _refuse_to_write_over(names, flag, folder)
            require_writable(folder / "answer.png")
    return AnswerPictures(task, names, drawn, masks, cells)


def file_names(paths: Iterable[str]) -> dict[str, str]:
    """The name of a file for each picture, by its path; those that are called alike in several folders are numbered.

    >>> list(file_names(["a/1.jpg", "b/1.jpg", "b/1-2.jpg"]).values())
    ['1.png', '1-2.png', '1-2-2.png']
    """
    names: dict[str, str] = {}
    taken, numbers = set[str](), Counter[str]()
    for path in dict.fromkeys(paths):
        stem = Path(path).stem
        name = f"{stem}.png"
        while name in taken:
            numbers[stem] += 1
            name = f"{stem}-{numbers[stem] + 1}.png"
        taken.add(name)
        names[path] = name
    return names


def _refuse_to_write_over(names: Mapping[str, str], flag: str, folder: Path) -> None:
    """Raise StriateError where one of the files would be one of the pictures."""
    parents = {parent: parent.resolve() for parent in {Path(path).parent for path in names}}
    there = {Path(path).name for path in names if parents[Path(path).parent] == folder.resolve()}
    if lost := sorted(there.intersection(names.values())):
        raise StriateError(f"{flag} would write over {folder / lost[0]}, which is asked about; name another folder")


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
