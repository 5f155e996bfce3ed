"""Pickles of plain values and byte arrays, read without running anything that they ask for."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError


class _Type:
    """What stands for numpy.dtype."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code = code.decode() if isinstance(code, bytes) else code

    def __setstate__(self, state: object) -> None:
        """Byte order and the like, of which single bytes have none."""


class _Array:
    """What stands for numpy's arrays: single bytes only."""

    values: npt.NDArray[np.uint8]

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran_order, content = state
        if dtype.code != "u1":
            raise ValueError(f"an array of {dtype.code}, expected are bytes (u1)")
        self.values = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran_order else "C")


# numpy 2 renamed its folder; `_codecs.encode` makes bytes where Python 3 wrote protocol 2.
STANDS_FOR: dict[tuple[str, str], object] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): str.encode,
}


class _PlainUnpickler(pickle.Unpickler):
    """Finds nothing but the names above, and gives its own for them: not even numpy's code is reached."""

    def find_class(self, module: str, name: str) -> object:
        try:
            return STANDS_FOR[module, name]
        except KeyError:
            raise StriateError(
                f"asks to run {module}.{name}, which was refused: the data needs no such thing"
            ) from None


def read_pickle(content: bytes, file: Path) -> dict[str, Any]:
    """The dictionary in a pickle: keys as text, arrays of bytes as numpy's, Python 2's text as bytes.

    Raises StriateError, naming the file, when the pickle is damaged or asks for anything but plain values and arrays.

    >>> read_pickle(pickle.dumps({"labels": [1, 2]}, protocol=2), Path("batch"))
    {'labels': [1, 2]}
    >>> read_pickle(pickle.dumps({"run": print}), Path("batch"))
    Traceback (most recent call last):
    striate.core.errors.StriateError: batch asks to run builtins.print, which was refused: the data needs no such thing
    """
    try:
        value = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(value, dict):
            raise TypeError("it holds no dictionary")
        return {
            key.decode() if isinstance(key, bytes) else str(key): part.values if isinstance(part, _Array) else part
            for key, part in value.items()
        }
    except StriateError as error:
        raise StriateError(f"{file} {error}") from None
    except Exception as error:  # a damaged pickle can raise any; nothing else than reading happened
        raise StriateError(f"{file} is damaged ({error})") from error
