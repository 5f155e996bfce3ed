"""No damaged file of any kind raises anything but DecodeError."""

from __future__ import annotations

import io
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from striate.data.decode import DecodeError, decode_picture
from striate.data.formats import AVIF

random = np.random.default_rng(0)
RGB = random.integers(0, 256, (12, 20, 3), dtype=np.uint8)
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6


def encoded(picture: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def victims() -> dict[str, bytes]:
    """One small file of every kind that is decoded differently."""
    picture, grey = Image.fromarray(RGB), Image.fromarray(RGB[:, :, 0])
    wide = Image.fromarray(random.integers(0, 65536, (12, 20), dtype=np.uint16))
    clear = Image.fromarray(random.integers(0, 256, (12, 20, 4), dtype=np.uint8))
    frames = {"save_all": True, "append_images": [grey.convert("RGB")]}
    return {
        "jpeg": encoded(picture, "JPEG", exif=SIDEWAYS),
        "progressive": encoded(picture, "JPEG", progressive=True, icc_profile=b"x" * 30),
        "cmyk": encoded(picture.convert("CMYK"), "JPEG"),
        "png": encoded(picture, "PNG", exif=SIDEWAYS),
        "palette": encoded(picture.quantize(7), "PNG", transparency=bytes([0, 9, 200])),
        "png16": encoded(wide, "PNG"),
        "apng": encoded(picture, "PNG", **frames),
        "bmp": encoded(picture.quantize(7), "BMP"),
        "tiff": encoded(clear, "TIFF", tiffinfo={0x0112: 6, 0x010E: "text " * 9}),
        "lzw": encoded(wide, "TIFF", compression="tiff_lzw"),
        "deflate": encoded(picture, "TIFF", compression="tiff_adobe_deflate"),
        "webp": encoded(clear, "WEBP", exif=SIDEWAYS),
        "webps": encoded(picture, "WEBP", **frames),
        "gif": encoded(picture, "GIF", **frames),
        "ppm": encoded(picture, "PPM"),
        **({"avif": encoded(picture, "AVIF")} if AVIF else {}),
        "pgm": b"P2 4 2 300 1 2 3 4 5 6 7 300\n",
    }


@pytest.mark.parametrize("kind", list(victims()))
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_damaged_files_decode_or_raise_decode_error(kind: str, action: str) -> None:
    """60 files of each kind with flipped bits, 60 cut short, 60 with bytes of other files in them."""
    content, others = victims()[kind], b"".join(victims().values())
    generator = np.random.default_rng(zlib.crc32(kind.encode()))
    decoded = 0
    for number in range(180):
        damaged = bytearray(content)
        if number % 3 == 0:
            for bit in generator.integers(0, 8 * len(content), generator.integers(1, 6)).tolist():
                damaged[bit // 8] ^= 1 << bit % 8
        elif number % 3 == 1:
            del damaged[int(generator.integers(0, len(content))) :]
        else:
            start, source, size = generator.integers(0, (len(content), len(others), 40)).tolist()
            damaged[start : start + size] = others[source : source + size]
        with warnings.catch_warnings():
            warnings.simplefilter(action)  # type: ignore[arg-type]
            try:
                pixels = decode_picture(bytes(damaged), "x", cover=(8, 8))
                decoded += 1
                assert pixels.dtype == np.uint8
                assert pixels.ndim == 3
                assert pixels.size > 0
            except DecodeError as error:
                assert str(error).startswith("x ")
    assert decoded < 180
