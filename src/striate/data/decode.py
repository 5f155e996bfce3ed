"""From the bytes of a picture file to uint8 pixels, by rules that are the same everywhere.

- Formats are told by content, not by name. The EXIF orientation is applied, or TIFF's own; of an animation or a
  multi-page file the first picture is taken.
- Transparent pixels are laid over white. Palettes are resolved first.
- Wide grey, of 16 bits, 32 or floating point: where a data set says which number is white (`Preprocess.white`), that
  becomes 255, and what is above as well. Where it does not, 16 bits are scaled by their full range (65535 becomes 255),
  others by the smallest of 1 (floating point only), 255 and 65535 that holds the picture's maximum, and by that maximum
  if none does. Of 16-bit colour Pillow keeps the upper 8 bits. 1-bit becomes 0 and 255.
- CMYK becomes RGB without a colour profile; RGB becomes grey by ITU-R 601 luma.
- JPEG files much larger than needed are decoded at 1/2, 1/4 or 1/8 of their size, never below the size asked for;
  benchmarks/decoding.md says what that brings and why it is Pillow that does it.
- A file that ends early is damaged, however much of it could be shown. Where bytes in the middle are wrong, the decoder
  of the format decides: most notice, but a JPEG may come out with wrong patches, because nothing in it says so.
- Text and colour profiles in a PNG file are left out before it is decoded, as EXIF is in a JPEG file.
- A picture of more pixels than `PIL.Image.MAX_IMAGE_PIXELS` (89 million unless changed) is refused undecoded.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from striate.core.errors import StriateError
from striate.core.files import read_regular
from striate.data.formats import FORMATS, START_BYTES, foreign_format
from striate.data.orientation import SIDEWAYS, orientation, upright, without_exif
from striate.data.png_chunks import without_ancillary_chunks

Pixels = npt.NDArray[np.uint8]
"""uint8, H x W x channels."""

Numbers = npt.NDArray[np.generic]
"""A picture in its own numbers: `Pixels`, or of wide grey (H, W) of uint16, int32 or float32."""

RULES_VERSION = 3
"""Raised whenever the rules above give other pixels, or a scan other facts, so that no cache outlives them."""

MOST_FILE_BYTES = 2**31
"""Of one picture file; what is larger is refused unread."""

WIDE_MODES = ("I", "F")  # what Pillow's names of wide grey begin with

# What Pillow's decoders raise on damaged files; warnings only where the caller makes them errors.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, ArithmeticError, RuntimeError),
    *(struct.error, zlib.error, Warning),
)


class DecodeError(StriateError):
    """A picture that cannot be decoded; `.name` says which, `.reason` why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.name, self.reason = name, reason


def read_picture(
    path: Path, channels: int = 3, cover: tuple[int, int] | None = None, white: float | None = None
) -> Pixels:
    """Decode one file; see `decode_picture`. Raises DecodeError, also when the file cannot be read."""
    return to_8_bits(read_numbers(path, channels, cover), channels, white, str(path))


def read_numbers(path: Path, channels: int = 3, cover: tuple[int, int] | None = None) -> Numbers:
    """Decode one file, as `read_picture`, but leave wide grey in its own numbers."""
    return decode_numbers(file_content(path), str(path), channels, cover)


def decode_picture(
    content: bytes, name: str, channels: int = 3, cover: tuple[int, int] | None = None, white: float | None = None
) -> Pixels:
    """Decode the bytes of a picture file to uint8 pixels (H, W, channels), upright.

    name: what errors call it. channels: 1 grey or 3 RGB. cover: height and width in pixels that are needed; a larger
    JPEG may come back smaller, but never below this. white: see `Preprocess.white`.
    Raises DecodeError when it is not a picture, damaged, too large or needs more memory than there is.

    >>> file = io.BytesIO()
    >>> Image.new("RGB", (20, 10), "red").save(file, "PNG")
    >>> decode_picture(file.getvalue(), "red.png").shape
    (10, 20, 3)
    """
    return to_8_bits(decode_numbers(content, name, channels, cover), channels, white, name)


def decode_numbers(content: bytes, name: str, channels: int = 3, cover: tuple[int, int] | None = None) -> Numbers:
    """The same as `decode_picture`, but wide grey in its own numbers (H, W)."""
    with _damage_named(name, content):
        content, exif = without_exif(without_ancillary_chunks(content))
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            refuse_too_large(name, *picture.size)
            if cover is not None:
                side = max(cover)  # EXIF may turn the picture, so the longer side is asked for both ways
                picture.draft(None, (side, side))
            picture.load()
            exif = exif or picture.info.get("exif", b"")  # PNG and WebP; TIFF's orientation Pillow has applied
            return _numbers(picture, exif, channels)


def _numbers(picture: Image.Image, exif: bytes, channels: int) -> Numbers:
    turned = upright(at_most_16_bit(picture), exif)
    return np.asarray(turned) if turned.mode.startswith(WIDE_MODES) else to_pixels(turned, channels)


def pixels_of(picture: Image.Image, name: str, channels: int = 3, white: float | None = None) -> Pixels:
    """A picture that Pillow holds as uint8 (H, W, channels), upright, as if it came from its file.

    name: what errors call it. white: as in `decode_picture`. Raises DecodeError when it is damaged or too large.
    """
    return to_8_bits(numbers_of(picture, name, channels), channels, white, name)


def numbers_of(picture: Image.Image, name: str, channels: int = 3) -> Numbers:
    """The same, but wide grey in its own numbers (H, W)."""
    with _damage_named(name, b"open"):
        refuse_too_large(name, *picture.size)
        picture.load()
        return _numbers(picture, picture.info.get("exif", b""), channels)


def read_size(path: Path) -> tuple[int, int]:
    """Height and width by a file's header, upright. Raises DecodeError."""
    return size_of(file_content(path), str(path))


def size_of(content: bytes, name: str) -> tuple[int, int]:
    """The same of the bytes of a picture file. name: what errors call it."""
    with opened_picture(content, name) as (picture, exif):
        turned = orientation(exif) in SIDEWAYS
        return (picture.width, picture.height) if turned else (picture.height, picture.width)


def read_is_wide(path: Path) -> bool:
    """Whether a file holds wide grey, by its header. Raises DecodeError."""
    return is_wide(file_content(path), str(path))


def is_wide(content: bytes, name: str) -> bool:
    """The same of the bytes of a picture file. name: what errors call it."""
    with opened_picture(content, name) as (picture, _):
        return picture.mode.startswith(WIDE_MODES)


@contextmanager
def opened_picture(content: bytes, name: str) -> Iterator[tuple[Image.Image, bytes]]:
    """A picture of which only the header was read, and its EXIF block; what fails within names it, as DecodeError."""
    with _damage_named(name, content):
        content, exif = without_exif(without_ancillary_chunks(content))
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            yield picture, exif or picture.info.get("exif", b"")


def file_content(path: Path) -> bytes:
    """The bytes of a picture file. Raises DecodeError."""
    with memory_named(str(path)):
        try:
            return read_regular(path, MOST_FILE_BYTES)
        except OSError as error:
            raise DecodeError(str(path), f"cannot be read ({error.strerror or error})") from error


@contextmanager
def memory_named(name: str) -> Iterator[None]:
    """Turn memory that runs out over one picture into a DecodeError that names it."""
    try:
        yield
    except MemoryError as error:
        raise DecodeError(name, "needs more memory than there is") from error


@contextmanager
def _damage_named(name: str, content: bytes) -> Iterator[None]:
    """Turn whatever Pillow makes of a file into one DecodeError that names it."""
    if not content:
        raise DecodeError(name, "is empty (0 bytes)")
    if foreign := foreign_format(name, content[:START_BYTES]):
        raise DecodeError(name, f"is a {foreign} picture, which cannot be read here; save it as JPEG or PNG")
    try:
        with memory_named(name):
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))  # Pillow looks before anyone can ask for width and height
        raise _too_large(name, f"{int(pixels[0]):,}" if pixels else str(error)) from error
    except UnidentifiedImageError as error:
        start = repr(content[:8]).removeprefix("b")
        raise DecodeError(name, f"is not a picture in a known format (it starts with {start})") from error
    except DecodeError:
        raise
    except DAMAGED as error:
        raise DecodeError(name, f"is damaged ({error})") from error


def refuse_too_large(name: str, width: int, height: int) -> None:
    """Raise DecodeError for more pixels than `PIL.Image.MAX_IMAGE_PIXELS`."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise _too_large(name, f"{width} x {height} = {width * height:,}")


def _too_large(name: str, pixels: str) -> DecodeError:
    return DecodeError(
        name,
        f"has too many pixels to be decoded: {pixels}, allowed are {Image.MAX_IMAGE_PIXELS:,} "
        "(--max-megapixels, or PIL.Image.MAX_IMAGE_PIXELS, raises that)",
    )


def at_most_16_bit(picture: Image.Image) -> Image.Image:
    """PNG and PGM hold 16 bits at most, but come as 32 from some versions of Pillow."""
    if picture.mode == "I" and picture.format in ("PNG", "PPM"):
        return Image.fromarray(np.asarray(picture).astype(np.uint16))
    return picture


def to_pixels(picture: Image.Image, channels: int) -> Pixels:
    """A Pillow picture of any mode as uint8 (H, W, channels), channels 1 or 3.

    >>> to_pixels(Image.new("LA", (1, 1), (0, 0)), 1).tolist()  # black, wholly transparent: white shows
    [[[255]]]
    """
    if channels not in (1, 3):
        raise StriateError(f"pictures have 1 (grey) or 3 (RGB) channels; the network wants {channels}")
    if picture.mode.startswith(WIDE_MODES):
        picture = Image.fromarray(_scaled(np.asarray(picture), None))
    if picture.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    mode = "L" if channels == 1 else "RGB"
    pixels = np.asarray(picture if picture.mode == mode else picture.convert(mode))
    return pixels.reshape(*pixels.shape[:2], channels)


def to_8_bits(numbers: Numbers, channels: int, white: float | None, name: str) -> Pixels:
    """Pixels of a picture in its own numbers. Raises DecodeError that names it when memory runs out.

    >>> to_8_bits(np.array([[0, 1023]], np.uint16), 1, 1023, "x.png").ravel().tolist()
    [0, 255]
    """
    with memory_named(name):
        if is_wide_grey(numbers):
            return to_pixels(Image.fromarray(_scaled(numbers, white)), channels)
        return numbers.astype(np.uint8, copy=False)


def is_wide_grey(numbers: Numbers) -> bool:
    """Whether a picture in its own numbers is wide grey: that has no axis of channels."""
    return numbers.ndim == 2


def finite(values: Numbers) -> npt.NDArray[np.float64]:
    """The numbers of wide grey, 0 where there is none."""
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _scaled(values: Numbers, white: float | None) -> Pixels:
    """Wide grey values to uint8, white stated, or 16 bit by its full range, wider by the smallest that holds them."""
    numbers = finite(values)
    largest = numbers.max(initial=0.0)
    if white is not None:
        top = white
    elif values.dtype.kind == "u":  # 16 bits, in either order of bytes
        top = 65535.0
    else:
        ranges = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
        top = next((top for top in ranges if largest <= top), largest)
    return (numbers.clip(0, top) * (255 / top)).round().astype(np.uint8)
