"""Pictures of a batch with what is to be found in them, legible where they are crowded."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from striate.answers.box_drawing import Colour, framed
from striate.answers.palette import colour_of
from striate.data.decode import Pixels
from striate.data.targets import BatchTargets
from striate.data.targets.boxes import BoxBatch, boxes_of
from striate.ops.boxes import box_area

NOT_ASKED: Colour = (150, 150, 150)
SHOWN_THROUGH = 0.6  # of a picture, under the colour of an object's pixels


def drawn(pixels: Pixels, targets: BatchTargets) -> Pixels:
    """Pictures of a batch, uint8 (N, H, W, channels), with their boxes in the colours of their classes.

    Small boxes lie above large ones; what is not asked for is grey. Of instances the objects' pixels are coloured too.
    """
    batch = boxes_of(targets)
    pictures = [np.repeat(each, 3, 2) if each.shape[2] == 1 else each for each in pixels]
    places = box_area(batch.boxes).argsort(descending=True, stable=True).tolist()
    if batch.masks is not None:
        for place, picture in zip(places, batch.picture[places].tolist(), strict=True):
            pictures[picture] = _filled(pictures[picture], batch.masks[place], _colour(batch, place))
    for place in places:
        picture, (left, top, right, bottom) = int(batch.picture[place]), batch.boxes[place].tolist()
        pictures[picture] = framed(pictures[picture], (left, top, right, bottom), _colour(batch, place))
    return np.stack(pictures)


def _colour(batch: BoxBatch, place: int) -> Colour:
    return NOT_ASKED if batch.ignored[place] else colour_of(int(batch.labels[place]))


def _filled(pixels: Pixels, mask: Tensor, colour: Colour) -> Pixels:
    """A picture with some of its pixels in a colour. mask: bool (H, W)."""
    inside, filled = mask.numpy(), pixels.copy()
    filled[inside] = (filled[inside] * SHOWN_THROUGH + np.array(colour) * (1 - SHOWN_THROUGH)).round().astype(np.uint8)
    return filled
