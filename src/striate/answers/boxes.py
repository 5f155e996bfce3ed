"""What a network for localisation says of a picture: one class and one box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.answers.classes import NO_NUMBERS, Prediction, ranked_classes
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen

LOCALISATION = "localisation"

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, repr=False)
class Localisation(OneScreen):
    """A class and a box.

    box: edges as shares of the picture's width and height, 0 to 1. top: the most probable classes with their
    probabilities, best first.
    """

    path: str
    label: str
    probability: float
    box: Box
    top: tuple[tuple[str, float], ...]

    def box_at(self, height: int, width: int) -> Box:
        """The box in pixels of a picture of that size, such as its own.

        >>> Localisation("a.png", "cat", 0.9, (0.25, 0.0, 1.0, 0.5), ()).box_at(100, 200)
        (50.0, 0.0, 200.0, 50.0)
        """
        left, top, right, bottom = self.box
        return left * width, top * height, right * width, bottom * height

    def cells(self, size_px: Callable[[], tuple[int, int]]) -> dict[str, Any]:
        """What a table has of it, the box in pixels, as tables that are trained on have it. size_px: of the picture."""
        edges = (round(edge, 2) for edge in self.box_at(*size_px()))
        return {
            "label": self.label,
            "probability": self.probability,
            **dict(zip(("x0", "y0", "x1", "y1"), edges, strict=True)),
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "box": list(self.box),
            "top": [{"label": label, "probability": probability} for label, probability in self.top],
        }

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        left, top, right, bottom = self.box
        place = f"from {left:.0%}, {top:.0%} to {right:.0%}, {bottom:.0%}"
        return {"path": self.path, **{label: f"{share:.1%}" for label, share in self.top}, "box": place}


def turned_back(output: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What was answered of mirror images, (N, K, 5), as of the pictures: left and right change places.

    >>> turned_back(np.array([[[3.0, 0.0, 0.0, 0.25, 1.0]]])).tolist()
    [[[3.0, 0.75, 0.0, 1.0, 1.0]]]
    """
    logits, left, top, right, bottom = np.moveaxis(output, -1, 0)
    return np.stack([logits, 1 - right, top, 1 - left, bottom], -1)


def read(
    output: npt.NDArray[np.float32], names: tuple[str, ...], paths: Sequence[str], top: int
) -> list[Localisation | Prediction]:
    """The most probable class of every picture and its box, cut at the picture's edges; the first of equal ones.

    output: (N, K, 5), for each class its logit and the edges of its box. Where they are no numbers (NaN, infinite), a
    picture gets a `Prediction` with that as its problem. Raises StriateError for another shape.

    >>> read(np.array([[[0, 0, 0, 1, 1], [np.log(3), 0.1, 0.25, 2, 1]]]), ("ant", "bee"), ["a.png"], 1)[0].box
    (0.1, 0.25, 1.0, 1.0)
    """
    if output.shape != (len(paths), len(names), 5):
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be a number and a box for each of its {len(names)} "
            f"classes, got the shape {output.shape}; its file is damaged"
        )
    answers: list[Localisation | Prediction] = []
    for path, ranked, boxes in zip(paths, ranked_classes(output[:, :, 0], top), output[:, :, 1:], strict=True):
        best, probability = ranked[0]
        if not np.isfinite([probability, *boxes[best]]).all():
            answers.append(Prediction(path, None, None, (), NO_NUMBERS))
            continue
        left, upper, right, lower = boxes[best].clip(0, 1).tolist()
        box = min(left, right), min(upper, lower), max(left, right), max(upper, lower)
        ranking = tuple((names[number], share) for number, share in ranked)
        answers.append(Localisation(path, *ranking[0], box, ranking))
    return answers
