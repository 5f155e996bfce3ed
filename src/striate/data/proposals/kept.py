"""Proposals that are made once: a file for each picture and method, below the cache, named by the picture's pixels."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from striate.core.errors import StorageError, StriateError
from striate.core.files import write_bytes
from striate.core.reading import read_file
from striate.data.cache import cache_root
from striate.data.decode import Pixels
from striate.data.proposals import DEFAULT_METHOD, Boxes, Method, method_named
from striate.data.scan import pixel_digest

NAME = "boxes"
MOST_BYTES = 100_000_000

log = logging.getLogger("striate")


def kept_proposals(picture: Pixels, method: str | Method = DEFAULT_METHOD) -> Boxes:
    """As `proposals_of`, from the disk where they have been made before.

    A damaged file is as good as none. Where the cache cannot be written, they are made anew each time.
    """
    method = method_named(method) if isinstance(method, str) else method
    file = place_of(picture, method)
    if (kept := read_kept(file)) is not None:
        return kept
    boxes = method.search(picture)
    try:
        write_bytes(file, save({NAME: np.ascontiguousarray(boxes)}))
    except StorageError as error:
        log.warning("proposals are not kept: %s ($STRIATE_CACHE names the folder, now %s)", error, cache_root())
    return boxes


def place_of(picture: Pixels, method: Method) -> Path:
    """The file of a picture's proposals by a method, which may not be there yet."""
    digest = pixel_digest(picture).hex()
    return cache_root() / "proposals" / method.key / digest[:2] / f"{digest}.safetensors"


def read_kept(file: Path) -> Boxes | None:
    """The proposals of a file; None where it is not there, or damaged."""
    with suppress(StriateError, SafetensorError):
        boxes = load(read_file(file, most_bytes=MOST_BYTES)).get(NAME)
        if boxes is not None and boxes.dtype == np.float32 and boxes.ndim == 2 and boxes.shape[1] == 4:
            return boxes
    return None
