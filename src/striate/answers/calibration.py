"""What was fitted to a classifier's answers after its training: how sure they may be, and when they are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from striate.answers.classes import NONE_OF_THESE, Prediction
from striate.core.reading import Share

CALIBRATION = "calibration.json"
"""Beside the weights."""
MILDEST, STRONGEST = 0.05, 20.0
"""Temperatures that are looked among; far beyond those of any network that was trained to an end."""


@dataclass(frozen=True)
class Calibration:
    """How answers are read. temperature: the logits are divided by it, so the likeliest class stays the likeliest.

    none_below: of the largest share, below which a picture is of none of the classes; 0: every picture is of one. keep:
    the share of pictures of the classes that should still get one. sha256: of the weights that it was fitted to.
    Source: Guo et al., arXiv:1706.04599, section 4.2.
    """

    temperature: Annotated[float, Meta(ge=MILDEST, le=STRONGEST)] = 1.0
    none_below: Share = 0.0
    keep: Share | None = None
    sha256: str = ""

    def logits(self, logits: Any) -> Any:
        """Logits (N, classes), an array or a tensor, that are as sure as they should be, in 64 bits.

        In 32 two that differ could become equal.

        >>> Calibration(temperature=2).logits(np.array([[1.0, 3.0]], np.float32)).tolist()
        [[0.5, 1.5]]
        """
        wide = np.asarray(logits, np.float64) if isinstance(logits, np.ndarray) else logits.double()
        return wide / self.temperature

    def told(self, prediction: Prediction) -> Prediction:
        """A prediction, or that a picture is none of these where its largest share is too small.

        >>> unsure = Prediction("a.png", "cat", 0.4, (("cat", 0.4), ("dog", 0.35)))
        >>> Calibration(none_below=0.5).told(unsure).label
        'none of these'
        """
        if prediction.probability is None or prediction.probability >= self.none_below:
            return prediction
        return replace(prediction, label=NONE_OF_THESE)

    def reading(
        self, read: Callable[..., list[Any]]
    ) -> Callable[[Any, tuple[str, ...], Sequence[str], int], list[Any]]:
        """What reads answers, and says where a picture is none of these."""

        def told(output: Any, names: tuple[str, ...], paths: Sequence[str], top: int) -> list[Any]:
            return [self.told(each) for each in read(output, names, paths, top)]

        return told

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
