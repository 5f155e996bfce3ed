"""Answers as pictures: drawn into the picture that they are of, and masks as files that other programs read."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
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


@dataclass
class AnswerPictures:
    """Where answers are written as pictures, one file each, called as the picture; None: nowhere.

    cells: along the longer side of a drawn picture, of one class each; None: every pixel has its own. taken: how many
    pictures of a name there have been.
    """

    task: str
    drawn: Path | None = None
    masks: Path | None = None
    cells: int | None = None
    taken: dict[str, int] = field(default_factory=dict)

    def write(self, picture: Undecoded, answer: Any) -> None:
        """Write one answer. A picture that has none is left out, and one that cannot be read any more."""
        if problem_of(answer) or not (self.drawn or self.masks):
            return
        name = self._name(picture.name)
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

    def _name(self, path: str) -> str:
        """Pictures of one name in several folders are numbered as they come."""
        stem = Path(path).stem
        self.taken[stem] = self.taken.get(stem, 0) + 1
        return f"{stem}.png" if self.taken[stem] == 1 else f"{stem}-{self.taken[stem]}.png"


def answer_pictures(task: str, drawn: Path | None, masks: Path | None, cells: int | None = None) -> AnswerPictures:
    """What is to be written of the answers of a task. Raises StriateError for a task whose answers are no places."""
    if drawn is not None and task not in DRAW:
        raise StriateError(f"--draw shows where something is, and {task} does not say; leave it out")
    if masks is not None and task != SEGMENTATION:
        raise StriateError(f"--masks writes a class for every pixel, and {task} gives none; leave it out")
    if cells is not None and drawn is None:
        raise StriateError("--grid says how --draw draws; name a folder by --draw too")
    if cells is not None and task != SEGMENTATION:
        raise StriateError(f"--grid draws a class for every cell, and {task} gives none; leave it out")
    for folder in filter(None, (drawn, masks)):
        require_writable(folder / "answer.png")
    return AnswerPictures(task, drawn, masks, cells)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
