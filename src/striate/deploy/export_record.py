"""What an exported file says of itself: all that using it needs, as one JSON text in the file's own metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from striate.answers.calibration import Calibration
from striate.answers.classes import CLASSIFICATION
from striate.core import bounds
from striate.core.errors import StriateError
from striate.core.reading import Count, Share, decoded
from striate.core.records import Preprocess

KEY = "striate"
"""Of the metadata, by which the record is found."""
IMAGES, LOGITS = "images", "logits"
MOST_CHARACTERS = 1 << 24

ExportedPrecision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class Proof:
    """How an exported file answered the pictures that it was tried on before it was kept.

    pictures: how many; drawn: whether they were drawn noise, for want of real ones. largest_difference: between its
    numbers and the network's. near_ties: names of the pictures whose two likeliest classes rounding may exchange.
    """

    pictures: Count
    largest_difference: float
    near_ties: tuple[str, ...] = ()
    drawn: bool = False


@dataclass(frozen=True)
class ExportRecord:
    """What an exported file says of itself.

    version: of Striate. classes: their names, in the order of the outputs; named: whether they have names, or are
    numbered. with_preprocessing: whether it takes uint8 pictures (N, C, h, w) of the working size, `preprocess.resize`,
    instead of normalised images (N, C, H, W). sha256: of the weights it was made of. calibration: how its logits are
    read; None: as they are. thresholds: shares, 0..1, from which each class is named, of a task that has such.
    """

    version: str
    architecture: str
    classes: Annotated[tuple[str, ...], Meta(min_length=1, max_length=bounds.CLASSES[1])]
    preprocess: Preprocess
    sha256: str
    task: str = CLASSIFICATION
    named: bool = True
    precision: ExportedPrecision = "fp32"
    with_preprocessing: bool = False
    outputs: tuple[str, ...] = (LOGITS,)
    proof: Proof | None = None
    calibration: Calibration | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    thresholds: Annotated[tuple[Share, ...], Meta(max_length=bounds.CLASSES[1])] = ()

    def __post_init__(self) -> None:
        if self.thresholds and len(self.thresholds) != len(self.classes):
            raise StriateError(f"thresholds are {len(self.thresholds)}, classes are {len(self.classes)}")

    def text(self) -> str:
        """As the metadata has it."""
        return json.dumps({**asdict(self), "preprocess": self.preprocess.to_dict()}, ensure_ascii=False)

    @classmethod
    def of_text(cls, text: str | None, source: str) -> Self:
        """The inverse of `text`. source: the file, for messages.

        Raises StriateError for a file that has none, and for one that is damaged.

        >>> ExportRecord.of_text(None, "cats.onnx")
        Traceback (most recent call last):
        striate.core.errors.StriateError: cats.onnx was not made by `striate export`: it does not say what its classes \
and its preprocessing are
        """
        if text is None:
            raise StriateError(
                f"{source} was not made by `striate export`: it does not say what its classes and its preprocessing are"
            )
        if len(text) > MOST_CHARACTERS:
            raise StriateError(f"{source} is damaged: what it says of itself is {len(text):,} letters long")
        return decoded(text.encode(), cls, source)
