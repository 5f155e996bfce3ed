"""Pictures of an evaluation that are worth showing, and what is read under pictures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets import BatchTargets, Indices
from striate.data.targets.classes import labels_of
from striate.tasks.classification.metric import Evaluation

SHOWN_MISTAKES = 24
SHOWN_PX = (160, 160)


@dataclass(frozen=True)
class Mistake:
    """A picture that was taken for another class.

    name: file, as the user knows it. truth, predicted: class names. probability: of the predicted class, 0..1.
    pixels: uint8 (H, W, channels), 1 or 3 channels.
    """

    name: str
    truth: str
    predicted: str
    probability: float
    pixels: Pixels

    @property
    def caption(self) -> str:
        """What it was taken for, and how sure the network was."""
        return f"{self.truth} taken for {self.predicted} ({self.probability:.0%})"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, the picture left out."""
        return {"name": self.name, "truth": self.truth, "predicted": self.predicted, "probability": self.probability}


def confident_mistakes(
    found: Evaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Mistake]:
    """The wrong answers that the network was surest of, with their pictures, where those can still be decoded.

    numbers: of the pictures that were evaluated, in that order. white: see `Preprocess.white`.
    """
    wrong = torch.nonzero(found.predicted != found.truth).flatten()
    order = wrong[found.probabilities[wrong].argsort(descending=True)][:SHOWN_MISTAKES].tolist()
    mistakes, channels = [], 3
    for place in order:
        index = int(numbers[place])
        with suppress(DecodeError):
            mistake = Mistake(
                name=dataset.pictures.name(index),
                truth=dataset.classes[int(found.truth[place])],
                predicted=dataset.classes[int(found.predicted[place])],
                probability=float(found.probabilities[place]),
                pixels=dataset.pictures.decode(index, channels, SHOWN_PX, white),
            )
            mistakes.append(mistake)
    return mistakes


def captions(targets: BatchTargets, names: tuple[str, ...]) -> list[str]:
    """The class of every picture of a batch, or what a mixed one is mixed of."""
    return [label_text(label, names) for label in labels_of(targets).cpu()]


def label_text(label: Tensor, classes: tuple[str, ...]) -> str:
    """The name of a class by its number, or the names and shares of a mixed picture by its probabilities.

    >>> label_text(torch.tensor(1), ("ant", "bee")), label_text(torch.tensor([0.25, 0.75]), ("ant", "bee"))
    ('bee', 'bee 75 %, ant 25 %')
    """
    if not label.dim():
        return classes[int(label)]
    shares = sorted(zip(label.tolist(), classes, strict=True), reverse=True)
    parts = [(share, name) for share, name in shares if share > 0]
    return parts[0][1] if len(parts) == 1 else ", ".join(f"{name} {100 * share:.0f} %" for share, name in parts)
