"""One file among good pictures and masks is damaged, in two dozen ways: nothing crashes, and it is named.

STRIATE_MUTATED=1000 makes it a thousand; the suite makes a hundred.
"""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factories import saved
from striate.core.errors import StriateError
from striate.data.check import check_data
from striate.data.scan import scan_pictures
from striate.data.sources import open_data

COUNT = int(os.environ.get("STRIATE_MUTATED", "100"))
PAIRS, SIZE = 12, (20, 28)
MAYBE = ("bits", "cut", "middle lost", "zero block")  # what is left may be a picture, or a mask
BROKEN = ("empty", "text", "huge header", "head only", "zeros", "other magic", "renamed", "moved away")
BAD_MASKS = (
    *("jpeg", "photograph", "transparent", "floats", "cmyk", "number beyond", "large numbers", "below zero", "colours"),
    *("half as large", "a row more", "turned", "one pixel", "all another number"),
)
GOOD_MASKS = ("palette", "16 bit", "grey as RGB", "opaque", "TIFF", "BMP", "GIF", "ignored")
GOOD_PICTURES = ("grey", "16 bit", "opaque", "TIFF", "BMP", "GIF", "jpeg", "cmyk", "palette of seven")
WAYS = [
    *(("masks", way) for way in (*MAYBE, *BROKEN, *BAD_MASKS, *GOOD_MASKS)),
    *(("images", way) for way in (*MAYBE, *BROKEN, "a row more", "turned", *GOOD_PICTURES)),
]


def ids(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 3, (5, 7), np.uint8).repeat(4, 0).repeat(4, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root, random = tmp_path_factory.mktemp("pairs"), np.random.default_rng(1)
    for kind in ("images", "masks"):
        (root / kind).mkdir()
    for number in range(PAIRS):
        pixels = random.integers(0, 256, (*SIZE, 3), np.uint8)
        (root / "images" / f"{number:02}.png").write_bytes(saved(Image.fromarray(pixels)))
        (root / "masks" / f"{number:02}.png").write_bytes(saved(Image.fromarray(ids(random))))
    (root / "classes.txt").write_text("sky\nroad\ncar\n")
    return root


def broken(content: bytes, way: str, random: np.random.Generator) -> bytes:
    """The bytes of a file after something has happened to them."""
    changed = bytearray(content)
    start, length = int(random.integers(20, len(content))), int(random.integers(1, 60))
    if way == "bits":
        for bit in random.integers(0, 8 * len(content), random.integers(1, 30)).tolist():
            changed[bit // 8] ^= 1 << bit % 8
    elif way == "cut":
        del changed[start:]
    elif way == "middle lost":
        del changed[start : start + length]
    elif way == "zero block":
        changed[start : start + length] = bytes(len(changed[start : start + length]))
    header = int(random.integers(40_000, 2**31 - 1)).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    chunk = b"IHDR" + header
    return {
        "empty": b"",
        "text": b"<html><body>404 Not Found</body></html>",
        "huge header": content[:8] + len(header).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big"),
        "head only": content[:10],
        "zeros": bytes(len(content)),
        "other magic": b"MZ\x90\0" + content[4:],
    }.get(way, bytes(changed))


def other_mask(way: str, random: np.random.Generator) -> bytes:
    """A mask of another kind: some hold the same as good ones, others what is no class, or has another size."""
    mask = ids(random)
    picture, rgb = Image.fromarray(mask), Image.fromarray(np.stack([mask] * 3, 2))
    mask_with = {"number beyond": 3, "ignored": 255}.get(way)
    if mask_with is not None:
        mask[: int(random.integers(1, 20))] = mask_with
    opaque = rgb.convert("RGBA")
    seen_through = opaque.copy()
    seen_through.putpixel((3, 3), (0, 0, 0, 100))
    palette = Image.fromarray(mask)
    palette.putpalette(random.integers(0, 256, 768, np.uint8).tobytes())
    made = {
        "jpeg": (picture, "JPEG"),
        "photograph": (Image.fromarray(random.integers(0, 256, (*SIZE, 3), np.uint8)), "PNG"),
        "transparent": (seen_through, "PNG"),
        "floats": (Image.fromarray(mask.astype(np.float32)), "TIFF"),
        "cmyk": (rgb.convert("CMYK"), "TIFF"),
        "number beyond": (Image.fromarray(mask), "PNG"),
        "large numbers": (Image.fromarray(mask.astype(np.uint16) + np.uint16(40_000)), "PNG"),
        "below zero": (Image.fromarray(mask.astype(np.int32) - 1), "TIFF"),
        "colours": (Image.fromarray(np.stack([mask, mask * 9, 255 - mask], 2)), "PNG"),
        "half as large": (Image.fromarray(mask[::2, ::2]), "PNG"),
        "a row more": (Image.fromarray(np.concatenate([mask, mask[:1]])), "PNG"),
        "turned": (Image.fromarray(mask.T.copy()), "PNG"),
        "one pixel": (Image.fromarray(mask[:1, :1]), "PNG"),
        "all another number": (Image.fromarray(np.full_like(mask, 200)), "PNG"),
        "palette": (palette, "PNG"),
        "16 bit": (Image.fromarray(mask.astype(np.uint16)), "PNG"),
        "grey as RGB": (rgb, "PNG"),
        "opaque": (opaque, "PNG"),
        "ignored": (Image.fromarray(mask), "PNG"),
    }
    return saved(*made.get(way, (picture, way)))


def other_picture(way: str, random: np.random.Generator) -> bytes:
    """A picture of another kind, or size."""
    size = {"a row more": (SIZE[0] + 1, SIZE[1]), "turned": SIZE[::-1]}.get(way, SIZE)
    picture = Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8))
    made = {
        "grey": (picture.convert("L"), "PNG"),
        "16 bit": (Image.fromarray(random.integers(0, 65536, SIZE, np.uint16)), "PNG"),
        "opaque": (picture.convert("RGBA"), "PNG"),
        "jpeg": (picture, "JPEG"),
        "cmyk": (picture.convert("CMYK"), "TIFF"),
        "palette of seven": (picture.quantize(7), "PNG"),
        "a row more": (picture, "PNG"),
        "turned": (picture, "PNG"),
    }
    return saved(*made.get(way, (picture, way)))


def told(folder: Path) -> str:
    """All that `striate check` says of a folder; "" where it says nothing."""
    try:
        dataset = open_data(folder)
        report = check_data(dataset, scan_pictures(dataset.pictures))
    except StriateError as error:
        return str(error)
    unreadable = [f"{name} {reason}" for name, reason in report.unreadable]
    return "\n".join([*report.problems, *report.said_in_full, *unreadable])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_damaged_one_is_named_and_no_good_one(folder):
    random, named = np.random.default_rng(2), dict.fromkeys(MAYBE, 0)
    assert told(folder) == ""
    for number in range(COUNT):
        kind, way = WAYS[number % len(WAYS)]
        file = folder / kind / f"{int(random.integers(PAIRS)):02}.png"
        good = file.read_bytes()
        file.unlink()
        if way == "renamed":
            (target := file.with_name(f"{file.stem}x.png")).write_bytes(good)
        elif way == "moved away":
            target = file
        elif way in (*MAYBE, *BROKEN):
            (target := file).write_bytes(broken(good, way, random))
        else:
            (target := file).write_bytes((other_mask if kind == "masks" else other_picture)(way, random))
        said = told(folder)
        target.unlink(missing_ok=True)
        file.write_bytes(good)
        name = f"{file.stem}"
        if way in MAYBE:
            named[way] += name in said
            assert not said or name in said, (kind, way, said)
        elif way in (GOOD_MASKS if kind == "masks" else GOOD_PICTURES):
            assert said == "", (kind, way, said)
        else:
            assert f"/{name}" in said, (kind, way, said)
    print(f"{COUNT} mutated; of those that may still be read, named are {named}", file=sys.stderr)
