"""Pictures of an evaluation that are worth showing, and what is read under pictures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from striate.answers.box_drawing import FOUND, TRUE, framed
from striate.answers.boxes import Box
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets import BatchTargets, Indices
from striate.data.targets.boxes import boxes_of
from striate.tasks.localisation.losses import RIGHT_FROM
from striate.tasks.localisation.metric import PlaceEvaluation

SHOWN_MISTAKES, SHOWN_RIGHT = 16, 8
SHOWN_PX = (256, 256)


@dataclass(frozen=True)
class Located:
    """A picture with its box and the answered one.

    name: file, as the user knows it. truth, predicted: class names. probability: of the predicted class. iou: of the
    two boxes. pixels: uint8 (H, W, 3), the true box in green, the answered one in red.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    iou: float
    pixels: Pixels

    @property
    def right(self) -> bool:
        """Whether class and box are right."""
        return self.truth == self.predicted and self.iou >= RIGHT_FROM

    @property
    def caption(self) -> str:
        """What it was taken for, how sure the network was, and how well the boxes fit."""
        taken = self.truth if self.truth == self.predicted else f"{self.truth} taken for {self.predicted}"
        return f"{taken} ({self.probability:.0%}), IoU {self.iou:.2f}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, the picture left out."""
        said = {"name": self.name, "truth": self.truth, "predicted": self.predicted}
        return {**said, "probability": self.probability, "iou": self.iou}


def surest_mistakes(
    found: PlaceEvaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Located]:
    """The mistakes that the network was surest of, then some pictures that it has right, where they can be decoded.

    numbers: of the pictures that were evaluated, in that order. white: see `Preprocess.white`.
    """
    right = found.places.right
    wrong = torch.nonzero(~right).flatten()
    surest = wrong[found.places.probability[wrong].argsort(descending=True, stable=True)][:SHOWN_MISTAKES]
    good = torch.nonzero(right).flatten()
    spread = good[torch.linspace(0, max(0, len(good) - 1), min(SHOWN_RIGHT, len(good))).long()]
    examples = []
    for place in [*surest.tolist(), *spread.tolist()]:
        with suppress(DecodeError):
            examples.append(_shown(found, place, dataset, int(numbers[place]), white))
    return examples


def _shown(found: PlaceEvaluation, place: int, dataset: Dataset, index: int, white: float | None) -> Located:
    places, photo = found.places, dataset.pictures.decode(index, 3, SHOWN_PX, white)
    true, answered = (_at(photo, boxes[place]) for boxes in (places.boxes, places.answered))
    return Located(
        name=dataset.pictures.name(index),
        truth=found.names[int(places.truth[place])],
        predicted=found.names[int(places.predicted[place])],
        probability=float(places.probability[place]),
        iou=float(places.iou[place]),
        pixels=framed(framed(photo, true, TRUE), answered, FOUND),
    )


def _at(pixels: Pixels, shares: Tensor) -> Box:
    """A box (4,) in the pixels of a picture."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = shares.tolist()
    return left * width, top * height, right * width, bottom * height


def captions(targets: BatchTargets, names: tuple[str, ...]) -> list[str]:
    """The class of every picture of a batch, and whether its object was cut away."""
    batch = boxes_of(targets)
    said = [""] * len(batch)
    for picture, label, (left, top, right, bottom) in zip(
        batch.picture.tolist(), batch.labels.tolist(), batch.boxes.tolist(), strict=True
    ):
        said[picture] = names[label] if right > left and bottom > top else f"{names[label]}, cut away"
    return [text or "nothing" for text in said]


def drawn(pixels: Pixels, targets: BatchTargets) -> Pixels:
    """Pictures of a batch, uint8 (N, H, W, channels), with their boxes."""
    batch = boxes_of(targets)
    pictures = [np.repeat(each, 3, 2) if each.shape[2] == 1 else each for each in pixels]
    for picture, (left, top, right, bottom) in zip(batch.picture.tolist(), batch.boxes.tolist(), strict=True):
        if right > left and bottom > top:
            pictures[picture] = framed(pictures[picture], (left, top, right, bottom), TRUE)
    return np.stack(pictures)
