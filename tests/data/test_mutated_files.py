"""A folder in which hundreds of files are damaged in a dozen ways: nothing crashes, and every bad one is named.

STRIATE_MUTATED=1000 makes it a thousand; the suite makes two hundred.
"""

from __future__ import annotations

import io
import os
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.data.cache import scan
from striate.data.check import check_data
from striate.data.folder import open_folder

COUNT = int(os.environ.get("STRIATE_MUTATED", "200"))
FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".ppm": "PPM"}
# Of these every file is bad, of the others some.
CERTAIN = ("empty", "text", "huge header", "head only", "zeros", "other magic")
SOUND = ("wrong extension", "animated", "cmyk", "16 bit", "palette")


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says it is `side` px square."""
    header = side.to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )


def encoded(picture: Image.Image, suffix: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, FORMATS[suffix], **options)
    return file.getvalue()


def mutated(kind: str, random: np.random.Generator) -> tuple[str, bytes]:
    """Suffix and content of one file."""
    suffix = str(random.choice(list(FORMATS)))
    picture = Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1))
    content = bytearray(encoded(picture, suffix))
    if kind == "bits":
        for bit in random.integers(0, 8 * len(content), random.integers(1, 30)).tolist():
            content[bit // 8] ^= 1 << bit % 8
    elif kind == "cut":
        del content[int(random.integers(1, len(content))) :]
    elif kind == "middle lost":
        start = int(random.integers(20, len(content) // 2))
        del content[start : start + int(random.integers(1, len(content) // 2))]
    elif kind == "zero block":
        start = int(random.integers(0, len(content)))
        content[start : start + 512] = bytes(len(content[start : start + 512]))
    whole = {
        "empty": b"",
        "text": b"<html><body>404 Not Found</body></html>",
        "huge header": bomb(int(random.integers(40_000, 2**31 - 1))),
        "head only": bytes(content[:10]),
        "zeros": bytes(len(content)),
        "other magic": b"MZ\x90\0" + bytes(content[4:]),
        "wrong extension": encoded(picture, {".jpg": ".png"}.get(suffix, ".jpg")),
        "animated": gif(picture),
        "cmyk": encoded(picture.convert("CMYK"), ".jpg"),
        "16 bit": encoded(Image.fromarray(random.integers(0, 65536, (40, 60), dtype=np.uint16)), ".png"),
        "palette": encoded(picture.quantize(7), ".png", transparency=bytes([0, 9, 200])),
    }
    return suffix, whole.get(kind, bytes(content))


def gif(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "GIF", save_all=True, append_images=[picture.rotate(180)])
    return file.getvalue()


KINDS = ("bits", "cut", "middle lost", "zero block", *CERTAIN, *SOUND)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> Path:
    """Two classes of mutated files, `a` and `b`, beside a dozen good pictures each."""
    root, random = tmp_path_factory.mktemp("damaged"), np.random.default_rng(4)
    for label in "ab":
        (root / label).mkdir()
        for number in range(12):
            pixels = random.integers(0, 256, (40, 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"good-{number}.png")
    for number in range(COUNT):
        kind = KINDS[number % len(KINDS)]
        suffix, content = mutated(kind, random)
        (root / "ab"[number % 2] / f"{kind.replace(' ', '-')}-{number:04}{suffix}").write_bytes(content)
    return root


def pillow_reads(file: Path) -> bool:
    """By the second route: Pillow alone, asked to load all of the first picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        try:
            with Image.open(file, formats=("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF")) as picture:
                picture.load()
                picture.convert("RGB")
        except Exception:
            return False
    return True


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_bad_file_is_named_and_no_good_one(damaged: Path) -> None:
    dataset = open_folder(damaged)
    report = check_data(dataset, scan(dataset))
    named = {Path(name) for name, _ in report.unreadable}
    files = [file for file in damaged.rglob("*") if file.is_file()]
    assert len(files) == COUNT + 24
    for file in files:
        kind = file.name.rpartition("-")[0].replace("-", " ")
        if kind in CERTAIN:
            assert file in named, file
        if kind in (*SOUND, "good"):
            assert file not in named, file
    different = [file for file in files if (file in named) == pillow_reads(file)]
    assert different == []
    assert all(reason for _, reason in report.unreadable)
    print(f"{COUNT} mutated files: {len(named)} named, {COUNT - len(named)} still decode")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("cache_gb", [0, 1])
def test_a_run_goes_by_them(damaged: Path, tmp_path: Path, cache_gb: int) -> None:
    fields = {"epochs": 1, "batch_size": 16, "size_px": 32, "peak_lr": 0.001}
    run = striate.train(damaged, "resnet20", run=tmp_path / "run", cache_gb=cache_gb, **fields)
    assert " pictures cannot be read and will be left out: " in (run.path / "log.txt").read_text()
    unread = [line for line in (run.path / "data.tsv").read_text().splitlines() if line.startswith("-\t")]
    assert len(unread) > COUNT // 3
