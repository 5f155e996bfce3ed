"""Pictures of an evaluation that are worth showing, as detection has them, with the pixels of the objects coloured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from striate.answers.box_drawing import Colour
from striate.answers.boxes import Box
from striate.answers.instances import Mask, fill
from striate.data.dataset import Dataset
from striate.data.decode import Pixels
from striate.data.targets import Indices
from striate.ops.masks import Runs
from striate.ops.object_hits import Rows
from striate.tasks.detection.examples import Pictured, Shown
from striate.tasks.instances.metric import InstanceEvaluation


def costliest_errors(
    found: InstanceEvaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Pictured]:
    """As `striate.tasks.detection.examples.costliest_errors`, with the masks by which errors are told."""
    return ShownShapes(found, dataset, numbers, white).examples()


@dataclass(frozen=True)
class ShownShapes(Shown):
    """Draws pictures of an evaluation by masks."""

    found: InstanceEvaluation

    def marked(self, pixels: Pixels, rows: Rows, part: Box, colour: Colour, *, true: bool) -> Pixels:
        """A part of a picture with boxes and, below them, masks in a colour."""
        shapes = self.found.pictures.shapes if true else self.found.pictures.found_shapes
        pixels = pixels.copy()
        for row in rows.tolist():
            fill(pixels, seen_in(shapes[row], part, (pixels.shape[0], pixels.shape[1])), (0, 0), colour)
        return super().marked(pixels, rows, part, colour, true=true)


def seen_in(shape: Runs, part: Box, size: tuple[int, int]) -> Mask:
    """What of a shape is in a part of its picture, bool (height, width) of `size`: each pixel is the nearest one.

    >>> seen_in(Runs.of_counts([2, 1, 1], (2, 2)), (1.0, 0.0, 2.0, 2.0), (4, 1)).astype(int).T.tolist()
    [[1, 1, 0, 0]]
    """
    left, top, right, bottom = part
    rows, columns = (
        np.clip(np.floor(low + (np.arange(side) + 0.5) * (high - low) / side).astype(np.int64), 0, whole - 1)
        for low, high, side, whole in zip((top, left), (bottom, right), size, shape.size, strict=True)
    )
    return shape.mask()[np.ix_(rows, columns)]
