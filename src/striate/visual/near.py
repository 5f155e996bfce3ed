"""Pictures of a collection that are nearly equal: all pairs whose distance is at most a threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from striate.visual.distance import Measure, between_maps

BLOCK = 512  # pictures that are held against all others at once
PAIRS_AT_ONCE = 32
SLACK = 1e-3  # of a squared distance as a product of matrices in float32
MOST_PARTNERS = 20  # of a picture, nearest first: of a thousand equal pictures, a million pairs would say no more

Tick = Callable[[int, int], None]
"""Called with (done, total) of the pairs that are looked at closely."""


class NearPair(NamedTuple):
    """Two pictures by their places, the lower first, and their distance."""

    one: int
    other: int
    distance: float


def candidates(vectors: Tensor, threshold: float) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of rows (N, D) whose squared distance is at most the threshold.

    Of each row's partners only the MOST_PARTNERS nearest are kept, for itself or for the partner.

    >>> candidates(torch.tensor([[0.0], [2.0], [0.5]]), threshold=1)
    [(0, 2)]
    """
    squares = vectors.square().sum(1)
    found: set[tuple[int, int]] = set()
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        apart = squares[start : start + BLOCK, None] + squares - 2 * block @ vectors.T
        rows = torch.arange(start, start + len(block))
        apart[rows - start, rows] = torch.inf
        nearest, partners = apart.topk(min(MOST_PARTNERS, len(vectors)), largest=False)
        places = (nearest <= threshold + SLACK).nonzero().tolist()
        found |= {_ordered(start + row, int(partners[row, rank])) for row, rank in places}
    return sorted(found)


def _ordered(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def near_pairs(
    measure: Measure,
    vectors: Tensor,
    images: Callable[[Sequence[int]], Tensor],
    threshold: float,
    tick: Tick | None = None,
) -> list[NearPair]:
    """All pairs of pictures whose distance is at most a threshold, nearest first.

    vectors: the pictures' `bounding_vectors`, (N, D): no pair is missed, since these are never further apart than the
    pictures, but beyond the MOST_PARTNERS nearest of both. images: gives pictures by their places, (n, C, H, W).
    """
    pairs = candidates(vectors, threshold)
    found = [pair for pair in _exact(measure, pairs, images, tick) if pair.distance <= threshold]
    return sorted(found, key=lambda pair: (pair.distance, pair.one, pair.other))


def _exact(
    measure: Measure, pairs: list[tuple[int, int]], images: Callable[[Sequence[int]], Tensor], tick: Tick | None
) -> Iterator[NearPair]:
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        needed = sorted({place for pair in part for place in pair})
        maps = measure.maps(images(needed))
        one, other = (torch.tensor([needed.index(pair[side]) for pair in part]) for side in (0, 1))
        terms = between_maps([each[one] for each in maps], [each[other] for each in maps])
        for pair, distance in zip(part, terms.sum(1).tolist(), strict=True):
            yield NearPair(*pair, distance)
        if tick:
            tick(start + len(part), len(pairs))


def groups_of_pairs(pairs: Iterable[NearPair], pictures: int) -> list[list[int]]:
    """Places of pictures that hang together by pairs, groups and places ascending.

    >>> groups_of_pairs([NearPair(0, 3, 0.1), NearPair(1, 2, 0.1), NearPair(3, 4, 0.2)], 6)
    [[0, 3, 4], [1, 2]]
    """
    ends = np.array([(pair.one, pair.other) for pair in pairs], np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(pictures, pictures))
    _, group_of = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = {}
    for place in np.unique(ends).tolist():
        groups.setdefault(int(group_of[place]), []).append(place)
    return list(groups.values())
