"""What a network for instances says of a picture: objects, each of a class, in a box, and of a shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.answers.box_drawing import Colour, Pixels, enlarged_for_letters, framed
from striate.answers.boxes import Box
from striate.answers.classes import Prediction
from striate.answers.contours import LEVEL, contours
from striate.answers.detections import DETECTION, Detected, Detections
from striate.answers.detections import read as read_objects
from striate.answers.palette import colour_of
from striate.core.errors import StriateError

INSTANCES = "instances"
FIND_OBJECTS = (DETECTION, INSTANCES)
"""Tasks whose answer is `Detections`."""
OPACITY = 0.45
DIGITS = 5  # of an outline's shares

Cells = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Instance(Detected):
    """An object with its shape. cells: the chance that each cell of its box is of it, from the top down, (S, S)."""

    cells: Cells = field(compare=False, repr=False)

    def mask_at(self, height: int, width: int) -> Mask:
        """Its pixels, bool (height, width), in a picture of that size, such as its own.

        >>> Instance("cat", 0.9, (0.5, 0.0, 1.0, 1.0), 0, np.ones((2, 2), np.float32)).mask_at(1, 4).tolist()
        [[False, False, True, True]]
        """
        mask = np.zeros((height, width), np.bool_)
        part, (top, left) = shape_in(self.cells, self.box_at(height, width), (height, width))
        mask[top : top + part.shape[0], left : left + part.shape[1]] = part
        return mask

    @property
    def outline(self) -> list[list[float]]:
        """Closed lines around it: x, y, x, y ... of each, as shares of the picture's width and height.

        A point is inside where an odd number of them is around it.

        >>> Instance("cat", 0.9, (0.5, 0.0, 1.0, 1.0), 0, np.ones((1, 1), np.float32)).outline
        [[0.75, 0.0, 0.5, 0.5, 0.75, 1.0, 1.0, 0.5]]
        """
        left, top, right, bottom = self.box
        rows, columns = self.cells.shape
        wide, high = (right - left) / columns, (bottom - top) / rows
        return [
            [round(share, DIGITS) for x, y in line for share in (left + x * wide, top + y * high)]
            for line in contours(self.cells)
        ]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**super().to_dict(), "outline": self.outline}


def shape_in(cells: Cells, box: Box, size: tuple[int, int]) -> tuple[Mask, tuple[int, int]]:
    """The pixels of an object in the part of a picture that its box is in, bool (h, w), and the row and column of that.

    What the cells say between their middles is linear; of the object is what has a chance of a half. As
    `striate.ops.pasting.pasted`, of one mask and without torch. box: in pixels. size: height and width of the picture.

    >>> shape_in(np.ones((2, 2), np.float32), (1.0, 0.0, 3.0, 1.0), (2, 4))
    (array([[ True,  True]]), (0, 1))
    """
    left, top, right, bottom = box
    down, first_row = _of_each_cell(top, bottom, size[0], cells.shape[0])
    along, first_column = _of_each_cell(left, right, size[1], cells.shape[1])
    return down @ cells.astype(np.float64) @ along.T >= LEVEL, (first_row, first_column)


def _of_each_cell(low: float, high: float, length: int, cells: int) -> tuple[npt.NDArray[np.float64], int]:
    """How much of each cell the pixels of an axis between two edges have, (pixels, cells), and the first of these."""
    first, end = max(0, math.floor(low)), min(length, math.ceil(high))
    middle = np.arange(first, max(first, end)) + 0.5
    place = (middle - low) * cells / max(high - low, np.finfo(np.float64).tiny) - 0.5
    return np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0), first


def read(
    output: npt.NDArray[np.float32], names: tuple[str, ...], paths: Sequence[str], top: int
) -> list[Detections | Prediction]:
    """The objects of every picture, as `detections.read` has them, each an `Instance`.

    output: (N, objects, 6 + S * S), an object's six numbers, then its cells. Raises StriateError for another shape.

    >>> rows = np.array([[[0.1, 0.2, 0.3, 0.4, 0.75, 1, 0.9], [0, 0, 0, 0, 0, 0, 0]]], np.float32)
    >>> [each.cells.tolist() for each in read(rows, ("ant", "bee"), ["a.png"], 1)[0].objects]
    [[[0.8999999761581421]]]
    """
    side = math.isqrt(max(0, output.shape[-1] - 6)) if output.ndim == 3 else 0
    if not side or output.shape[2] != 6 + side**2:
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be rows of a box, a score, a class number and a "
            f"square of cells for each, got the shape {output.shape}; its file is damaged"
        )
    objects = output[..., :6].copy()
    objects[~np.isfinite(output[..., 6:]).all(axis=2)] = np.nan
    answers: list[Detections | Prediction] = []
    for answer, rows in zip(read_objects(objects, names, paths, top), output, strict=True):
        if isinstance(answer, Detections):
            cells = rows[rows[:, 4] > 0, 6:].reshape(-1, side, side)
            own = (_with_cells(each, shape) for each, shape in zip(answer.objects, cells, strict=True))
            answer = Detections(answer.path, tuple(own))
        answers.append(answer)
    return answers


def _with_cells(found: Detected, cells: Cells) -> Instance:
    return Instance(found.label, found.score, found.box, found.number, cells)


def draw(answer: Detections, pixels: Pixels) -> Pixels:
    """What was found, in its picture, uint8 (H, W, 1 or 3) of any size, a colour for each class, the best on top."""
    pixels = enlarged_for_letters(pixels)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()
    for each in reversed(answer.sure):
        if isinstance(each, Instance):
            size = pixels.shape[0], pixels.shape[1]
            fill(pixels, *shape_in(each.cells, each.box_at(*size), size), colour_of(each.number))
    for each in reversed(answer.sure):
        box, colour = each.box_at(*pixels.shape[:2]), colour_of(each.number)
        pixels = framed(pixels, box, colour, f"{each.label} {each.score:.0%}")
    return pixels


def fill(pixels: Pixels, mask: Mask, corner: tuple[int, int], colour: Colour) -> None:
    """Colour some pixels of a picture, uint8 (H, W, 3), in place: half through, those at the edge in full.

    mask: bool (h, w), of the part that begins at the row and column of `corner`.
    """
    part = pixels[corner[0] : corner[0] + mask.shape[0], corner[1] : corner[1] + mask.shape[1]]
    padded = np.pad(mask, 1)
    within = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    strength = np.where(within[mask], OPACITY, 1.0)[:, None]
    part[mask] = (part[mask] * (1 - strength) + np.array(colour) * strength).round().astype(np.uint8)
