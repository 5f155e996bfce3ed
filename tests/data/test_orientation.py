"""The EXIF orientation: all eight values, in every format that has them, and blocks that are damaged."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from striate.data.decode import decode_picture
from striate.data.orientation import orientation, without_exif

Pixels = npt.NDArray[np.uint8]
RGB: Pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
WAVES = Image.fromarray((127 + 60 * np.sin(np.mgrid[0:40, 0:64, 0:3].sum(0) / 20)).astype(np.uint8))  # JPEG keeps it


def encoded(picture: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


# Where the shown picture's row 0 and column 0 lie in the stored one, EXIF 2.2 section 4.6.4; in numpy's words.
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored[::-1].transpose(1, 0, 2),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: stored[:, ::-1].transpose(1, 0, 2),
}


def exif(value: int, order: str = "<", before: int = 3) -> bytes:
    """An EXIF block written by hand; `before` other entries go first."""
    entries = [struct.pack(f"{order}HHI4s", 0x0100 + place, 3, 1, b"\1\0\0\0") for place in range(before)]
    entries.append(struct.pack(f"{order}HHIHH", 0x0112, 3, 1, value, 0))
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return b"Exif\0\0" + head + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_orientation_of_lossless_formats(file_format: str, value: int) -> None:
    options: dict[str, object] = {"lossless": True} if file_format == "WEBP" else {}
    if file_format == "TIFF":
        options["tiffinfo"] = {0x0112: value}
    else:
        options["exif"] = exif(value)
    decoded = decode_picture(encoded(Image.fromarray(RGB), file_format, **options), "x")
    np.testing.assert_array_equal(decoded, UPRIGHT[value](RGB))


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_of_jpeg(order: str, value: int) -> None:
    plain = decode_picture(encoded(WAVES, "JPEG", quality=95), "x")
    turned = decode_picture(encoded(WAVES, "JPEG", quality=95, exif=exif(value, order)), "x")
    np.testing.assert_array_equal(turned, UPRIGHT[value](plain))


def test_orientation_as_a_camera_would_write_it() -> None:
    """Taken with the camera on its side: value 6, the stored top left is the shown top right."""
    stored = np.zeros((8, 16), np.uint8)
    stored[:4, :4] = 255
    shown = decode_picture(encoded(Image.fromarray(stored), "PNG", exif=exif(6)), "x", channels=1)[:, :, 0]
    assert shown.shape == (16, 8)
    assert shown[0, -1] == 255
    assert shown[0, 0] == shown[-1, 0] == shown[-1, -1] == 0


@pytest.mark.parametrize("value", [0, 9, 300])
def test_orientations_that_do_not_exist_turn_nothing(value: int) -> None:
    content = encoded(Image.fromarray(RGB), "PNG", exif=exif(value))
    np.testing.assert_array_equal(decode_picture(content, "x"), RGB)


@pytest.mark.parametrize("length", range(len(exif(6))))
def test_exif_that_ends_early_turns_nothing_and_warns_of_nothing(length: int) -> None:
    block = exif(6)[: max(length, 6)]
    content = jpeg_with_segment(0xE1, block)
    assert decode_picture(content, "x").shape == ((40, 64, 3) if length < len(exif(6)) - 6 else (64, 40, 3))


@given(st.binary(max_size=64))
def test_orientation_of_any_bytes(block: bytes) -> None:
    for start in (b"", b"Exif\0\0", b"II*\0", b"MM\0*"):
        assert 0 <= orientation(start + block) < 65536


def jpeg_with_segment(marker: int, block: bytes) -> bytes:
    content = encoded(WAVES, "JPEG")
    app0 = 4 + int.from_bytes(content[4:6], "big")
    # The JFIF header goes, as in camera files: then Pillow looks for the resolution in EXIF, and warns while it opens.
    return content[:2] + struct.pack(">BBH", 0xFF, marker, len(block) + 2) + block + content[app0:]


def test_what_pillow_warns_of_does_not_reach_anyone() -> None:
    """Pytest makes warnings errors. The picture is whole; only the notes beside it are not."""
    entry = struct.pack("<HHII", 0x010F, 2, 5000, 400)  # a text of 5,000 bytes where 26 are
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry
    malformed_mpo = b"MPF\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry
    for content in (jpeg_with_segment(0xE1, block), jpeg_with_segment(0xE2, malformed_mpo)):
        with pytest.warns(UserWarning), Image.open(io.BytesIO(content)) as picture:
            picture.getexif()  # Pillow does warn of it
        assert decode_picture(content, "x").shape == (40, 64, 3)


def test_without_exif_keeps_the_rest() -> None:
    block = exif(6)
    content = jpeg_with_segment(0xE1, block)
    plain, found = without_exif(content)
    assert found == block
    assert content == plain[:2] + content[2 : 2 + 4 + len(block)] + plain[2:]
    for other in (b"", b"\xff\xd8", b"\xff\xd8\xff", encoded(Image.fromarray(RGB), "PNG"), plain):
        assert without_exif(other) == (other, b"")
