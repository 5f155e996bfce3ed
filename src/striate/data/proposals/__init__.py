"""Boxes in which objects may be, by several methods, for detectors that are given them and for measuring these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from striate.core.errors import unknown_name
from striate.data.decode import Pixels
from striate.ops.selective_search import QUALITY, selective_search
from striate.ops.sliding_windows import sliding_windows

Boxes = npt.NDArray[np.float32]

DEFAULT_METHOD = "selective_search"


@dataclass(frozen=True)
class Method:
    """A way to propose boxes. search: of a picture uint8 (H, W, 3). version: another one, once it finds other boxes."""

    search: Callable[[Pixels], Boxes]
    version: int = 1


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        DEFAULT_METHOD: Method(selective_search),
        "selective_search_quality": Method(partial(selective_search, mode=QUALITY)),
        "sliding_window": Method(lambda picture: sliding_windows(picture.shape[:2])),
    }
)
"""Every method by its name."""


def method_named(name: str) -> Method:
    """The method of a name. Raises StriateError for one that there is not."""
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
    return METHODS[name]


def proposals_of(picture: Pixels, method: str = DEFAULT_METHOD) -> Boxes:
    """Boxes in which objects may be, float32 (N, 4): edges in pixels of the picture, the likeliest first, each once.

    picture: uint8 (H, W, 3), upright. method: one of `METHODS`. How many there are is the method's: selective search
    finds some thousands. The same picture has the same boxes. Raises StriateError for a name that there is not, a
    method whose packages or files are missing, and what is no picture.

    >>> boxes = proposals_of(np.zeros((40, 60, 3), np.uint8), "sliding_window")
    >>> len(boxes), boxes[4].tolist()
    (1995, [0.0, 0.0, 40.0, 40.0])
    """
    return method_named(method).search(picture)
