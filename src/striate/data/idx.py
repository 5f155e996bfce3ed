"""IDX, the format of MNIST and all that was made in its likeness.

A file is a magic number 0x0000_08_dd (bytes, dd dimensions), dd sizes and the bytes, numbers big-endian. Source: LeCun,
Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.splits import split_dataset

Bytes = npt.NDArray[np.uint8]

# train-images-idx3-ubyte, train-images.idx3-ubyte.gz, emnist-letters-train-images-idx3-ubyte.gz
TRAIN_IMAGES = re.compile(r".*train-images[-.]idx3-ubyte(\.gz)?")
# Bytes of one .gz file, four times the largest of EMNIST: little packed may unpack to any memory.
MOST_UNPACKED = 2 << 30
STEP = 1 << 24  # bytes


def find_idx(path: Path) -> list[Path]:
    """The files of training images that a path names or a folder holds; plain and .gz of one name count once."""
    if path.is_dir():
        found = {file.name.removesuffix(".gz"): file for file in sorted(path.iterdir(), reverse=True)}
        return sorted(file for name, file in found.items() if TRAIN_IMAGES.fullmatch(name) and file.is_file())
    return [path] if TRAIN_IMAGES.fullmatch(path.name) and path.is_file() else []


def open_idx(path: Path, split_seed: int = 0) -> Dataset:
    """The pictures of an IDX file of training images, or of the folder that holds it.

    Beside it lie its labels and, if there is a test split, the t10k or test images and labels, each plain or .gz;
    val is taken from train. Classes are the numbers that occur as labels. Pictures are numbered train first, then
    test, and shown as the file has them: EMNIST's are on their side.
    Raises StriateError, naming the file and its numbers.
    """
    found = find_idx(path)
    if len(found) != 1:
        came = ", ".join(file.name for file in found) or "none"
        raise StriateError(f"{path} should hold one file of training images, found are {came}; name the file itself")
    parts = [_read_pair(images) for images in (found[0], _test_images(found[0])) if images is not None]
    shapes = {images.shape[1:] for images, _ in parts}
    if len(shapes) > 1:
        raise StriateError(f"{path} has train and test pictures of different sizes: {sorted(shapes)}")
    pixels, numbers = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    classes, labels = np.unique(numbers, return_inverse=True)
    train_size = len(parts[0][1])
    given = {"train": np.arange(train_size)}
    if len(parts) > 1:
        given["test"] = np.arange(train_size, len(numbers))
    pictures = ArrayPictures(pixels, "idx")
    names = [pictures.name(index) for index in range(len(pictures))]
    class_names = [str(number) for number in classes.tolist()]
    return split_dataset(str(path), pictures, names, labels.astype(np.int64), class_names, given, split_seed)


def _test_images(train_images: Path) -> Path | None:
    """The file of test images beside that of training images: t10k- in MNIST, test- in EMNIST."""
    head, _, tail = train_images.name.removesuffix(".gz").rpartition("train-images")
    candidates = (_plain_or_gz(train_images.with_name(f"{head}{test}-images{tail}")) for test in ("t10k", "test"))
    return next((images for images in candidates if images is not None), None)


def _read_pair(images: Path) -> tuple[Bytes, Bytes]:
    """Pictures (N, H, W) and label numbers (N,) of one part."""
    head, _, tail = images.name.removesuffix(".gz").rpartition("images")
    beside = images.with_name(head + "labels" + tail.replace("idx3", "idx1"))
    labels = _plain_or_gz(beside)
    if labels is None:
        raise StriateError(f"{images} has no labels beside it; expected is {beside.name} or {beside.name}.gz")
    pixels, numbers = _read_idx(images, 3), _read_idx(labels, 1)
    if len(pixels) != len(numbers):
        raise StriateError(
            f"{images} holds {counted(len(pixels), 'picture')}, but {labels} {counted(len(numbers), 'label')}"
        )
    return pixels, numbers


def _plain_or_gz(file: Path) -> Path | None:
    return next((path for path in (file, file.with_name(f"{file.name}.gz")) if path.is_file()), None)


def _read_idx(file: Path, dimensions: int) -> Bytes:
    """The bytes of one file in the shape that it gives itself."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            sizes = _sizes(opened.read(4 + 4 * dimensions), file, dimensions)
            count = math.prod(sizes)
            if file.suffix == ".gz" and count > MOST_UNPACKED:
                raise StriateError(
                    f"{file} would unpack to {count:,} bytes by its header ({_shape(sizes)}), at most "
                    f"{MOST_UNPACKED:,} are unpacked here; unpack it first, with gunzip"
                )
            content = _read_promised(opened, sizes, file)
    except (OSError, EOFError, zlib.error) as error:
        raise StriateError(f"{file} cannot be read ({error})") from error
    if not count:
        raise StriateError(f"{file} is empty: {_shape(sizes)}")
    return np.frombuffer(content, np.uint8).reshape(sizes)


def _sizes(header: bytes, file: Path, dimensions: int) -> list[int]:
    magic, expected = int.from_bytes(header[:4], "big"), 0x0800 + dimensions
    if magic != expected:
        raise StriateError(f"{file} starts with the number {magic}, expected is {expected}: IDX, bytes, {dimensions}-D")
    if len(header) < 4 + 4 * dimensions:
        raise StriateError(f"{file} is {len(header)} bytes long, but its header promises {dimensions} sizes")
    return [int.from_bytes(header[place : place + 4], "big") for place in range(4, len(header), 4)]


def _read_promised(opened: IO[bytes] | gzip.GzipFile, sizes: list[int], file: Path) -> bytearray:
    """What follows the header; never more than a step beyond what it promises is unpacked, however much is packed."""
    promised, content = math.prod(sizes), bytearray()
    while len(content) <= promised and (part := opened.read(STEP)):
        content += part
    if len(content) != promised:
        header = 4 + 4 * len(sizes)
        came = f"is {header + len(content):,} bytes long" if len(content) < promised else "is longer"
        raise StriateError(f"{file} {came}, but its header promises {header + promised:,} ({_shape(sizes)})")
    return content


def _shape(sizes: list[int]) -> str:
    return " x ".join(map(str, sizes))
