"""Arrays in .npy files of a cache: of just the shape and numbers that are expected, or refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.reading import read_file

MOST_HEADER_BYTES = 10_000


def read_array(file: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """All of an array. Raises StriateError when the file is missing, or holds anything else."""
    numbers = int(np.prod(shape))
    size = numbers * np.dtype(dtype).itemsize
    content = read_file(file, most_bytes=size + MOST_HEADER_BYTES)
    start = require_header(io.BytesIO(content), file, shape, dtype)
    if len(content) != start + size:
        raise StriateError(f"{file} is damaged: it has {len(content):,} bytes, and should have {start + size:,}")
    return np.frombuffer(content, dtype, numbers, start).reshape(shape).copy()


def require_header(opened: BinaryIO, file: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> int:
    """Where the numbers of an open .npy file begin. Raises StriateError unless its header says just this."""
    try:
        np.lib.format.read_magic(opened)
        header = np.lib.format.read_array_header_1_0(opened)
    except Exception as error:  # what is no header makes numpy raise nearly anything
        raise StriateError(f"{file} is damaged: {error}") from error
    if header != (shape, False, np.dtype(dtype)):
        raise StriateError(f"{file} is damaged: it holds {header[0]} of {header[2]}, and should hold {shape}")
    return opened.tell()
