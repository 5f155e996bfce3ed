"""CIFAR-10 and CIFAR-100 as their authors hand them out: python or binary version, unpacked or as .tar.gz.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; the formats are described on
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.plain_pickle import read_pickle
from striate.data.splits import split_dataset
from striate.data.targets import Indices

if TYPE_CHECKING:
    from typing_extensions import Self

Bytes = npt.NDArray[np.uint8]
PICTURE_BYTES = 3 * 32 * 32  # the red plane, then the green, then the blue
# Bytes of the files of a tar, three times CIFAR's largest: little packed may unpack to any memory.
MOST_UNPACKED = 512 << 20


@dataclass(frozen=True)
class Version:
    """The files of one of the four forms.

    label_bytes: bytes before each picture in a binary version, of which the last is the (fine) label. labels_key,
    classes_key: where a python version keeps its labels and the names of its classes.
    """

    name: str
    train: tuple[str, ...]
    test: str
    meta: str
    label_bytes: int = 0
    labels_key: str = ""
    classes_key: str = ""


BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
BINARY_BATCHES = tuple(f"{batch}.bin" for batch in BATCHES)
VERSIONS = (
    Version("cifar-10", BATCHES, "test_batch", "batches.meta", labels_key="labels", classes_key="label_names"),
    Version("cifar-100", ("train",), "test", "meta", labels_key="fine_labels", classes_key="fine_label_names"),
    Version("cifar-10", BINARY_BATCHES, "test_batch.bin", "batches.meta.txt", label_bytes=1),
    Version("cifar-100", ("train.bin",), "test.bin", "fine_label_names.txt", label_bytes=2),
)
FILES = frozenset(file for version in VERSIONS for file in (*version.train, version.test, version.meta))


def is_cifar(folder: Path) -> bool:
    """Whether a folder holds the first file and the class names of one of the versions."""
    return any((folder / each.train[0]).is_file() and (folder / each.meta).is_file() for each in VERSIONS)


def open_cifar(path: Path, split_seed: int = 0) -> Dataset:
    """CIFAR-10 or CIFAR-100 (its 100 fine classes), from a folder or a tar file; val is taken from train.

    Pictures are numbered train first, then test; number and split of a picture are the same in all forms.
    Raises StriateError, naming the file, for what is missing, damaged or no plain data.
    """
    files = _read_tar(path) if path.is_file() else _read_folder(path)
    version = next((each for each in VERSIONS if each.train[0] in files and each.meta in files), None)
    if version is None:
        raise StriateError(f"{path} holds no CIFAR-10 or CIFAR-100 (python or binary version); unpack other pictures")
    missing = [file for file in (*version.train, version.test) if file not in files]
    if missing:
        raise StriateError(f"{path} is not complete: {', '.join(missing)} missing")
    classes = _class_names(version, files[version.meta], path / version.meta)
    parts = [_read_part(version, files[file], path / file, len(classes)) for file in (*version.train, version.test)]
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    numbers = np.arange(len(labels))
    train_size = len(labels) - len(parts[-1][1])
    given = {"train": numbers[:train_size], "test": numbers[train_size:]}
    planes = pixels.reshape(-1, 3, 32, 32)
    pictures = ArrayPictures(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), version.name)
    names = [pictures.name(number) for number in range(len(pictures))]
    return split_dataset(str(path), pictures, names, labels, classes, given, split_seed)


def _read_folder(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in sorted(FILES) if (folder / name).is_file()}


class _Header(tarfile.TarInfo):
    """The header of a member of a tar, which tarfile may read into memory whole, be it a long name only."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The header in a block. Raises StriateError for a member that is larger than all of CIFAR."""
        header = super().frombuf(buf, encoding, errors)
        _refuse_large(header)
        return header


def _refuse_large(member: tarfile.TarInfo, before: int = 0) -> None:
    """before: bytes of the files that were unpacked before it."""
    if before + member.size > MOST_UNPACKED:
        raise StriateError(
            f"with its file {member.name} it would unpack to {before + member.size:,} bytes, and CIFAR has fewer than "
            f"{MOST_UNPACKED:,}"
        )


def _read_tar(path: Path) -> dict[str, bytes]:
    """The files of a tar, whatever folder they are in; nothing is unpacked onto the disk."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, tarinfo=_Header) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if member.isfile() and name in FILES and (opened := tar.extractfile(member)):
                    _refuse_large(member, sum(map(len, files.values())))
                    files[name] = opened.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise StriateError(f"{path} cannot be read as a tar file ({error})") from error
    except StriateError as error:
        raise StriateError(f"{path} is not read: {error}") from error
    return files


def _class_names(version: Version, content: bytes, file: Path) -> list[str]:
    if version.label_bytes:
        names = content.decode("utf-8", "replace").split()
    else:
        listed = read_pickle(content, file).get(version.classes_key, [])
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in listed]
    if not names:
        raise StriateError(f"{file} names no classes")
    return names


def _read_part(version: Version, content: bytes, file: Path, classes: int) -> tuple[Bytes, Indices]:
    """Pictures (N, 3072) as planes and labels (N,) of one file."""
    pixels, labels = (
        _read_binary(version, content, file) if version.label_bytes else _read_python(version, content, file)
    )
    if len(labels) and labels.max() >= classes:
        raise StriateError(f"{file} has the label {labels.max()}, but there are {classes} classes")
    return pixels, labels


def _read_binary(version: Version, content: bytes, file: Path) -> tuple[Bytes, Indices]:
    record = version.label_bytes + PICTURE_BYTES
    if len(content) % record:
        raise StriateError(f"{file} is {len(content):,} bytes long, expected is a multiple of {record:,}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, record)
    return rows[:, version.label_bytes :], rows[:, version.label_bytes - 1].astype(np.int64)


def _read_python(version: Version, content: bytes, file: Path) -> tuple[Bytes, Indices]:
    batch = read_pickle(content, file)
    pixels, labels = batch.get("data"), batch.get(version.labels_key)
    if not isinstance(pixels, np.ndarray) or pixels.shape[1:] != (PICTURE_BYTES,):
        raise StriateError(f"{file} has no array N x {PICTURE_BYTES:,} of bytes called data")
    if not isinstance(labels, list) or not all(isinstance(label, int) and label >= 0 for label in labels):
        raise StriateError(f"{file} has no list of numbers called {version.labels_key}")
    if len(labels) != len(pixels):
        raise StriateError(f"{file} holds {counted(len(pixels), 'picture')}, but {counted(len(labels), 'label')}")
    return pixels, np.array(labels, np.int64)
