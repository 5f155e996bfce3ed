"""Small frozen records that several rooms share."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from striate.core.bounds import SIDE_PX
from striate.core.errors import StriateError, unknown_name
from striate.core.reading import decoded

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MOST_SCALE = 10_000.0

Fit = Literal["cover", "contain", "stretch"]
"""How a picture of another shape comes to the working size: `Preprocess.fit`."""
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True)
class Feature:
    """One stage of a network, as detectors, decoders and class activation maps need it.

    name: module path. channels: maps in its output. stride: input pixels per output pixel.
    """

    name: str
    channels: int
    stride: int


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes the network's input; stored with the weights, used by every way to the network.

    size: height and width, in pixels, that the network sees.
    resize: the working size, to which `fit` brings every picture. Of a larger one the network sees the centre, a
        smaller one it sees enlarged.
    mean, std: one number per channel on the 0..1 scale; their count is the number of channels.
    mirrored: the answer is the average over the picture and its mirror image.
    fit: "cover": scaled until it covers the working size, then cut to it about the centre; "contain": scaled until it
        fits into it, what is left on both sides is of the mean colour; "stretch": scaled to it, whatever its shape.
    white: the number that is white (255) in pictures of 16 bits, of 32 or of floating-point numbers, all of a data set
        alike; None: by the rules of `striate.data.decode`, for each picture.
    proposals: the method, of `striate.data.proposals`, that says of a picture of the working size in which boxes a
        detector looks; None: the network decides.

    >>> Preprocess(size=(224, 224)).resize
    (256, 256)
    """

    size: tuple[int, int]
    resize: tuple[int, int] = (0, 0)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    mirrored: bool = False
    fit: Fit = "cover"
    white: float | None = None
    proposals: str | None = None

    def __post_init__(self) -> None:
        if self.resize == (0, 0):  # the usual 256 for 224: seven eighths of the working size are seen
            object.__setattr__(self, "resize", tuple(math.ceil(side * 8 / 7) for side in self.size))
        sides, (least, most) = (*self.size, *self.resize), SIDE_PX
        if min(sides) < least or max(sides) > most:
            raise StriateError(
                f"preprocess: size and resize must be at least 1x1 and at most {most:,} px, "
                f"got size {self.size} and resize {self.resize}"
            )
        if self.enlarges and any(r > s for r, s in zip(self.resize, self.size, strict=True)):
            raise StriateError(
                "preprocess: height and width of resize must both be at least those of size, or both at most, "
                f"got size {self.size} and resize {self.resize}"
            )
        if len(self.mean) != len(self.std) or not self.mean:
            raise StriateError(
                "preprocess: mean and std need one number per channel, at least one, "
                f"got {len(self.mean)} and {len(self.std)}"
            )
        if min(self.std) <= 0:
            raise StriateError(f"preprocess: std must be above 0, got {self.std}")
        if max(map(abs, self.mean)) > MOST_SCALE or not 1 / MOST_SCALE <= min(self.std) <= max(self.std) <= MOST_SCALE:
            raise StriateError(
                f"preprocess: mean must be within {MOST_SCALE:,} of 0 and std between {1 / MOST_SCALE:g} and "
                f"{MOST_SCALE:,}, or the network would see no numbers, got {self.mean} and {self.std}"
            )
        if self.fit not in FITS:
            raise unknown_name("fit of a preprocess", self.fit, FITS)
        if self.white is not None and not 0 < self.white < math.inf:
            raise StriateError(f"preprocess: white must be a number above 0, got {self.white}")

    @property
    def enlarges(self) -> bool:
        """Whether the working size is below the network's."""
        return any(r < s for r, s in zip(self.resize, self.size, strict=True))

    @property
    def mean_colour(self) -> tuple[int, ...]:
        """The mean on the scale of pixels, 0..255: what erased and left-over places show, near 0 for the network."""
        return tuple(min(255, max(0, round(value * 255))) for value in self.mean)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return len(self.mean)

    def for_channels(self, channels: int) -> Preprocess:
        """The same record for another number of channels; other than RGB, they map 0..255 to -1..1.

        >>> Preprocess((32, 32)).for_channels(1).mean
        (0.5,)
        """
        if channels == self.channels:
            return self
        return replace(self, mean=(0.5,) * channels, std=(0.5,) * channels)

    def at(self, size: tuple[int, int], resize: tuple[int, int] | None = None) -> Preprocess:
        """The same record for another input size; without `resize` the working size equals the size."""
        return replace(self, size=size, resize=resize or size)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and truth values, for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Preprocess:
        """The inverse of `to_dict`. Raises StriateError when a field is missing or not a list of numbers."""
        return decoded(json.dumps(fields).encode(), cls, "preprocess")
