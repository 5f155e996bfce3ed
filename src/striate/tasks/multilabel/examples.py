"""Pictures of an evaluation that are worth showing, and what is read under pictures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets import BatchTargets, Indices
from striate.data.targets.labels import present_in
from striate.tasks.multilabel.metric import LabelEvaluation

SHOWN_WORST, SHOWN_BEST = 16, 8
SHOWN_PX = (160, 160)
NONE = "no label"


@dataclass(frozen=True)
class LabelledPicture:
    """A picture with its labels and those that were named.

    name: file, as the user knows it. right, missed, wrong: names of labels that it has and were named, that it has and
    were not, and that it has not and were. loss: in nats. pixels: uint8 (H, W, 3).
    """

    name: str
    right: tuple[str, ...]
    missed: tuple[str, ...]
    wrong: tuple[str, ...]
    loss: float
    pixels: Pixels

    @property
    def exact(self) -> bool:
        """Whether just its labels were named."""
        return not self.missed and not self.wrong

    @property
    def caption(self) -> str:
        """What was named, missed and named wrongly."""
        parts = (("", self.right), ("missed ", self.missed), ("wrongly ", self.wrong))
        return "; ".join(f"{what}{', '.join(names)}" for what, names in parts if names) or NONE

    def to_dict(self) -> dict[str, Any]:
        """For JSON, the picture left out."""
        lists = {key: list(getattr(self, key)) for key in ("right", "missed", "wrong")}
        return {"name": self.name, **lists, "loss": self.loss}


def worst_and_best(
    found: LabelEvaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[LabelledPicture]:
    """The pictures with the largest loss, then those with labels and the smallest, where they can be decoded.

    numbers: of the pictures that were evaluated, in that order. white: see `Preprocess.white`.
    """
    order = np.argsort(-found.losses, kind="stable")
    worst, rest = order[:SHOWN_WORST], order[SHOWN_WORST:]
    best = rest[found.present[rest].any(1)][::-1][:SHOWN_BEST]
    examples = []
    for place in (*worst.tolist(), *best.tolist()):
        with suppress(DecodeError):
            examples.append(_shown(found, place, dataset, int(numbers[place]), white))
    return examples


def _shown(found: LabelEvaluation, place: int, dataset: Dataset, index: int, white: float | None) -> LabelledPicture:
    named, present = found.named[place], found.present[place]
    right, missed, wrong = (
        tuple(found.names[number] for number in np.flatnonzero(each))
        for each in (named & present, present & ~named, named & ~present)
    )
    return LabelledPicture(
        dataset.pictures.name(index),
        right,
        missed,
        wrong,
        loss=float(found.losses[place]),
        pixels=dataset.pictures.decode(index, 3, SHOWN_PX, white),
    )


def captions(targets: BatchTargets, names: tuple[str, ...]) -> list[str]:
    """The labels of every picture of a batch."""
    rows = present_in(targets).cpu().numpy() > 0
    return [", ".join(names[number] for number in np.flatnonzero(row)) or NONE for row in rows]
