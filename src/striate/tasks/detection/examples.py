"""Pictures of an evaluation that are worth showing: the surest errors of each kind, and some that went well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from striate.answers.box_drawing import FOUND, TRUE, Colour, framed
from striate.answers.boxes import Box
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets import Indices
from striate.ops.error_budget import KINDS, RIGHT, Kind
from striate.ops.object_hits import NO_PARTNER, Array, Rows
from striate.tasks.detection.metric import DetectionEvaluation

SHOWN_OF_A_KIND, SHOWN_RIGHT = 4, 8
DECODED_PX = (800, 800)
SHOWN_PX = 320  # longer side
AROUND, LEAST = 3.0, 0.35
"""What is shown of a picture with an error: so many times the width and height of its boxes, at least this share."""
MISSED_BOX: Colour = (255, 190, 0)
WELL_FROM = 0.5
"""Of F1, from which a picture is shown as one that went well."""


@dataclass(frozen=True)
class Pictured:
    """A picture with the boxes of an error, or with all of them where it went well.

    name: file, as the user knows it. kind: of the error. said: what went wrong, or how well it went. label, score: of
    the detection that is wrong, truth and iou: of the object that it is about, as far as there are such. objects:
    in the picture. pixels: what is around the error, or all, uint8 (H, W, 3), true boxes in green, answered
    ones in red, missed ones in yellow.
    """

    name: str
    kind: Kind | Literal["right"]
    said: str
    label: str | None
    score: float | None
    truth: str | None
    iou: float | None
    objects: int
    pixels: Pixels

    @property
    def caption(self) -> str:
        """What went wrong, or how well it went."""
        return self.said

    def to_dict(self) -> dict[str, Any]:
        """For JSON, the picture left out."""
        said = {"name": self.name, "kind": self.kind, "said": self.said, "objects": self.objects}
        return {**said, "label": self.label, "score": self.score, "truth": self.truth, "iou": self.iou}


def costliest_errors(
    found: DetectionEvaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Pictured]:
    """The surest errors of each kind, the kind that costs most first, then pictures that went well, if they decode.

    The surer a false detection is, the more right ones stand behind it. numbers: of the pictures that were evaluated,
    in that order. white: see `Preprocess.white`.
    """
    return Shown(found, dataset, numbers, white).examples()


@dataclass(frozen=True)
class Shown:
    """Draws pictures of an evaluation."""

    found: DetectionEvaluation
    dataset: Dataset
    numbers: Indices
    white: float | None

    def examples(self) -> list[Pictured]:
        """See `costliest_errors`."""
        kinds = sorted(KINDS, key=lambda kind: -self.found.costs[kind])
        examples = [example for kind in kinds for example in self.of_kind(kind)]
        return [*examples, *self.well()]

    def of_kind(self, kind: Kind) -> Iterator[Pictured]:
        """The surest errors of a kind, of objects missed the largest, no picture twice."""
        pictures, errors = self.found.pictures, self.found.errors
        if kind == "missed":
            rows = np.flatnonzero(errors.missed)
            rows = rows[np.argsort(-pictures.truth.area[rows], kind="stable")]
            for place in _first(pictures.truth.picture[rows]):
                with suppress(DecodeError):
                    yield self.missed(place)
            return
        rows = np.flatnonzero((errors.kind == KINDS.index(kind)) & self.found.sure)
        rows = rows[np.argsort(-pictures.found.score[rows], kind="stable")]
        chosen = {int(pictures.found.picture[row]): int(row) for row in rows[::-1]}  # the surest of each picture stays
        for place in _first(pictures.found.picture[rows]):
            with suppress(DecodeError):
                yield self.wrong(place, chosen[place], kind)

    def wrong(self, place: int, row: int, kind: Kind) -> Pictured:
        """A picture with its true boxes and a detection that is wrong."""
        found, errors = self.found, self.found.errors
        names, about = found.names, int(errors.concerned[row])
        truth = None if about == NO_PARTNER else names[int(found.pictures.truth.label[about])]
        label, score, iou = names[int(found.pictures.found.label[row])], float(found.pictures.found.score[row]), None
        if truth is not None:
            iou = float(errors.iou[row])
        own = found.pictures.found_boxes[row : row + 1]
        boxes = own if truth is None else np.concatenate([own, found.pictures.boxes[about : about + 1]])
        pixels = self.drawn(place, np.array([row]), window(boxes, found.pictures.sizes_px[place]))
        said = error_told(kind, f"{label} ({score:.0%})", truth or "", iou or 0.0)
        return Pictured(self.name(place), kind, said, label, score, truth, iou, self.objects(place), pixels)

    def missed(self, place: int) -> Pictured:
        """A picture with its true boxes, those in yellow that were missed."""
        pictures = self.found.pictures
        rows = np.flatnonzero((pictures.truth.picture == place) & self.found.errors.missed)
        pixels = self.drawn(place, rows, window(pictures.boxes[rows], pictures.sizes_px[place]), missed=True)
        names = self.found.names
        told = counts_told(pictures.truth.label[rows], names)
        truth = names[int(pictures.truth.label[rows[0]])] if len(rows) == 1 else None
        count = self.objects(place)
        return Pictured(self.name(place), "missed", f"missed: {told}", None, None, truth, None, count, pixels)

    def well(self) -> Iterator[Pictured]:
        """Pictures of the best F1, of equal ones those with most objects."""
        pictures, errors = self.found.pictures, self.found.errors
        sure, total = self.found.sure, self.found.total
        right = np.bincount(pictures.found.picture[sure & (errors.kind == RIGHT)], minlength=total)
        false = np.bincount(pictures.found.picture[sure & (errors.kind >= 0)], minlength=total)
        there = np.bincount(pictures.truth.picture[~pictures.truth.ignored], minlength=total)
        f1 = 2 * right / np.maximum(1, right + false + there)
        for place in np.lexsort((-there, -f1))[:SHOWN_RIGHT].tolist():
            if f1[place] >= WELL_FROM:
                rows = np.flatnonzero((pictures.found.picture == place) & sure)
                said = f"{right[place]} of {there[place]} found" + (f", {false[place]} false" if false[place] else "")
                with suppress(DecodeError):
                    height, width = pictures.sizes_px[place].tolist()
                    pixels = self.drawn(place, rows, (0.0, 0.0, width, height))
                    count = int(there[place])
                    yield Pictured(self.name(place), "right", said, None, None, None, None, count, pixels)

    def name(self, place: int) -> str:
        """The file of a picture."""
        return self.dataset.pictures.name(int(self.numbers[place]))

    def objects(self, place: int) -> int:
        """How many are to be found in a picture."""
        return int(self.found.hits.present[place, 0].sum())

    def drawn(self, place: int, rows: Rows, part: Box, *, missed: bool = False) -> Pixels:
        """A part of a picture with its true objects, and some detections or, where they are `missed`, true ones.

        rows: numbers of these. part: in the picture's pixels. Raises DecodeError.
        """
        photo = self.dataset.pictures.decode(int(self.numbers[place]), 3, DECODED_PX, self.white)
        pictures = self.found.pictures
        height, width = pictures.sizes_px[place].tolist()
        shares = np.array(part) / (width, height, width, height)
        source = shares * np.tile(photo.shape[1::-1], 2)
        wide, high = part[2] - part[0], part[3] - part[1]
        scale = SHOWN_PX / max(wide, high)
        size = max(1, round(scale * wide)), max(1, round(scale * high))
        shown = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, tuple(source.tolist()))
        there = np.flatnonzero(pictures.truth.picture == place)
        pixels = self.marked(np.asarray(shown), there, part, TRUE, true=True)
        return self.marked(pixels, rows, part, MISSED_BOX if missed else FOUND, true=missed)

    def marked(self, pixels: Pixels, rows: Rows, part: Box, colour: Colour, *, true: bool) -> Pixels:
        """A part of a picture with boxes in a colour. rows: numbers of detections or, where `true`, of objects."""
        boxes = (self.found.pictures.boxes if true else self.found.pictures.found_boxes)[rows]
        scale = SHOWN_PX / max(part[2] - part[0], part[3] - part[1])
        for left, top, right, bottom in (scale * (boxes - np.tile(part[:2], 2))).tolist():
            pixels = framed(pixels, (left, top, right, bottom), colour)
        return pixels


def window(boxes: Array, size: Array) -> Box:
    """The part of a picture around some boxes, of its own shape. size: its height and width.

    >>> window(np.array([[40.0, 40, 50, 60]]), np.array([100.0, 200.0]))
    (0.0, 20.0, 120.0, 80.0)
    """
    (left, top), (right, bottom), (height, width) = boxes[:, :2].min(0), boxes[:, 2:].max(0), size
    share = min(1.0, max(LEAST, AROUND * (right - left) / width, AROUND * (bottom - top) / height))
    wide, high = share * width, share * height
    x = min(max(0.0, (left + right - wide) / 2), width - wide)
    y = min(max(0.0, (top + bottom - high) / 2), height - high)
    return float(x), float(y), float(x + wide), float(y + high)


def error_told(kind: Kind, answered: str, truth: str, iou: float) -> str:
    """An error in a few words. answered: class and score. truth, iou: of the object that it is about.

    >>> error_told("class", "cat (93%)", "dog", 0.8), error_told("double", "cat (93%)", "cat", 0.9)
    ('cat (93%) in place of dog', 'a second cat (93%)')
    """
    said: dict[Kind, str] = {
        "class": f"{answered} in place of {truth}",
        "place": f"{answered}, IoU {iou:.2f}",
        "both": f"{answered} near {truth}, IoU {iou:.2f}",
        "double": f"a second {answered}",
        "background": f"{answered} where nothing is",
    }
    return said[kind]


def counts_told(labels: Iterable[int], names: tuple[str, ...]) -> str:
    """How many of which class, the most frequent first.

    >>> counts_told([1, 0, 1], ("cat", "dog")), counts_told([], ())
    ('2 dog, 1 cat', 'nothing')
    """
    counts = Counter(names[int(label)] for label in labels).most_common()
    return ", ".join(f"{count} {name}" for name, count in counts) or "nothing"


def _first(pictures: Rows) -> list[int]:
    """The first few different ones."""
    return list(dict.fromkeys(pictures.tolist()))[:SHOWN_OF_A_KIND]
