"""Selective search: boxes in which objects may be, from regions that are joined in several ways.

Uijlings, van de Sande, Gevers and Smeulders, "Selective search for object recognition", International Journal of
Computer Vision 104 (2013). Regions come of `graph_segmentation`, in several colours and scales, and are joined by
several measures of likeness (`region_grouping`); the boxes of all their nodes are the proposals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.ops.colour_spaces import COLOUR_SPACES
from striate.ops.graph_segmentation import blurred, regions_of, sorted_edges
from striate.ops.region_features import region_features
from striate.ops.region_grouping import Similarity, grouped, neighbours

Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

ALL = Similarity(colour=True, texture=True, size=True, fill=True)
WITHOUT_COLOUR = ALL._replace(colour=False)


class Mode(NamedTuple):
    """What is varied. colours: of `COLOUR_SPACES`. measures: of likeness. scales: of the first regions, their k."""

    colours: tuple[str, ...]
    measures: tuple[Similarity, ...]
    scales: tuple[int, ...]


FAST = Mode(("hsv", "lab"), (ALL, WITHOUT_COLOUR), (50, 100))
QUALITY = Mode(
    ("hsv", "lab", "rgI", "hue", "intensity"),
    (ALL, WITHOUT_COLOUR, Similarity(fill=True), Similarity(size=True)),
    (50, 100, 150, 300),
)
"""Both: table 5 of the paper."""


def selective_search(picture: Picture, mode: Mode = FAST) -> Boxes:
    """Boxes in which objects may be, float32 (N, 4): edges in pixels, the likeliest first, each once.

    picture: uint8 (H, W, 3), upright. A node is the likelier the later it was joined; so that not all large boxes come
    first, its place counts times a random number, which is the same for the same picture (section 4.2). Raises
    StriateError for what is no such picture.

    >>> square = np.zeros((40, 60, 3), np.uint8)
    >>> square[10:30, 20:40] = 200
    >>> found = selective_search(square).astype(int).tolist()
    >>> [0, 0, 60, 40] in found, [20, 10, 40, 30] in found
    (True, True)
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise StriateError(
            f"proposals are of a picture uint8 (H, W, 3), got {picture.dtype} {picture.shape}; bring it to that form"
        )
    drawn = np.random.default_rng(0)
    boxes, places = [], []
    for colours in mode.colours:
        converted = COLOUR_SPACES[colours](picture)
        edges = sorted_edges(blurred(converted))
        for scale in mode.scales:
            regions = regions_of(edges, picture.shape[:2], scale, least_px=scale)
            features, pairs = region_features(converted, regions), neighbours(regions)
            for measures in mode.measures:
                found = grouped(features, pairs, measures).box
                boxes.append(found)
                places.append(np.arange(len(found), 0, -1) * drawn.random(len(found)))
    ordered = np.concatenate(boxes)[np.argsort(np.concatenate(places), kind="stable")]
    _, first = np.unique(ordered, axis=0, return_index=True)
    return ordered[np.sort(first)]
