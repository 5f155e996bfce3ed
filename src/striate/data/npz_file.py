"""Arrays in one .npz file of numpy's, such as Keras and MedMNIST hand out: pictures and labels, with or without splits.

Nothing in it is unpickled, and no more is unpacked than the header of each array promises.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.arrays import Arrays, as_arrays
from striate.data.dataset import SPLITS, ArrayPictures, Dataset
from striate.data.left_out import Inventory
from striate.data.split_names import split_of
from striate.data.splits import split_dataset

PICTURES = ("x", "images", "image", "pictures", "imgs", "data")
LABELS = ("y", "labels", "label", "targets", "classes")
# Bytes that one packed array may unpack to: little packed may unpack to any memory. Stored ones are in the file.
MOST_UNPACKED = 2 << 30
STEP = 1 << 24  # bytes
EXPECTED = (
    "expected are x_train and y_train (with or without x_val, y_val, x_test, y_test), or one pair such as images and "
    "labels, x and y, or arr_0 and arr_1"
)


def open_npz(file: Path, split_seed: int = 0) -> Dataset:
    """The pictures and labels of an .npz file, numbered train, val, test; missing splits are made as of folders.

    Pictures are uint8 (N, H, W), (N, H, W, 1 or 3), or, where the last axis is neither, (N, 1 or 3, H, W); labels are
    whole numbers or texts, (N,) or (N, 1). Raises StriateError, with the file and the array, for anything else, for
    Python objects, which would need pickle, and for packed arrays of more than 2 GiB.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            pairs = _pairs(list(members), file)
            notes: list[str] = []
            parts = {
                split: _arrays(
                    _read(archive, members[pair[0]], file), _read(archive, members[pair[1]], file), pair, file, notes
                )
                for split, pair in pairs.items()
            }
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise StriateError(f"{file} cannot be read as an .npz file ({error})") from error
    unused = sorted(members.keys() - {name for pair in pairs.values() for name in pair})
    if unused:
        notes.append(f"{counted(len(unused), 'array')} not used: {', '.join(unused[:3])}{' ...' if unused[3:] else ''}")
    return _dataset(file, parts, tuple(notes), split_seed)


def _dataset(file: Path, parts: dict[str, Arrays], notes: tuple[str, ...], split_seed: int) -> Dataset:
    """One data set of the parts by split, "" of one that has none."""
    shapes = {part.pixels.shape[1:] for part in parts.values()}
    if len(shapes) > 1:
        raise StriateError(f"{file} has splits with pictures of different shapes: {sorted(shapes)}")
    names = {name for part in parts.values() for name in part.classes}
    numeric = all(name.removeprefix("-").isdecimal() for name in names)
    classes = sorted(names, key=int) if numeric else sorted(names)
    number = {name: place for place, name in enumerate(classes)}
    labels = [np.array([number[name] for name in part.classes], np.int64)[part.labels] for part in parts.values()]
    ends = np.cumsum([len(each) for each in labels])
    given = {
        split: np.arange(end - len(each), end) for split, end, each in zip(parts, ends.tolist(), labels, strict=True)
    }
    pictures = ArrayPictures(np.concatenate([part.pixels for part in parts.values()]), "npz")
    called = [pictures.name(index) for index in range(len(pictures))]
    given = {} if "" in given else given
    dataset = split_dataset(str(file), pictures, called, np.concatenate(labels), classes, given, split_seed)
    return replace(dataset, inventory=Inventory(notes=notes))


def _pairs(names: list[str], file: Path) -> dict[str, tuple[str, str]]:
    """Names of pictures and labels by split, in the order of SPLITS; under "" where there is one pair without one."""
    found: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        words = name.lower().split("_")
        splits = [split for word in words if (split := split_of(word))]
        rest = "_".join(word for word in words if not split_of(word))
        if len(splits) < 2 and rest in (*PICTURES, *LABELS):
            found.setdefault((splits[0] if splits else "", rest in PICTURES), []).append(name)
    if sorted(names) == ["arr_0", "arr_1"]:
        return {"": ("arr_0", "arr_1")}
    splits = [split for split in (*SPLITS, "") if (split, True) in found or (split, False) in found]
    pairs = {split: (found.get((split, True), []), found.get((split, False), [])) for split in splits}
    broken = [split for split, (pictures, labels) in pairs.items() if len(pictures) != 1 or len(labels) != 1]
    if not pairs or broken or ("" in pairs and len(pairs) > 1):
        raise StriateError(f"{file} holds {', '.join(sorted(names)[:8]) or 'no array'}; {EXPECTED}")
    return {split: (pictures[0], labels[0]) for split, (pictures, labels) in pairs.items()}


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> npt.NDArray[Any]:
    """One array; never more than its header promises is unpacked."""
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as opened:
        shape, order, dtype = _header(opened, name, file)
        if dtype.hasobject:
            raise StriateError(
                f"{name} in {file} holds Python objects, which are never unpickled here; save pictures as uint8 and "
                "labels as whole numbers or texts"
            )
        promised = math.prod(shape) * dtype.itemsize
        if member.compress_type != zipfile.ZIP_STORED and promised > MOST_UNPACKED:
            raise StriateError(
                f"{name} in {file} would unpack to {promised:,} bytes by its header {shape}, at most {MOST_UNPACKED:,} "
                "are unpacked here; save it by numpy.savez, which does not pack"
            )
        content = bytearray()
        while len(content) <= promised and (part := opened.read(min(STEP, promised + 1 - len(content)))):
            content += part
    if len(content) != promised:
        came = f"{len(content):,}" if len(content) < promised else "more"
        raise StriateError(f"{name} in {file} is damaged: its header promises {promised:,} bytes, there are {came}")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _header(opened: IO[bytes], name: str, file: Path) -> tuple[tuple[int, ...], Any, np.dtype[Any]]:
    """Shape, order and type by the header of an array, of the version that all plain arrays have."""
    try:
        if np.lib.format.read_magic(opened) != (1, 0):
            raise ValueError("a header of another version than 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(opened)
    except Exception as error:  # what is no header makes numpy raise nearly anything
        raise StriateError(f"{name} in {file} is no array ({error})") from error
    return shape, "F" if fortran else "C", dtype


def _arrays(
    pixels: npt.NDArray[Any], labels: npt.NDArray[Any], names: tuple[str, str], file: Path, notes: list[str]
) -> Arrays:
    """A pair as it is trained on. notes: takes a sentence where the axis of colours is not the last."""
    shape = pixels.shape
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        notes.append(f"{names[0]} {shape} is read with its colours first: {shape[2]}x{shape[3]} px")
        pixels = pixels.transpose(0, 2, 3, 1)
    try:
        return as_arrays(pixels, labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels)
    except StriateError as error:
        raise StriateError(f"{' and '.join(names)} in {file}: {error}") from error
