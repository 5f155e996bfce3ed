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

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.splits import split_dataset

Bytes = npt.NDArray[np.uint8]

# train-images-idx3-ubyte, train-images.idx3-ubyte.gz, emnist-letters-train-images-idx3-ubyte.gz
TRAIN_IMAGES = re.compile(r".*train-images[-.]idx3-ubyte(\.gz)?")


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
        raise StriateError(f"{images} holds {len(pixels):,} pictures, but {labels} {len(numbers):,} labels")
    return pixels, numbers


def _plain_or_gz(file: Path) -> Path | None:
    return next((path for path in (file, file.with_name(f"{file.name}.gz")) if path.is_file()), None)


def _read_idx(file: Path, dimensions: int) -> Bytes:
    """The bytes of one file in the shape that it gives itself."""
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise StriateError(f"{file} cannot be read ({error})") from error
    magic, expected = int.from_bytes(content[:4], "big"), 0x0800 + dimensions
    if magic != expected:
        raise StriateError(f"{file} starts with the number {magic}, expected is {expected}: IDX, bytes, {dimensions}-D")
    header = 4 + 4 * dimensions
    sizes = [int.from_bytes(content[place : place + 4], "big") for place in range(4, header, 4)]
    promised = header + math.prod(sizes)
    if len(content) != promised:
        shape = " x ".join(map(str, sizes))
        raise StriateError(f"{file} is {len(content):,} bytes long, but its header promises {promised:,} ({shape})")
    if not math.prod(sizes):
        raise StriateError(f"{file} is empty: {' x '.join(map(str, sizes))}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(sizes)
