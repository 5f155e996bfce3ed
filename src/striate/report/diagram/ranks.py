"""A layered drawing of a graph, first half: which rank each node stands in, and in which order along it.

Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", IEEE Trans. SMC 11
(1981): a line that crosses ranks bends at a place of its own in each; orders follow the means of the neighbours.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 12

Edge = tuple[int, int]


@dataclass(frozen=True)
class Ranked:
    """ranks: nodes in each rank, from left to right. above, below: neighbours of each node in the next ranks.

    Nodes from `real` on are bends of long lines. routes: the nodes along each edge, its ends included.
    """

    real: int
    ranks: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    routes: dict[Edge, list[int]]


def ranked(nodes: int, edges: Sequence[Edge]) -> Ranked:
    """Ranks with few crossings. edges: from a node to one of a higher number, each once.

    >>> found = ranked(3, [(0, 1), (1, 2), (0, 2)])
    >>> found.ranks, found.routes[0, 2]
    ([[0], [3, 1], [2]], [0, 3, 2])
    """
    rank = _longest_paths(nodes, edges)
    ranks: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    above: list[list[int]] = [[] for _ in range(nodes)]
    below: list[list[int]] = [[] for _ in range(nodes)]
    routes = dict[Edge, list[int]]()
    for edge in sorted(edges, key=lambda edge: rank[edge[0]] - rank[edge[1]]):  # the longest lines stand outermost
        route = [edge[0]]
        for bend in range(rank[edge[0]] + 1, rank[edge[1]]):
            ranks[bend].append(len(above))
            route.append(len(above))
            above.append([])
            below.append([])
        routes[edge] = route = [*route, edge[1]]
        for upper, lower in pairwise(route):
            below[upper].append(lower)
            above[lower].append(upper)
    for node in range(nodes):
        ranks[rank[node]].append(node)
    _uncross(ranks, above, below)
    return Ranked(nodes, ranks, above, below, routes)


def _longest_paths(nodes: int, edges: Sequence[Edge]) -> list[int]:
    """As far down as what is read demands; what reads nothing stands just above its first reader."""
    rank, first_reader, reads = [0] * nodes, [nodes] * nodes, [False] * nodes
    for upper, lower in sorted(edges, key=lambda edge: edge[1]):
        rank[lower] = max(rank[lower], rank[upper] + 1)
        first_reader[upper] = min(first_reader[upper], lower)
        reads[lower] = True
    for node in range(nodes):
        if not reads[node] and first_reader[node] < nodes:
            rank[node] = min(rank[lower] for upper, lower in edges if upper == node) - 1
    return rank


def _uncross(ranks: list[list[int]], above: list[list[int]], below: list[list[int]]) -> None:
    """Order each rank by the means of the neighbours' places, down and up in turns; the best order found is kept."""
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks, below)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        going_down = sweep % 2 == 0
        neighbours = above if going_down else below
        order = list(range(1, len(ranks))) if going_down else list(reversed(range(len(ranks) - 1)))
        for number in order:
            place = {node: index for index, node in enumerate(ranks[number + (-1 if going_down else 1)])}
            own = {node: index for index, node in enumerate(ranks[number])}

            def mean(node: int, place: dict[int, int] = place, own: dict[int, int] = own) -> float:
                near = [place[other] for other in neighbours[node]]  # noqa: B023 - of this sweep
                return sum(near) / len(near) if near else own[node]

            ranks[number].sort(key=mean)
        if (count := _crossings(ranks, below)) < fewest:
            best, fewest = [list(rank) for rank in ranks], count
    ranks[:] = best


def _crossings(ranks: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """How many pairs of lines cross between neighbouring ranks."""
    count = 0
    for upper, lower in pairwise(ranks):
        place = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(place[other] for other in below[node])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
