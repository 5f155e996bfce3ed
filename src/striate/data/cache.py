"""The decoded cache: every picture once, at the working size, in one file of pixels on the disk.

An entry is a folder named by everything that decides its content: the keys of all pictures in order (path, size in
bytes, time of change), how they are made (working size, fit and its colour, channels, white), the version of the
decoding rules. A changed file is another name, so an entry is never wrong; it is written under a temporary name, so it
is never half.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StorageError, StriateError
from striate.core.files import new_folder, remove_parts, storage_errors, write_bytes
from striate.core.reading import Count, read_record
from striate.core.records import Preprocess
from striate.data.dataset import Dataset, Pictures
from striate.data.decode import RULES_VERSION
from striate.data.scan import CHECK_COVER_PX, Progress, Scan, Wide, scan_pictures
from striate.data.stored_arrays import read_array
from striate.data.working import CachedPictures, DecodedPictures, WorkingPictures, new_pixels

DEFAULT_CACHE_GB = 10.0
STALE_SECONDS = 24 * 3600.0

log = logging.getLogger("striate")


def cache_root() -> Path:
    """Where caches live: $STRIATE_CACHE, else $XDG_CACHE_HOME/striate, else ~/.cache/striate."""
    if named := os.environ.get("STRIATE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "striate"


def working_pictures(
    dataset: Dataset,
    preprocess: Preprocess,
    cache_gb: float = DEFAULT_CACHE_GB,
    progress: Progress | None = None,
) -> tuple[WorkingPictures, Scan]:
    """All pictures at the working size, from the cache where there is room, and the scan of them.

    cache_gb: what all entries together may take, in 10^9 bytes; the ones unused for longest make room. What does not
    fit is decoded again every time it is needed, and so is everything where the cache cannot be written.
    """
    keys = _keys(dataset.pictures)
    entry = cache_root() / "decoded" / _name(keys, preprocess)
    decoded = DecodedPictures(dataset.pictures, preprocess)
    if kept := _read_entry(entry, decoded, keys):
        return kept
    try:
        if _make_room(entry.parent, len(dataset.pictures) * int(np.prod(decoded.shape)), cache_gb):
            _write_entry(entry, decoded, progress)
            if kept := _read_entry(entry, decoded, keys):
                return kept
    except (StorageError, OSError) as error:
        log.warning("decoded pictures are not kept, each epoch decodes them anew: %s", _elsewhere(error))
    found = scan(dataset, progress, preprocess)
    decoded.expect(found, keys)
    return decoded, found


def _read_entry(
    entry: Path, decoded: DecodedPictures, keys: npt.NDArray[np.uint8]
) -> tuple[CachedPictures, Scan] | None:
    """A finished entry; a damaged one is as good as none."""
    try:
        cached, found = CachedPictures(entry / "pixels.npy", decoded), _read_scan(entry, len(keys))
    except (OSError, ValueError):
        return None
    decoded.expect(found, keys)
    with suppress(OSError):  # an entry that may only be read
        os.utime(entry)
    return cached, found


def _write_entry(entry: Path, decoded: DecodedPictures, progress: Progress | None) -> None:
    with new_folder(entry) as folder:
        with new_pixels(folder / "pixels.npy", (len(decoded.pictures), *decoded.shape)) as keep:
            found = scan_pictures(decoded.pictures, decoded.preprocess, keep, progress)
        _write_scan(folder, found)


def scan(dataset: Dataset, progress: Progress | None = None, preprocess: Preprocess | None = None) -> Scan:
    """The scan of a dataset, remembered until a file changes.

    preprocess: what the pictures are decoded for; None: as `check` does before a network has been named.
    """
    if preprocess and (preprocess.channels, preprocess.resize, preprocess.white) == (3, CHECK_COVER_PX, None):
        preprocess = None  # the same pixels, so that `check` has done it already
    entry = cache_root() / "scans" / _name(_keys(dataset.pictures), preprocess)
    with suppress(OSError, ValueError):  # a damaged entry is as good as none
        return _read_scan(entry, len(dataset.pictures))
    found = scan_pictures(dataset.pictures, preprocess, progress=progress)
    try:
        with new_folder(entry) as folder:
            _write_scan(folder, found)
    except (StorageError, OSError) as error:
        log.warning("what was found in the pictures is not remembered: %s", _elsewhere(error))
    return found


def remembered_digests(pictures: Pictures, preprocess: Preprocess) -> npt.NDArray[np.uint8] | None:
    """The hashes of pictures as they are decoded for a network, (N, 16), from the decoded cache; None if not there."""
    if not (cache_root() / "decoded").is_dir():
        return None
    with suppress(OSError, ValueError):
        digests = np.load(cache_root() / "decoded" / _name(_keys(pictures), preprocess) / "digests.npy")
        if digests.dtype == np.uint8 and digests.shape == (len(pictures), 16):
            return np.asarray(digests)
    return None


def _elsewhere(error: Exception) -> str:
    return f"{error} ($STRIATE_CACHE names the folder, now {cache_root()})"


def _keys(pictures: Pictures) -> npt.NDArray[np.uint8]:
    """16 bytes of every picture, (N, 16), that change when it may have changed."""
    keys = bytearray()
    for index in range(len(pictures)):
        keys += pictures.key(index)
    return np.frombuffer(keys, np.uint8).reshape(-1, 16)


def _name(keys: npt.NDArray[np.uint8], preprocess: Preprocess | None) -> str:
    rules = (RULES_VERSION, Image.MAX_IMAGE_PIXELS)
    digest = hashlib.blake2b(repr((*rules, *(_decided(preprocess) if preprocess else ()))).encode(), digest_size=16)
    digest.update(keys.data)
    return digest.hexdigest()


def _decided(preprocess: Preprocess) -> tuple[Any, ...]:
    """What of a record decides the pixels of a working picture."""
    colour = preprocess.mean_colour if preprocess.fit == "contain" else ()
    return preprocess.resize, preprocess.channels, preprocess.fit, colour, preprocess.white


def _write_scan(folder: Path, found: Scan) -> None:
    np.save(folder / "sizes_px.npy", found.sizes_px)
    np.save(folder / "digests.npy", found.digests)
    write_bytes(folder / "problems.json", json.dumps(list(found.problems.items())).encode())
    write_bytes(folder / "wide.json", json.dumps(list(found.wide.items())).encode())


def _read_scan(entry: Path, pictures: int) -> Scan:
    """A scan of so many pictures. Raises ValueError, StriateError among them, when it is not all there."""
    problems = dict(read_record(entry / "problems.json", list[tuple[Count, str]]))
    if max(problems, default=0) >= max(1, pictures):
        raise StriateError(f"{entry} is damaged: it has a problem of picture {max(problems)} of {pictures}")
    found = Scan(
        read_array(entry / "sizes_px.npy", (pictures, 2), np.int32),
        read_array(entry / "digests.npy", (pictures, 16), np.uint8),
        problems,
        dict(read_record(entry / "wide.json", list[tuple[Count, Wide]])),
    )
    good = np.ones(pictures, bool)
    good[list(problems)] = False
    if (found.sizes_px[good] < 1).any() or not found.digests[good].any(1).all():
        raise StriateError(f"{entry} is damaged: a picture that can be decoded has no size or no hash")
    return found


def require_room(cache_gb: float) -> None:
    """Raise StriateError for a size that the cache cannot have."""
    if not 0 <= cache_gb < math.inf:  # a NaN fails too
        raise StriateError(f"cache_gb must be a number of at least 0, got {cache_gb}")


def _make_room(folder: Path, needed_bytes: int, cache_gb: float) -> bool:
    """Remove the entries unused for longest until the new one fits; False when it cannot."""
    require_room(cache_gb)
    allowed_bytes = int(cache_gb * 1e9)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    remove_parts(folder, STALE_SECONDS)
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
