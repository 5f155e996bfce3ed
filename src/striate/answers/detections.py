"""What a network for detection says of a picture: objects, each of a class and in a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.answers.box_drawing import Pixels, enlarged_for_letters, framed
from striate.answers.boxes import Box
from striate.answers.classes import NO_NUMBERS, Prediction
from striate.answers.palette import colour_of
from striate.answers.tiled_boxes import InTiles, places_of
from striate.answers.tiles import Tile
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen

DETECTION = "detection"
SHOWN_FROM = 0.3
"""The score from which an object is drawn, told of and written, unless another is asked for."""
EDGES = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Detected:
    """An object. score: 0 to 1. box: edges as shares of the picture's width and height. number: of its class."""

    label: str
    score: float
    box: Box
    number: int

    def box_at(self, height: int, width: int) -> Box:
        """The box in pixels of a picture of that size, such as its own.

        >>> Detected("cat", 0.9, (0.25, 0.0, 1.0, 0.5), 0).box_at(100, 200)
        (50.0, 0.0, 200.0, 50.0)
        """
        left, top, right, bottom = self.box
        return left * width, top * height, right * width, bottom * height

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"label": self.label, "score": self.score, "box": list(self.box)}


@dataclass(frozen=True, repr=False)
class Detections(OneScreen):
    """The objects of a picture, best first; `sure` are those worth telling a person of, of a score from `least`."""

    path: str
    objects: tuple[Detected, ...]
    least: float = SHOWN_FROM

    @property
    def sure(self) -> tuple[Detected, ...]:
        """Those of a score from `least`."""
        return tuple(each for each in self.objects if each.score >= self.least)

    def count(self) -> int:
        """How many are `sure`."""
        return len(self.sure)

    def above(self, score: float) -> Detections:
        """Only the objects of that score or a higher one, all of which are `sure`.

        >>> Detections("a.png", (Detected("cat", 0.2, (0, 0, 1, 1), 0),)).above(0.1).told(5)
        '1 cat'
        """
        return replace(self, objects=tuple(each for each in self.objects if each.score >= score), least=score)

    def told(self, top: int) -> str:
        """How many of which class in words, the most frequent first.

        >>> cats = (Detected("cat", 0.9, (0, 0, 1, 1), 0), Detected("cat", 0.4, (0, 0, 1, 1), 0))
        >>> Detections("a.png", cats).told(5), Detections("a.png", ()).told(5)
        ('2 cat', 'nothing')
        """
        counts = Counter(each.label for each in self.sure).most_common()
        return ", ".join(f"{count} {label}" for label, count in counts[:top]) or "nothing"

    def rows(self, size_px: Callable[[], tuple[int, int]]) -> list[tuple[object, ...]]:
        """What a table has of it, a row for each object that is `sure`: its class, its score, its edges in pixels.

        size_px: height and width of the picture. A picture of nothing has one row, of empty cells.

        >>> Detections("a.png", (Detected("cat", 0.9, (0.25, 0, 1, 0.5), 0),)).rows(lambda: (100, 200))
        [('cat', 0.9, 50.0, 0, 200, 50.0)]
        """
        if not self.sure:
            return [("", "", *[""] * len(EDGES))]
        height, width = size_px()
        return [
            (each.label, each.score, *(round(edge, 2) for edge in each.box_at(height, width))) for each in self.sure
        ]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"path": self.path, "objects": [each.to_dict() for each in self.objects]}

    def facts(self) -> dict[str, object]:
        """What a prompt shows: the objects, best first."""
        return {"path": self.path, **{f"{place} {each.label}": _placed(each) for place, each in enumerate(self.sure)}}


def columns(least: float) -> tuple[str, ...]:
    """What the cells of `Detections.rows` are called, and behind them how many a picture has of a score from `least`.

    >>> columns(SHOWN_FROM)[-1], columns(0.5)[-1]
    ('objects', 'objects_from_0.5')
    """
    return ("label", "score", *EDGES, "objects" if least == SHOWN_FROM else f"objects_from_{least:g}")


def _placed(found: Detected) -> str:
    left, top, right, bottom = found.box
    return f"{found.score:.0%}, from {left:.0%}, {top:.0%} to {right:.0%}, {bottom:.0%}"


def read(
    output: npt.NDArray[np.float32], names: tuple[str, ...], paths: Sequence[str], top: int
) -> list[Detections | Prediction]:
    """The objects of every picture, best first, cut at the picture's edges.

    output: (N, objects, 6), a row each: left, top, right, bottom as shares, score, class number; rows of score 0 are
    none. top: of no meaning here. Where numbers are none (NaN, infinite), a picture gets a `Prediction` with that as
    its problem. Raises StriateError for another shape.

    >>> rows = np.array([[[0.1, 0.25, 2, 1, 0.75, 1], [0, 0, 0, 0, 0, 0]]])
    >>> [(each.label, each.box) for each in read(rows, ("ant", "bee"), ["a.png"], 1)[0].objects]
    [('bee', (0.1, 0.25, 1.0, 1.0))]
    """
    if output.ndim != 3 or len(output) != len(paths) or output.shape[2] != 6 or _beyond(output, len(names)):
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be rows of a box, a score and one of {len(names)} "
            f"class numbers for each, got the shape {output.shape}; its file is damaged"
        )
    answers: list[Detections | Prediction] = []
    for path, rows in zip(paths, output, strict=True):
        if not np.isfinite(rows).all():
            answers.append(Prediction(path, None, None, (), NO_NUMBERS))
            continue
        answers.append(Detections(path, tuple(_object(row, names) for row in rows[rows[:, 4] > 0].tolist())))
    return answers


def _beyond(output: npt.NDArray[np.float32], classes: int) -> bool:
    numbers = output[..., 5][np.isfinite(output[..., 5])]
    return bool(numbers.size) and not 0 <= numbers.min() <= numbers.max() < classes


def _object(row: list[float], names: tuple[str, ...]) -> Detected:
    *edges, score, number = row
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in edges)
    return Detected(names[int(number)], score, (left, top, right, bottom), int(number))


def joined(path: str, size: tuple[int, int], parts: Iterable[tuple[Tile, Detections | Prediction]]) -> Any:
    """The objects of a whole picture, of the answers to its tiles; see `InTiles`. size: its height and width.

    A picture that has no answer to one of its tiles has none.
    """
    (height, width), tiles, owner, found = size, list[Tile](), list[int](), list[Detected]()
    for number, (tile, answer) in enumerate(parts):
        if isinstance(answer, Prediction):
            return answer
        tiles.append(tile)
        owner += [number] * len(answer.objects)
        found += answer.objects
    at = [(*each.box_at(*tiles[number].size), tiles[number]) for number, each in zip(owner, found, strict=True)]
    edges = [(x0 + tile.left, y0 + tile.top, x1 + tile.left, y1 + tile.top) for x0, y0, x1, y1, tile in at]
    boxes, rows = InTiles(
        boxes=np.array(edges, np.float64).reshape(-1, 4).clip(0, (width, height, width, height)),
        labels=np.array([each.number for each in found], np.int64),
        scores=np.array([each.score for each in found], np.float64),
        tile=np.array(owner, np.int64),
        places=places_of(tiles, size),
        size=size,
    ).distinct()
    shares = (boxes / (width, height, width, height)).tolist()
    objects = (replace(found[row], box=tuple(box)) for row, box in zip(rows.tolist(), shares, strict=True))
    return Detections(path, tuple(objects))


def draw(answer: Detections, pixels: Pixels) -> Pixels:
    """What was found, in its picture, uint8 (H, W, 1 or 3) of any size, a colour for each class, the best on top."""
    pixels = enlarged_for_letters(pixels)
    for each in reversed(answer.sure):
        box, colour = each.box_at(*pixels.shape[:2]), colour_of(each.number)
        pixels = framed(pixels, box, colour, f"{each.label} {each.score:.0%}")
    return pixels
