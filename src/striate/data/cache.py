"""The decoded cache: every picture once, at the working size, in one memory map on the disk.

An entry is a folder named by everything that decides its content: the keys of all pictures in order (path, size in
bytes, time of change), the working size, the channels and the version of the decoding rules. A changed file is another
name, so an entry is never wrong; it is written under a temporary name, so it is never half.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StriateError
from striate.core.files import new_folder, write_bytes
from striate.core.records import Preprocess
from striate.data.dataset import Dataset, Indices, Pictures
from striate.data.decode import RULES_VERSION
from striate.data.picture import to_working_size
from striate.data.scan import Progress, Scan, in_threads, scan_pictures

DEFAULT_CACHE_GB = 10.0


def cache_root() -> Path:
    """Where caches live: $STRIATE_CACHE, else $XDG_CACHE_HOME/striate, else ~/.cache/striate."""
    if named := os.environ.get("STRIATE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "striate"


class WorkingPictures(Protocol):
    """Working-size pictures by number."""

    def take(self, indices: Indices) -> npt.NDArray[np.uint8]:
        """uint8 (N, height, width, channels)."""


@dataclass(frozen=True)
class CachedPictures:
    """Working-size pictures in a memory map."""

    pixels: npt.NDArray[np.uint8]

    def take(self, indices: Indices) -> npt.NDArray[np.uint8]:
        """uint8 (N, height, width, channels), copied out of the map."""
        return self.pixels[indices]


@dataclass(frozen=True)
class DecodedPictures:
    """Working-size pictures decoded when asked for, by all cores."""

    pictures: Pictures
    preprocess: Preprocess

    def take(self, indices: Indices) -> npt.NDArray[np.uint8]:
        """uint8 (N, height, width, channels). Raises DecodeError that names a picture gone bad."""

        def one(index: int) -> npt.NDArray[np.uint8]:
            pixels = self.pictures.decode(index, self.preprocess.channels, self.preprocess.resize)
            return to_working_size(pixels, self.preprocess)

        return np.stack(list(in_threads(one, iter(indices.tolist()))))


def working_pictures(
    dataset: Dataset,
    preprocess: Preprocess,
    cache_gb: float = DEFAULT_CACHE_GB,
    progress: Progress | None = None,
) -> tuple[WorkingPictures, Scan]:
    """All pictures at the working size, from the cache where there is room, and the scan of them.

    cache_gb: what all entries together may take, in 10^9 bytes; the ones unused for longest make room. What does not
    fit is decoded again every time it is needed.
    """
    shape = (len(dataset.pictures), *preprocess.resize, preprocess.channels)
    entry = cache_root() / "decoded" / _name(dataset.pictures, preprocess)
    if entry.is_dir():
        os.utime(entry)
        return CachedPictures(np.load(entry / "pixels.npy", mmap_mode="r")), _read_scan(entry)
    if not _make_room(entry.parent, int(np.prod(shape)), cache_gb):
        return DecodedPictures(dataset.pictures, preprocess), scan(dataset, progress)
    with new_folder(entry) as folder:
        pixels = np.lib.format.open_memmap(folder / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape)
        found = scan_pictures(dataset.pictures, preprocess, pixels, progress)
        pixels.flush()
        _write_scan(folder, found)
    return CachedPictures(np.load(entry / "pixels.npy", mmap_mode="r")), found


def scan(dataset: Dataset, progress: Progress | None = None) -> Scan:
    """The scan of a dataset, remembered until a file changes."""
    entry = cache_root() / "scans" / _name(dataset.pictures, None)
    if entry.is_dir():
        return _read_scan(entry)
    found = scan_pictures(dataset.pictures, progress=progress)
    with new_folder(entry) as folder:
        _write_scan(folder, found)
    return found


def _name(pictures: Pictures, preprocess: Preprocess | None) -> str:
    rules = (RULES_VERSION, Image.MAX_IMAGE_PIXELS)
    what = (*rules, preprocess.resize, preprocess.channels) if preprocess else rules
    digest = hashlib.blake2b(repr(what).encode(), digest_size=16)
    for index in range(len(pictures)):
        digest.update(pictures.key(index))
    return digest.hexdigest()


def _write_scan(folder: Path, found: Scan) -> None:
    np.save(folder / "sizes_px.npy", found.sizes_px)
    np.save(folder / "digests.npy", found.digests)
    write_bytes(folder / "problems.json", json.dumps(list(found.problems.items())).encode())


def _read_scan(entry: Path) -> Scan:
    problems = json.loads((entry / "problems.json").read_text(encoding="utf-8"))
    return Scan(np.load(entry / "sizes_px.npy"), np.load(entry / "digests.npy"), dict(problems))


def _make_room(folder: Path, needed_bytes: int, cache_gb: float) -> bool:
    """Remove the entries unused for longest until the new one fits; False when it cannot."""
    if cache_gb < 0:
        raise StriateError(f"--cache-gb must be at least 0, got {cache_gb}")
    allowed_bytes = int(cache_gb * 1e9)
    folder.mkdir(parents=True, exist_ok=True)
    if needed_bytes > min(allowed_bytes, int(0.9 * shutil.disk_usage(folder).free)):
        return False
    entries = sorted(_entries(folder))
    while entries and sum(size for _, size, _ in entries) + needed_bytes > allowed_bytes:
        _, _, oldest = entries.pop(0)
        shutil.rmtree(oldest, ignore_errors=True)
    return True


def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """(last use, bytes, folder) of every finished entry."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith("."):
            yield entry.stat().st_mtime, sum(file.stat().st_size for file in entry.iterdir()), entry
