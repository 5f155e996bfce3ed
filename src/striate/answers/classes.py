"""What a classifier says of a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen

CLASSIFICATION = "classification"
NONE_OF_THESE = "none of these"
NO_NUMBERS = "gets an answer that is no number; the network's weights may be damaged, or too large for 16 bits"


@dataclass(frozen=True, repr=False)
class Prediction(OneScreen):
    """What a network says of one picture; label and probability are None where `problem` says why there are none.

    top: the most probable classes with their probabilities, best first. A network that was told to refuse pictures of
    which it is too little sure calls them NONE_OF_THESE; probability and top are as they would be otherwise.
    """

    path: str
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [{"label": label, "probability": probability} for label, probability in self.top],
            **({"problem": self.problem} if self.problem else {}),
        }

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """As tables have it: `top`, behind NONE_OF_THESE where that is the answer.

        >>> Prediction("a.png", NONE_OF_THESE, 0.4, (("cat", 0.4), ("dog", 0.3))).ranked
        (('none of these', 0.4), ('cat', 0.4))
        """
        if self.label != NONE_OF_THESE or self.probability is None:
            return self.top
        return ((self.label, self.probability), *self.top)[: len(self.top)]

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        if self.problem:
            return {"path": self.path, "problem": self.problem}
        refused = {"": self.label} if self.label == NONE_OF_THESE else {}
        return {"path": self.path, **refused, **{label: f"{probability:.1%}" for label, probability in self.top}}


def read(logits: npt.NDArray[np.float32], names: tuple[str, ...], paths: Sequence[str], top: int) -> list[Prediction]:
    """The `top` most probable classes of every picture; of equal ones, the first. logits: (N, classes).

    Where they are no numbers (NaN, infinite), that is the picture's `problem`.
    Raises StriateError for logits of another shape.

    >>> read(np.array([[0.0, np.log(3)]], np.float32), ("ant", "bee"), ["a.png"], 1)[0].top
    (('bee', 0.75),)
    """
    if logits.shape != (len(paths), len(names)):
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be {len(names)} numbers for each, as it names "
            f"{len(names)} classes, got the shape {logits.shape}; its file is damaged"
        )
    predictions = []
    for path, likeliest in zip(paths, ranked_classes(logits, top), strict=True):
        ranked = tuple((names[number], share) for number, share in likeliest)
        if math.isnan(ranked[0][1]):
            predictions.append(Prediction(path, None, None, (), NO_NUMBERS))
        else:
            predictions.append(Prediction(path, *ranked[0], top=ranked))
    return predictions


def ranked_classes(logits: npt.NDArray[np.float32], top: int) -> list[list[tuple[int, float]]]:
    """Of each picture the `top` most probable classes by number, with their probabilities; of equal ones the first.

    >>> ranked_classes(np.array([[0.0, np.log(3)]], np.float32), 1)
    [[(1, 0.75)]]
    """
    with np.errstate(invalid="ignore"):  # what is infinite
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        [(number, shares[number]) for number in numbers]
        for numbers, shares in zip(best.tolist(), probabilities.tolist(), strict=True)
    ]
