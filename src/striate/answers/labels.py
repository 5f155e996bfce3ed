"""What a network for several labels a picture says of one: those whose share reaches their threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.answers.classes import NO_NUMBERS
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen

MULTILABEL = "multilabel"
SEPARATOR = ";"
"""Between the labels of a picture, in tables and lists."""
THRESHOLD = 0.5
"""Of a label of which no other was chosen on validation."""

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Labelled(OneScreen):
    """What a network says of one picture.

    labels: those that reach their thresholds, with their shares, 0..1, the likeliest first; top: the likeliest,
    whether they do or not. The share of each label is its own: they need not add up to 1.
    """

    path: str
    labels: tuple[tuple[str, float], ...]
    top: tuple[tuple[str, float], ...]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "labels": [{"label": label, "probability": share} for label, share in self.labels],
            "top": [{"label": label, "probability": share} for label, share in self.top],
            **({"problem": self.problem} if self.problem else {}),
        }

    def cells(self, size: Any = None) -> dict[str, Any]:
        """For a table: as data to train on has them, and their shares."""
        return {
            "labels": SEPARATOR.join(label for label, _ in self.labels),
            "probabilities": SEPARATOR.join(f"{share:.4f}" for _, share in self.labels),
        }

    def told(self, top: int) -> str:
        """In words; of a picture with no label, which is nearest.

        >>> Labelled("a.png", (("cat", 0.9), ("dog", 0.6)), ()).told(5), Labelled("b.png", (), (("cat", 0.2),)).told(5)
        ('cat 90.0%, dog 60.0%', 'none of them (nearest: cat 20.0%)')
        """
        if self.labels:
            return ", ".join(f"{label} {share:.1%}" for label, share in self.labels)
        return "none of them" + "".join(f" (nearest: {label} {share:.1%})" for label, share in self.top[:1])

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        if self.problem:
            return {"path": self.path, "problem": self.problem}
        return {"path": self.path, "labels": self.told(len(self.top))}


def shares_of(logits: npt.NDArray[np.float32]) -> Shares:
    """The share of each label, 0..1, of its logit: the logistic function.

    >>> shares_of(np.array([[0.0, np.log(3)]], np.float32)).round(4).tolist()
    [[0.5, 0.75]]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found: Shares = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return found


def read(
    logits: npt.NDArray[np.float32],
    names: tuple[str, ...],
    paths: Sequence[str],
    top: int,
    thresholds: Sequence[float] = (),
) -> list[Labelled]:
    """The labels of every picture. logits: (N, K). thresholds: of each label's share; (): THRESHOLD for all.

    Raises StriateError for logits of another shape.

    >>> (answer,) = read(np.array([[0.0, np.log(3)]], np.float32), ("ant", "bee"), ["a.png"], 1, (0.6, 0.6))
    >>> [(name, round(share, 4)) for name, share in answer.labels]
    [('bee', 0.75)]
    """
    if logits.shape != (len(paths), len(names)):
        raise StriateError(
            f"the network's answer to {len(paths)} pictures must be {len(names)} numbers for each, as it names "
            f"{len(names)} labels, got the shape {logits.shape}; its file is damaged"
        )
    least = np.array(thresholds or [THRESHOLD] * len(names))
    found, shares = [], shares_of(logits)
    for path, row, order in zip(paths, shares, np.argsort(-shares, axis=1, kind="stable"), strict=True):
        if not np.isfinite(row).all():
            found.append(Labelled(path, (), (), NO_NUMBERS))
            continue
        ranked = [(names[number], float(row[number])) for number in order]
        reached = (row >= least)[order]
        labels = tuple(each for each, above in zip(ranked, reached, strict=True) if above)
        found.append(Labelled(path, labels, tuple(ranked[:top])))
    return found
