"""A layered drawing of a graph, second half: where the nodes stand along their ranks.

Brandes and Koepf, "Fast and simple horizontal coordinate assignment", Graph Drawing 2001: chains of nodes are kept
straight, four times, towards each corner, and each node stands in the middle of what the four say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from striate.report.diagram.ranks import Ranked

BEND_PX = 7.0  # to both sides of a line, left free

Separation = Callable[[int, int], float]


class Size(NamedTuple):
    """What a node needs, in pixels, from the line that enters and leaves it: to the left, to the right, in height."""

    left: float
    right: float
    height: float


def across(graph: Ranked, sizes: Sequence[Size], gap_px: float) -> list[float]:
    """The x of the line that enters and leaves each node, and of each bend; nothing reaches over 0 to the left.

    >>> from striate.report.diagram.ranks import ranked
    >>> across(ranked(3, [(0, 1), (0, 2)]), [Size(10, 10, 5)] * 3, gap_px=4)
    [22.0, 10.0, 34.0]
    """
    every = [*sizes, *[Size(BEND_PX, BEND_PX, 0)] * (len(graph.above) - len(sizes))]
    found = []
    for down in (True, False):
        for leftmost in (True, False):
            found.append(_one_corner(graph, every, gap_px, down=down, leftmost=leftmost))
    narrowest = min(found, key=lambda xs: max(xs) - min(xs))
    for number, xs in enumerate(found):
        by = min(narrowest) - min(xs) if number % 2 == 0 else max(narrowest) - max(xs)
        xs[:] = [x + by for x in xs]
    middle = [sum(sorted(four)[1:3]) / 2 for four in zip(*found, strict=True)]
    margin = min(x - size.left for x, size in zip(middle, every, strict=True))
    return [x - margin for x in middle]


def _one_corner(graph: Ranked, sizes: Sequence[Size], gap_px: float, *, down: bool, leftmost: bool) -> list[float]:
    """The x of every node where chains are built downwards or upwards and pushed to the left or to the right."""
    ranks = [rank if leftmost else rank[::-1] for rank in graph.ranks]
    neighbours = graph.above if down else graph.below
    root = _chains(graph, ranks if down else ranks[::-1], neighbours)

    def apart(one: int, other: int) -> float:
        left, right = (one, other) if leftmost else (other, one)
        return sizes[left].right + gap_px + sizes[right].left

    xs = _pushed(ranks, root, apart)
    return xs if leftmost else [-x for x in xs]


def _chains(graph: Ranked, ranks: Sequence[Sequence[int]], neighbours: Sequence[Sequence[int]]) -> list[int]:
    """The first node of the straight chain that each node is in."""
    root = list(range(len(neighbours)))
    trunk = _trunk(graph)
    for before, rank in pairwise(ranks):
        place = {node: index for index, node in enumerate(before)}
        straight = _bends_between(graph, rank, neighbours, place)
        free_from, taken = 0, set[int]()
        for index, node in enumerate(rank):
            near = sorted((o for o in neighbours[node] if (o, node) in trunk), key=place.__getitem__)
            middle = (len(near) - 1) / 2
            for other in (near[at] for at in dict.fromkeys((int(middle), int(middle + 0.5)))) if near else ():
                at = place[other]
                is_bend = node >= graph.real and other >= graph.real
                crosses = any((at - up) * (index - low) < 0 for up, low in straight) and not is_bend
                if at >= free_from and other not in taken and not crosses:
                    root[node], free_from = root[other], at + 1
                    taken.add(other)
                    break
    return root


def _trunk(graph: Ranked) -> set[tuple[int, int]]:
    """Pairs of neighbours, both ways round, that may be straight below each other.

    Of the lines of a node, those to boxes come before those that only pass boxes by, and of these the ones at whose end
    most boxes follow each other: so the trunk of a network is straight, and its shortcuts go aside.
    """
    count = len(graph.above)
    falls, climbs = [0] * count, [0] * count
    for rank in reversed(graph.ranks):
        for node in rank:
            falls[node] = _follow(graph, node, graph.below[node], falls)
    for rank in graph.ranks:
        for node in rank:
            climbs[node] = _follow(graph, node, graph.above[node], climbs)
    pairs = set[tuple[int, int]]()
    for node in range(count):
        longest = max((falls[other] for other in graph.below[node]), default=0)
        for other in graph.below[node]:
            best = max(climbs[upper] for upper in graph.above[other])
            if falls[other] == longest and climbs[node] == best:
                pairs |= {(node, other), (other, node)}
    return pairs


def _follow(graph: Ranked, node: int, others: Sequence[int], counted: Sequence[int]) -> int:
    """How many boxes follow each other from here on, itself counted; none from a bend."""
    return 0 if node >= graph.real else 1 + max((counted[other] for other in others), default=0)


def _bends_between(
    graph: Ranked, rank: Sequence[int], neighbours: Sequence[Sequence[int]], place: dict[int, int]
) -> list[tuple[int, int]]:
    """Places of both ends of what goes on from bend to bend: these stay straight, whatever crosses them."""
    return [
        (place[other], index)
        for index, node in enumerate(rank)
        for other in neighbours[node]
        if node >= graph.real and other >= graph.real
    ]


def _pushed(ranks: Sequence[Sequence[int]], root: Sequence[int], apart: Separation) -> list[float]:
    """Each chain as far to the left as those to its left allow, then back towards those to its right."""
    before: defaultdict[int, dict[int, float]] = defaultdict(dict)
    after: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for rank in ranks:
        for one, other in pairwise(rank):
            left, right, gap = root[one], root[other], apart(one, other)
            before[right][left] = max(before[right].get(left, 0), gap)
            after[left][right] = max(after[left].get(right, 0), gap)
    order = _from_left_to_right(set(root), before)
    xs = dict[int, float]()
    for chain in order:
        xs[chain] = max((xs[other] + gap for other, gap in before[chain].items()), default=0.0)
    for chain in reversed(order):
        if after[chain]:
            xs[chain] = max(xs[chain], min(xs[other] - gap for other, gap in after[chain].items()))
    return [xs[chain] for chain in root]


def _from_left_to_right(chains: set[int], before: dict[int, dict[int, float]]) -> list[int]:
    """The chains so that each comes after all to its left."""
    order, done = list[int](), set[int]()
    for chain in sorted(chains):
        stack = [(chain, iter(before[chain]))]
        while stack:
            at, left = stack[-1]
            if at in done:
                stack.pop()
            elif (other := next((other for other in left if other not in done), None)) is not None:
                stack.append((other, iter(before[other])))
            else:
                done.add(at)
                order.append(at)
                stack.pop()
    return order
