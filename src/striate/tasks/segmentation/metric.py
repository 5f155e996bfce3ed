"""How well a network tells what every pixel is, summed over a data set."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.core.one_screen import OneScreen, few
from striate.data.targets import BatchTargets
from striate.data.targets.masks import masks_of
from striate.data.threads import in_threads
from striate.ops.boundary import boundary_f1
from striate.ops.pixels import (
    IGNORED,
    Overlap,
    bootstrap_interval,
    class_accuracy,
    constant_iou,
    dice_per_class,
    iou_per_class,
    mean_dice,
    mean_iou,
    overlap,
    pixel_accuracy,
    pixel_confusion,
)
from striate.tasks.segmentation.prediction import class_numbers


@dataclass(frozen=True)
class Packed:
    """A mask, packed: ten thousand of 480x360 are some 50 MB so. Fast to pack, and exact."""

    shape: tuple[int, ...]
    content: bytes

    @classmethod
    def of(cls, mask: npt.NDArray[np.uint8]) -> Self:
        """Pack uint8 (H, W)."""
        return cls(mask.shape, zlib.compress(mask.tobytes(), 1))

    def mask(self) -> npt.NDArray[np.uint8]:
        """Unpack it."""
        return np.frombuffer(zlib.decompress(self.content), np.uint8).reshape(self.shape)


@dataclass(frozen=True, repr=False, eq=False)
class PixelEvaluation(OneScreen):
    """What an evaluation of N pictures with K classes came to.

    names: of the classes. confusion: pixels, int64 (K, K), rows truth. pictures: of each picture, (N, K). loss_sum: of
    cross-entropies, in nats. answered, truths: masks of each picture.
    """

    names: tuple[str, ...]
    confusion: Tensor
    pictures: Overlap
    loss_sum: float
    answered: list[Packed]
    truths: list[Packed]

    @property
    def total(self) -> int:
        """Pictures evaluated."""
        return len(self.answered)

    @property
    def pixels(self) -> Overlap:
        """Of all pictures together."""
        return overlap(self.confusion)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean IoU, by drawing the pictures anew."""
        return _finite(bootstrap_interval(self.pictures, mean_iou))

    @cached_property
    def dice_interval(self) -> tuple[float, float]:
        """95 % interval of the mean of Dice's coefficients, by drawing the pictures anew."""
        return _finite(bootstrap_interval(self.pictures, mean_dice))

    def of_samples(self, times: Tensor) -> Tensor:
        """The mean IoU of samples of the pictures, float64 (S,). times: how often each is drawn, float64 (S, N)."""
        return mean_iou(Overlap(*(times @ of_pictures.double().cpu() for of_pictures in self.pictures)))

    @property
    def by_picture(self) -> Tensor:
        """The mean IoU of each picture over the classes in it or in the answer, float64 (N,); nan: it asks nothing."""
        return mean_iou(self.pictures)

    @cached_property
    def boundary(self) -> npt.NDArray[np.float64]:
        """F1 of the outlines of each class, (K,): the mean over the pictures that have one; nan where none has."""

        def scored(place: int) -> npt.NDArray[np.float64]:
            return boundary_f1(self.truths[place].mask(), self.answered[place].mask(), len(self.names))

        scores = np.array(list(in_threads(scored, range(self.total)))).reshape(-1, len(self.names))
        known = ~np.isnan(scores)
        sums, counts = np.where(known, scores, 0.0).sum(0), known.sum(0)
        means: npt.NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
        return means

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy of a pixel."""
        return self.loss_sum / max(1, int(self.confusion.sum()))

    def per_class(self) -> list[dict[str, Any]]:
        """IoU, Dice, outlines' F1, recall and precision of every class; None where there is nothing to divide by."""
        pixels = self.pixels
        columns = {
            "iou": iou_per_class(pixels),
            "dice": dice_per_class(pixels),
            "boundary_f1": torch.from_numpy(self.boundary),
            "recall": pixels.hits.double() / pixels.truth,
            "precision": pixels.hits.double() / pixels.predicted,
        }
        whole = max(1, int(self.confusion.sum()))
        return [
            {
                "class": name,
                "pixels": int(pixels.truth[number]),
                "share": int(pixels.truth[number]) / whole,
                **{key: _or_none(values[number]) for key, values in columns.items()},
            }
            for number, name in enumerate(self.names)
        ]

    def figures(self) -> dict[str, Any]:
        """The figures of the whole, for JSON."""
        pixels = self.pixels
        known = self.boundary[~np.isnan(self.boundary)]
        return {
            "pictures": self.total,
            "pixels": int(self.confusion.sum()),
            "mean_iou": _number(mean_iou(pixels)),
            "mean_iou_interval": list(self.interval),
            "mean_iou_of_one_answer": constant_iou(pixels.truth) if self.confusion.any() else 0.0,
            "pixel_accuracy": _number(pixel_accuracy(pixels)),
            "class_accuracy": _number(class_accuracy(pixels)),
            "mean_dice": _number(mean_dice(pixels)),
            "mean_dice_interval": list(self.dice_interval),
            "boundary_f1": float(known.mean()) if len(known) else 0.0,
            "loss": self.mean_loss,
        }

    def to_dict(self) -> dict[str, Any]:
        """Figures, classes and the confusion of pixels, for JSON."""
        return {**self.figures(), "per_class": self.per_class(), "confusion": self.confusion.tolist()}

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        figures, (low, high) = self.figures(), self.interval
        return {
            "pictures": f"{self.total:,}",
            "mean IoU": f"{figures['mean_iou']:.2%} (95 % interval {low:.2%} to {high:.2%})",
            "pixel accuracy": f"{figures['pixel_accuracy']:.2%}",
            "loss": f"{self.mean_loss:.4f}",
            "classes": few(self.names),
        }


class PixelMetric:
    """Counts pixels, in the order in which pictures come."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.confusion = torch.zeros(len(names), len(names), dtype=torch.int64)
        self.loss_sum = 0.0
        self.pictures: list[Overlap] = []
        self.answered: list[Packed] = []
        self.truths: list[Packed] = []

    def add(self, output: Tensor, targets: BatchTargets) -> None:
        """Count a batch. output: logits (N, K, H, W)."""
        truth, answered = masks_of(targets), class_numbers(output)
        confusion = pixel_confusion(truth.long(), answered.long(), len(self.names))
        self.confusion += confusion.sum(0)
        self.pictures.append(overlap(confusion))
        for maps, mask in zip(output, truth.long(), strict=True):  # one by one, as float32 may be twice as much
            loss = F.cross_entropy(maps.float()[None], mask[None], ignore_index=IGNORED, reduction="sum")
            self.loss_sum += float(loss)
        self.answered += map(Packed.of, answered.numpy())
        self.truths += map(Packed.of, truth.numpy())

    def merge(self, other: Self) -> None:
        """Count what another one has counted."""
        self.confusion += other.confusion
        self.loss_sum += other.loss_sum
        self.pictures += other.pictures
        self.answered += other.answered
        self.truths += other.truths

    def figures(self) -> dict[str, float]:
        """Mean IoU of the whole, pixel accuracy, mean cross-entropy of a pixel."""
        pixels, total = overlap(self.confusion), max(1, int(self.confusion.sum()))
        return {
            "mean_iou": _number(mean_iou(pixels)),
            "pixel_accuracy": _number(pixel_accuracy(pixels)),
            "loss": self.loss_sum / total,
        }

    def result(self) -> PixelEvaluation:
        """All that was counted, picture by picture."""
        pictures = Overlap(*map(torch.cat, zip(*self.pictures, strict=True)))
        return PixelEvaluation(self.names, self.confusion, pictures, self.loss_sum, self.answered, self.truths)


def _number(value: Tensor) -> float:
    """A figure; 0 where every pixel is ignored."""
    return float(value.nan_to_num(nan=0.0))


def _finite(ends: tuple[float, float]) -> tuple[float, float]:
    """An interval; 0 to 0 where every pixel is ignored."""
    return (0.0, 0.0) if math.isnan(ends[0]) else ends


def _or_none(value: Tensor) -> float | None:
    return None if value.isnan() else float(value)
