"""From the bytes of a mask file to the numbers or colours in it, which are never mixed with one another.

- A grey file holds numbers, of 1, 8 or 16 bits; a file with a palette places in it, or levels of grey where it has
  no others, as programs that pack a grey file leave it; any other holds colours.
- JPEG is refused, by content: it blurs numbers where classes meet. So is what has more colours than there are classes.
- A channel of transparency is passed over where nothing is transparent, and refused elsewhere.
- The EXIF orientation is applied, as it is to pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.records import Preprocess
from striate.data.decode import (
    DecodeError,
    at_most_16_bit,
    file_content,
    memory_named,
    opened_picture,
    refuse_too_large,
)
from striate.data.orientation import upright
from striate.data.working_size import fitted
from striate.ops.pixels import IGNORED

MOST_NUMBERS = 256  # in one mask; photographs have tens of thousands
GREY = 0x010101  # by which a level of grey is a colour
SAVE_AS = "save masks as PNG with one class number per pixel"

Colours = npt.NDArray[np.uint32]
"""0xRRGGBB."""


@dataclass(frozen=True, eq=False)
class RawMask:
    """What a mask file holds.

    numbers: uint32 (H, W), numbers as they are stored, or colours as 0xRRGGBB. coloured: whether they are colours.
    palette: the colours (256,) of the numbers, of a file that has them.
    """

    numbers: npt.NDArray[np.uint32]
    coloured: bool
    palette: Colours | None = None

    @property
    def colours(self) -> Colours:
        """0xRRGGBB of every pixel, (H, W): numbers without palette are levels of grey."""
        if self.coloured:
            return self.numbers
        return self.numbers * np.uint32(GREY) if self.palette is None else self.palette[self.numbers]

    @property
    def is_grey(self) -> bool:
        """Whether the colours are levels of grey only, which is how some programs save numbers."""
        return not self.coloured or bool((self.numbers == (self.numbers & 0xFF) * GREY).all())


def read_mask(path: Path) -> RawMask:
    """Read one mask file. Raises DecodeError, also for what can be no mask."""
    return mask_of(file_content(path), str(path))


def mask_of(content: bytes, name: str) -> RawMask:
    """The same of the bytes of a file. name: what errors call it."""
    with opened_picture(content, name) as (picture, exif):
        if picture.format in ("JPEG", "MPO"):
            raise DecodeError(name, f"is a JPEG file, which blurs class numbers and so can be no mask; {SAVE_AS}")
        refuse_too_large(name, *picture.size)
        picture.load()
        exif = exif or picture.info.get("exif", b"")
        with memory_named(name):
            return _raw(upright(at_most_16_bit(picture), exif), name)


def _raw(picture: Image.Image, name: str) -> RawMask:
    bands = np.asarray(picture)
    if picture.mode in ("LA", "RGBA"):
        if (bands[..., -1] != 255).any():
            raise DecodeError(name, f"is transparent in places, so its classes cannot be told; {SAVE_AS}")
        bands = bands[..., 0] if picture.mode == "LA" else bands[..., :3]
    elif picture.mode not in ("1", "L", "P", "I", "RGB") and not picture.mode.startswith("I;16"):
        raise DecodeError(name, f"is a picture of the kind {picture.mode}, which is no mask; {SAVE_AS}")
    if bands.ndim == 3:
        levels = bands.astype(np.uint32)
        return RawMask(_packed(levels), coloured=True)
    if bands.min(initial=0) < 0:
        raise DecodeError(name, f"holds numbers below 0, which are no classes; {SAVE_AS}")
    numbers, palette = bands.astype(np.uint32), _palette(picture)
    if palette is not None and (palette == (palette & 0xFF) * GREY).all():
        return RawMask(palette[numbers] & np.uint32(0xFF), coloured=False)
    return RawMask(numbers, coloured=False, palette=palette)


def _palette(picture: Image.Image) -> Colours | None:
    if picture.mode != "P":
        return None
    levels = np.zeros(3 * 256, np.uint32)
    told = (picture.getpalette("RGB") or [])[: len(levels)]
    levels[: len(told)] = told
    return _packed(levels.reshape(-1, 3))


def _packed(levels: npt.NDArray[np.uint32]) -> Colours:
    """Colours (...) of levels of red, green and blue (..., 3)."""
    packed: Colours = (levels << np.array([16, 8, 0], np.uint32)).sum(-1, dtype=np.uint32)
    return packed


def to_working_mask(mask: npt.NDArray[np.uint8], preprocess: Preprocess) -> npt.NDArray[np.uint8]:
    """Bring a mask to the working size, where `to_working_size` brings the picture: each pixel is the nearest one.

    mask: uint8 (H, W). Returns uint8 (height, width) of `preprocess.resize`; bars are IGNORED.

    >>> mask = np.array([[3, 7]], np.uint8)
    >>> to_working_mask(mask, Preprocess((4, 4), (4, 4), fit="contain")).tolist()[1]
    [3, 3, 7, 7]
    """
    size = mask.shape[0], mask.shape[1]
    scaled, corner = fitted(size, preprocess)
    rows, columns = (
        np.floor((np.arange(side) + 0.5 + first) * came / whole).astype(np.int64)
        for side, first, came, whole in zip(preprocess.resize, corner, size, scaled, strict=True)
    )
    taken = mask[np.ix_(rows.clip(0, size[0] - 1), columns.clip(0, size[1] - 1))]
    inside = ((rows >= 0) & (rows < size[0]))[:, None] & ((columns >= 0) & (columns < size[1]))
    return np.where(inside, taken, np.uint8(IGNORED))
