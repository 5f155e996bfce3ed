"""How much of a picture a network sees: what covers the network's shape is cut, and what is cut is not seen."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from striate.core.records import Preprocess
from striate.data.scan import Scan

LEAST_SEEN = 0.5
SIZE_STEP_PX = 32


def share_seen(sizes_px: npt.NDArray[np.int32], preprocess: Preprocess | None) -> npt.NDArray[np.float64]:
    """Share of the area of every picture that `Preprocess.fit` leaves, by its height and width, (N, 2) to (N,).

    preprocess: None stands for a square network that covers. A margin of the working size counts as seen, for training
    shows all of it.

    >>> share_seen(np.array([[40, 320], [50, 50]]), Preprocess((64, 64))).tolist()
    [0.125, 1.0]
    """
    if preprocess is not None and preprocess.fit != "cover":
        return np.ones(len(sizes_px))
    height, width = preprocess.resize if preprocess is not None else (1, 1)
    scales = np.array([height, width]) / np.maximum(sizes_px, 1)
    return np.asarray(scales.min(axis=1) / scales.max(axis=1), np.float64)


def typical_share_seen(found: Scan, preprocess: Preprocess | None) -> float:
    """Median over the pictures that could be read; 1 where there are none."""
    sizes = np.delete(found.sizes_px, list(found.problems), axis=0)
    return float(np.median(share_seen(sizes, preprocess))) if len(sizes) else 1.0


def about_seen(found: Scan, preprocess: Preprocess | None) -> list[str]:
    """A sentence with what to do, where less than half of a typical picture is seen."""
    share = typical_share_seen(found, preprocess)
    if share >= LEAST_SEEN:
        return []
    sizes = np.delete(found.sizes_px, list(found.problems), axis=0)
    height, width = (int(side) for side in np.median(sizes, axis=0))
    size = preprocess.size if preprocess is not None else (min(224, height, width), min(224, height, width))
    which = f"a network of {size[0]}x{size[1]} px" if preprocess is not None else "a square network"
    fitting = fitting_size((height, width), size)
    return [
        f"{which} sees {share:.1%} of a typical picture ({height}x{width} px), the middle; "
        f"{how_to_see(f'{fitting[0]}x{fitting[1]}')}"
    ]


def how_to_see(size: str = "HEIGHTxWIDTH") -> str:
    """What to do about it.

    >>> how_to_see()
    '--set fit=contain shows all of it, and so does a size of its shape, --size HEIGHTxWIDTH'
    """
    return f"--set fit=contain shows all of it, and so does a size of its shape, --size {size}"


def why_little_is_learned(share: float) -> str:
    """What to say of a run that learned nothing from pictures of which it saw a share."""
    return (
        f"The network sees {share:.1%} of a typical picture, and what tells the classes apart may be in the rest: "
        f"{how_to_see()}"
    )


def fitting_size(shape: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """A size of a picture's shape and, where that leaves 32 px to the shorter side, another's area; multiples of 32 px.

    >>> fitting_size((40, 320), (64, 64)), fitting_size((1920, 1080), (224, 224))
    ((32, 256), (288, 160))
    """
    aspect = max(shape) / min(shape)
    shorter = SIZE_STEP_PX * max(1, round(math.sqrt(size[0] * size[1] / aspect) / SIZE_STEP_PX))
    longer = SIZE_STEP_PX * round(shorter * aspect / SIZE_STEP_PX)
    return (shorter, longer) if shape[0] < shape[1] else (longer, shorter)
