"""The EXIF orientation, read here: Pillow parses the whole EXIF block for it, and warns of all that is odd in there."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

# What makes a picture upright, by the value of the tag. Source: JEITA CP-3451 (EXIF 2.2), section 4.6.4.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
ORIENTATION_TAG = 0x0112
EXIF, MULTI_PICTURE = b"Exif\0\0", b"MPF\0"
APP1, APP2, START_OF_SCAN, FILL = 0xE1, 0xE2, 0xDA, 0xFF


def upright(picture: Image.Image, exif: bytes) -> Image.Image:
    """The picture turned as its EXIF block says.

    >>> picture, exif = Image.new("L", (30, 20)), Image.Exif()
    >>> exif[ORIENTATION_TAG] = 6
    >>> upright(picture, exif.tobytes()).size
    (20, 30)
    """
    turn = TURNS.get(orientation(exif))
    return picture if turn is None else picture.transpose(turn)


def orientation(exif: bytes) -> int:
    """The number that the first directory of an EXIF block gives, 1 where there is none; any bytes will do."""
    tiff = exif.removeprefix(EXIF)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == ORIENTATION_TAG:
                return int(value)
    except struct.error:  # the block ends early
        pass
    return 1


def without_exif(content: bytes) -> tuple[bytes, bytes]:
    """A JPEG file without its EXIF and multi-picture segments, and its EXIF block; other files as they are."""
    if content[:2] != b"\xff\xd8":
        return content, b""
    place, kept, exif = 2, [content[:2]], b""
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == FILL:
            place += 1
            continue
        if marker == START_OF_SCAN or length < 2:
            break
        segment = content[place : place + 2 + length]
        if marker == APP1 and segment[4:].startswith(EXIF):
            exif = exif or segment[4:]
        elif marker != APP2 or not segment[4:].startswith(MULTI_PICTURE):
            kept.append(segment)
        place += 2 + length
    return b"".join([*kept, content[place:]]), exif


def turned_boxes(
    boxes: npt.NDArray[np.float64], orientation_number: int, stored: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Boxes (M, 4), left, top, right, bottom, of a picture as it is stored, where they are once it is upright.

    stored: its height and width before that.

    >>> turned_boxes(np.array([[0.0, 0, 10, 5]]), 6, (20, 30)).tolist()  # a quarter clockwise: 20 wide, 30 high
    [[15.0, 0.0, 20.0, 10.0]]
    """
    (height, width), (left, top, right, bottom) = stored, boxes.T
    edges = {
        2: (width - right, top, width - left, bottom),
        3: (width - right, height - bottom, width - left, height - top),
        4: (left, height - bottom, right, height - top),
        5: (top, left, bottom, right),
        6: (height - bottom, left, height - top, right),
        7: (height - bottom, width - right, height - top, width - left),
        8: (top, width - right, bottom, width - left),
    }
    return np.stack(edges.get(orientation_number, (left, top, right, bottom)), 1)
