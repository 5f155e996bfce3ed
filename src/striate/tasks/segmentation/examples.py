"""Pictures of an evaluation that are worth showing, and what is read under pictures."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from striate.answers.masks import nearest
from striate.answers.overlay import overlaid
from striate.answers.palette import colour_of
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets import BatchTargets, Indices
from striate.data.targets.masks import masks_of
from striate.ops.pixels import IGNORED
from striate.tasks.segmentation.metric import PixelEvaluation

SHOWN_OF_A_KIND = 4
WRONG = np.array([226, 38, 54], np.uint8)


@dataclass(frozen=True)
class Segmented:
    """A picture with its mask, what was answered, and where that is wrong.

    name: file, as the user knows it. kind: best, median or worst. iou: its mean IoU. photo, truth, answer, errors:
    uint8 (H, W, 3) each.
    """

    name: str
    kind: str
    iou: float
    photo: Pixels
    truth: Pixels
    answer: Pixels
    errors: Pixels

    @property
    def caption(self) -> str:
        """How well it went."""
        return f"{self.kind}: mean IoU {self.iou:.0%}"

    @property
    def pixels(self) -> Pixels:
        """All four side by side."""
        return np.concatenate([self.photo, self.truth, self.answer, self.errors], 1)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, the pictures left out."""
        return {"name": self.name, "kind": self.kind, "mean_iou": self.iou}


def best_median_worst(
    found: PixelEvaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Segmented]:
    """Some pictures of each kind, the worst first, where they can still be decoded.

    numbers: of the pictures that were evaluated, in that order. white: see `Preprocess.white`.
    """
    examples = []
    for kind, places in _chosen(found).items():
        for place in places:
            with suppress(DecodeError):
                examples.append(_shown(found, place, kind, dataset, int(numbers[place]), white))
    return examples


def _chosen(found: PixelEvaluation) -> dict[str, list[int]]:
    """Places of the worst, median and best pictures by their mean IoU, none of them twice."""
    scores = found.by_picture.numpy()
    ranked = [int(place) for place in np.argsort(scores, kind="stable") if not np.isnan(scores[place])]
    few = min(SHOWN_OF_A_KIND, len(ranked) // 3)
    if not few:
        return {"worst": ranked}
    middle = (len(ranked) - few) // 2
    return {"worst": ranked[:few], "median": ranked[middle : middle + few], "best": ranked[::-1][:few]}


def _shown(
    found: PixelEvaluation, place: int, kind: str, dataset: Dataset, index: int, white: float | None
) -> Segmented:
    truth, answered = found.truths[place].mask(), found.answered[place].mask()
    photo = nearest(dataset.pictures.decode(index, 3, truth.shape, white), *truth.shape)
    dimmed = (photo.mean(2, keepdims=True) * 0.5).astype(np.uint8).repeat(3, 2)
    wrong = (answered != truth) & (truth != IGNORED)
    return Segmented(
        name=dataset.pictures.name(index),
        kind=kind,
        iou=float(found.by_picture[place]),
        photo=photo,
        truth=overlaid(photo, truth),
        answer=overlaid(photo, answered),
        errors=np.where(wrong[..., None], WRONG, dimmed),
    )


def captions(targets: BatchTargets, names: tuple[str, ...]) -> list[str]:
    """The largest class of every picture of a batch and its share, or that nothing is asked of it."""
    said = []
    for mask in masks_of(targets).cpu().numpy():
        known = mask[mask != IGNORED]
        if not len(known):
            said.append("nothing is asked")
            continue
        counts = np.bincount(known, minlength=len(names))
        largest = int(counts.argmax())
        said.append(f"{names[largest]} {counts[largest] / mask.size:.0%}")
    return said


def drawn(pixels: Pixels, targets: BatchTargets) -> Pixels:
    """Pictures of a batch, uint8 (N, H, W, channels), with their masks over them."""
    return np.stack([overlaid(picture, mask) for picture, mask in zip(pixels, masks_of(targets).numpy(), strict=True)])


def swatches(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every class with its colour as CSS writes it."""
    return [(name, "#{:02x}{:02x}{:02x}".format(*colour_of(number))) for number, name in enumerate(names)]
