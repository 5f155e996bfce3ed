"""Regions of a picture by a graph of its pixels: neighbours join while they differ less than their regions do inside.

Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", International Journal of Computer Vision 59
(2004), section 3. H rows, W columns, C channels, E edges.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

SIGMA_PX = 0.8
"""The blur that takes the marks of the camera away. Section 5."""
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""From a pixel to half of its eight neighbours; the others come to it."""
PARTS = 16
"""The sorted edges are taken in so many parts, before each of which those are left out that can join nothing more."""


class Edges(NamedTuple):
    """Pairs of neighbours, those that differ least first. ends: pixel numbers, (2, E). weight: difference, (E,)."""

    ends: Labels
    weight: Floats


def graph_regions(picture: Floats, scale: float, least_px: int) -> Labels:
    """The region of each pixel, int64 (H, W), numbered from 0 as their first pixels come.

    picture: (H, W, C), channels from 0 to 255. scale: the k of the paper; larger gives larger regions. least_px:
    smaller regions join a neighbour, the likest first.

    >>> step = np.zeros((2, 8, 1), np.float32)
    >>> step[:, 4:] = 200
    >>> graph_regions(step, scale=40, least_px=4).tolist()
    [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]]
    """
    return regions_of(sorted_edges(blurred(picture)), picture.shape[:2], scale, least_px)


def blurred(picture: Floats) -> Floats:
    """The picture (H, W, C) behind a Gaussian of `SIGMA_PX`, channel by channel."""
    from scipy import ndimage

    smooth: Floats = ndimage.gaussian_filter(picture, (SIGMA_PX, SIGMA_PX, 0), mode="nearest")
    return smooth


def sorted_edges(picture: Floats) -> Edges:
    """Every pair of the eight-neighbourhood of a picture (H, W, C), weighted by the distance of their colours."""
    height, width = picture.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    ends, weights = [], []
    for down, right in STEPS:
        here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (slice(down, height), slice(max(0, right), width + min(0, right)))
        ends.append(np.stack([number[here].ravel(), number[there].ravel()]))
        weights.append(np.sqrt(((picture[here] - picture[there]) ** 2).sum(2)).ravel())
    weight = np.concatenate(weights)
    order = np.argsort(weight, kind="stable")
    return Edges(np.concatenate(ends, 1)[:, order], weight[order])


def regions_of(edges: Edges, size: tuple[int, int], scale: float, least_px: int) -> Labels:
    """The same of sorted edges, which regions of several scales may share. size: height and width."""
    regions = _numbered(_joined(edges, size[0] * size[1], scale))
    return _numbered(_without_small(regions, edges, least_px)).reshape(size)


def _joined(edges: Edges, pixels: int, scale: float) -> Labels:
    """A pixel that stands for the region of each, (H * W,). Section 3.2, algorithm 1."""
    trees = _Trees(list(range(pixels)), [1] * pixels)
    bound = [float(scale)] * pixels  # of a region, Int(C) + k / |C|: it joins over edges up to there
    root, bound_then = np.arange(pixels), np.full(pixels, float(scale))
    for part in np.array_split(np.arange(len(edges.weight)), PARTS):
        if not len(part):
            continue
        ones, others = root[edges.ends[:, part]]
        # A region whose bound is below an edge stays as it is: all that come after are as large.
        stays = bound_then < edges.weight[part[0]]
        left = (ones != others) & ~stays[ones] & ~stays[others]
        hung = np.array(
            _join(trees, bound, Edges(np.stack([ones, others])[:, left], edges.weight[part][left]), scale), np.int64
        )
        root = trees.roots_of(root, hung)
        bound_then[root[hung]] = [bound[kept] for kept in root[hung].tolist()]
    return root


def _join(trees: _Trees, bound: list[float], edges: Edges, scale: float) -> list[int]:
    """Join over edges, in their order, those whose bounds allow it; the roots that were hung below others."""
    parent, size = trees
    hung = []
    for one, other, weight in zip(*edges.ends.tolist(), edges.weight.tolist(), strict=True):
        while parent[one] != one:  # `root` in place, by which the whole takes half as long
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        if one != other and weight <= bound[one] and weight <= bound[other]:
            if size[one] < size[other]:
                one, other = other, one
            parent[other] = one
            size[one] += size[other]
            bound[one] = weight + scale / size[one]
            hung.append(other)
    return hung


def _without_small(regions: Labels, edges: Edges, least_px: int) -> Labels:
    """The regions (H * W,), those below a size joined over the first edge that leads away from them."""
    count = int(regions.max(initial=-1)) + 1
    trees = _Trees(list(range(count)), np.bincount(regions, minlength=count).tolist())
    pairs = np.sort(regions[edges.ends], 0)
    pairs = pairs[:, pairs[0] != pairs[1]]
    # Of two regions one edge decides, the first: after it they are one, or both large enough.
    _, first = np.unique(pairs[0] * count + pairs[1], return_index=True)
    for one, other in pairs[:, np.sort(first)].T.tolist():
        a, b = trees.root(one), trees.root(other)
        if a != b and min(trees.size[a], trees.size[b]) < least_px:
            trees.parent[a] = b
            trees.size[b] += trees.size[a]
    return np.array([trees.root(each) for each in range(count)], np.int64)[regions]


def _numbered(roots: Labels) -> Labels:
    """Regions (H * W,), each called by a pixel or lower, numbered anew from 0 as their first pixels come."""
    first = np.full(len(roots), -1)
    first[roots[::-1]] = np.arange(len(roots))[::-1]
    there = np.flatnonzero(first >= 0)
    place = np.zeros(len(roots), np.int64)
    place[there[np.argsort(first[there])]] = np.arange(len(there))
    return place[roots]


class _Trees(NamedTuple):
    """Sets that are joined, each a tree: the parent of every element, and the size of every root's set."""

    parent: list[int]
    size: list[int]

    def root(self, element: int) -> int:
        """What stands for the set of an element; the way there is halved."""
        parent = self.parent
        while parent[element] != element:
            parent[element] = element = parent[parent[element]]
        return element

    def roots_of(self, elements: Labels, hung: Labels) -> Labels:
        """The roots of elements that were roots themselves until some, `hung`, were hung below others."""
        above = np.arange(len(self.parent))
        above[hung] = [self.parent[each] for each in hung.tolist()]
        while (above[above[hung]] != above[hung]).any():
            above[hung] = above[above[hung]]
        return above[elements]
