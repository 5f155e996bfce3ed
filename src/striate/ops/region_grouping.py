"""Regions that join, the two most similar neighbours first, until there is one: a tree, and a box for each node.

Uijlings et al., "Selective search for object recognition" (2013), algorithm 1. R regions make 2 R - 1 nodes.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from striate.ops.region_features import RegionFeatures

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


class Similarity(NamedTuple):
    """Which measures are summed. Section 3.2, equations 2, 4, 6 and 7."""

    colour: bool = False
    texture: bool = False
    size: bool = False
    fill: bool = False


class Grouping(NamedTuple):
    """The tree, in the order in which its nodes came to be. box: edges, (2 R - 1, 4). joined: nodes, (R - 1, 2)."""

    box: Floats
    joined: Labels


def neighbours(regions: Labels) -> Labels:
    """Pairs of regions that share an edge of a pixel, the lower number first, (2, P), each pair once.

    >>> neighbours(np.array([[0, 0, 1], [2, 2, 1]])).tolist()
    [[0, 0, 1], [1, 2, 2]]
    """
    across = np.stack([regions[:, :-1].ravel(), regions[:, 1:].ravel()])
    along = np.stack([regions[:-1].ravel(), regions[1:].ravel()])
    pairs = np.concatenate([across, along], 1)
    pairs = np.sort(pairs[:, pairs[0] != pairs[1]], 0)
    count = int(regions.max(initial=0)) + 1
    return np.stack(np.divmod(np.unique(pairs[0] * count + pairs[1]), count))


def grouped(features: RegionFeatures, pairs: Labels, measures: Similarity) -> Grouping:
    """Join regions until one is left. pairs: of neighbours, (2, P), as `neighbours` has them; all hang together."""
    tree = _Tree.of(features, pairs, measures)
    queue = [(-like, int(a), int(b)) for like, a, b in zip(tree.similar(*pairs).tolist(), *pairs.tolist(), strict=True)]
    heapq.heapify(queue)
    joined: list[tuple[int, int]] = []
    while queue:
        _, one, other = heapq.heappop(queue)
        if one in tree.beside and other in tree.beside:  # neither has joined another meanwhile
            new = len(features.px) + len(joined)
            joined.append((one, other))
            around = tree.join(one, other, new)
            for like, each in zip(
                tree.similar(around, np.full(len(around), new)).tolist(), around.tolist(), strict=True
            ):
                heapq.heappush(queue, (-like, each, new))
    return Grouping(tree.box[: len(features.px) + len(joined)], np.array(joined, np.int64).reshape(-1, 2))


class _Tree(NamedTuple):
    """What is known of all nodes so far. beside: of those that are not joined yet, their neighbours.

    shares: of the histograms that count, side by side. size, fill: 1 or 0.
    """

    shares: Floats
    box: Floats
    px: Floats
    beside: dict[int, set[int]]
    picture_px: float
    size: bool
    fill: bool

    @classmethod
    def of(cls, features: RegionFeatures, pairs: Labels, measures: Similarity) -> _Tree:
        counted = [features.colour] * measures.colour + [features.texture] * measures.texture
        count = len(features.px)
        shares = np.concatenate(counted, 1) if counted else np.zeros((count, 0), np.float32)
        shares, box, px = (_with_room(rows, count - 1) for rows in (shares, features.box, features.px))
        beside: dict[int, set[int]] = {number: set() for number in range(count)}
        for one, other in pairs.T.tolist():
            beside[one].add(other)
            beside[other].add(one)
        return cls(shares, box, px, beside, float(features.px.sum()), measures.size, measures.fill)

    def similar(self, some: Labels, others: Labels) -> Floats:
        """How alike nodes are to their partners, (P,)."""
        like: Floats = np.minimum(self.shares[some], self.shares[others]).sum(1)
        px = self.px[some] + self.px[others]
        if self.size:
            like += 1 - px / self.picture_px
        if self.fill:
            corner = np.minimum(self.box[some, :2], self.box[others, :2])
            sides = np.maximum(self.box[some, 2:], self.box[others, 2:]) - corner
            like += 1 - (sides.prod(1) - px) / self.picture_px
        return like

    def join(self, one: int, other: int, new: int) -> Labels:
        """Make a node of two, whose neighbours are theirs, which are answered."""
        self.px[new] = self.px[one] + self.px[other]
        self.shares[new] = (self.px[one] * self.shares[one] + self.px[other] * self.shares[other]) / self.px[new]
        self.box[new, :2] = np.minimum(self.box[one, :2], self.box[other, :2])
        self.box[new, 2:] = np.maximum(self.box[one, 2:], self.box[other, 2:])
        around = (self.beside.pop(one) | self.beside.pop(other)) - {one, other}
        for each in around:
            self.beside[each] -= {one, other}
            self.beside[each].add(new)
        self.beside[new] = around
        return np.array(sorted(around), np.int64)


def _with_room(rows: Floats, more: int) -> Floats:
    """Rows, and zeros for so many that are to come."""
    return np.concatenate([rows, np.zeros((more, *rows.shape[1:]), np.float32)])
