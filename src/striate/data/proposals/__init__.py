"""Boxes in which objects may be, by several methods, for detectors that are given them and for measuring these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import IdleField, unknown_name
from striate.data.decode import Pixels
from striate.data.proposals import opencv
from striate.ops.selective_search import QUALITY, selective_search
from striate.ops.sliding_windows import sliding_windows

Boxes = npt.NDArray[np.float32]
Search = Callable[[Pixels], Boxes]

DEFAULT_METHOD, BING = "selective_search", "bing"
METHODS: Mapping[str, Search] = MappingProxyType(
    {
        DEFAULT_METHOD: selective_search,
        "selective_search_quality": partial(selective_search, mode=QUALITY),
        "sliding_window": lambda picture: sliding_windows(picture.shape[:2]),
        "opencv_selective_search": opencv.opencv_selective_search,
        "opencv_selective_search_quality": partial(opencv.opencv_selective_search, quality=True),
        "edge_boxes": opencv.edge_boxes,
    }
)
"""Every method that needs no trained files, by its name."""
NAMES = (*METHODS, BING)
VERSION = 2
"""Another one, once any method finds other boxes."""


class Method(NamedTuple):
    """A way to propose boxes. key: what tells it from all others. search: of a picture uint8 (H, W, 3)."""

    key: str
    search: Search


def method_named(name: str, trained: Path | None = None) -> Method:
    """The method of a name. trained: of BING, the folder of what it has learned.

    Raises StriateError for a name that there is not, and for trained files that are missing or that nothing reads.
    """
    if name not in NAMES:
        raise unknown_name("method", name, NAMES)
    if name == BING:
        opencv.require_bing(trained)
        assert trained is not None  # noqa: S101 - see above
        return Method(f"{BING}-{VERSION}-{opencv.digest_of(trained)}", partial(opencv.bing, trained=trained))
    if trained is not None:
        raise IdleField("trained", f"the method {BING}", "--trained")
    return Method(f"{name}-{VERSION}", METHODS[name])


def proposals_of(picture: Pixels, method: str = DEFAULT_METHOD) -> Boxes:
    """Boxes in which objects may be, float32 (N, 4): edges in pixels of the picture, the likeliest first, each once.

    picture: uint8 (H, W, 3), upright. method: one of `METHODS`. How many there are is the method's: selective search
    finds some thousands. The same picture has the same boxes; of OpenCV's selective search, which draws their order, in
    another one. Raises StriateError for a name that there is not, a method whose packages are missing, and what is no
    picture.

    >>> boxes = proposals_of(np.zeros((40, 60, 3), np.uint8), "sliding_window")
    >>> len(boxes), boxes[2].tolist()
    (1911, [0.0, 0.0, 40.0, 40.0])
    """
    return method_named(method).search(picture)
