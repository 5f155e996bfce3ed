"""Graphs laid out: ranks, crossings and places, by hand and as properties of random graphs."""

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from striate.report.diagram.arranged import Part, arranged
from striate.report.diagram.places import Size, across
from striate.report.diagram.ranks import ranked


def test_a_residual_by_hand():
    """0 -> 1 -> 2 -> 3 with a shortcut from 0 to 3: the trunk is straight, the shortcut goes aside."""
    found = arranged([Part(Size(10, 50, 20), 0, 20)] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert len(set(found.xs)) == 1
    assert found.ys == (0, 40, 80, 120)
    assert found.height == 140
    shortcut = [x for x, _ in found.lines[0, 3]]
    assert shortcut[0] == shortcut[-1] == found.xs[0]
    assert all(x < found.xs[0] - 10 for x in shortcut[2:-2])


def test_lines_are_uncrossed():
    """Two chains whose starts stand in the other order than their ends."""
    graph = ranked(6, [(0, 5), (1, 4), (0, 3), (1, 2)])
    first, last = graph.ranks[0], graph.ranks[1]
    place = {node: index for index, node in enumerate(last)}
    ends = [{0: (3, 5), 1: (2, 4)}[node] for node in first]
    assert max(place[node] for node in ends[0]) < min(place[node] for node in ends[1])


def test_what_reads_nothing_stands_just_above_its_reader():
    graph = ranked(5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert [sorted(rank) for rank in graph.ranks] == [[0], [1], [2, 3], [4]]


def test_branches_stand_around_what_they_come_from():
    xs = across(ranked(5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)]), [Size(5, 5, 5)] * 5, gap_px=10)
    assert xs[1:4] == [5, 25, 45]
    assert xs[0] == xs[4] == xs[2]


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    edges = [
        pair for pair in combinations(range(count), 2) if draw(st.integers(0, 3)) == 0
    ]  # from each to later ones, as networks run
    sizes = [Size(*draw(st.tuples(*[st.integers(1, 60)] * 3))) for _ in range(count)]
    return sizes, edges


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_two_parts_overlap_and_lines_go_down_from_part_to_part(graph):
    sizes, edges = graph
    found = arranged([Part(size, 0, size.height) for size in sizes], edges)
    boxes = [(x - s.left, y, x + s.right, y + s.height) for x, y, s in zip(found.xs, found.ys, sizes, strict=True)]
    for one, other in combinations(boxes, 2):
        assert apart(one, other)
    for left, top, right, bottom in boxes:
        assert left >= -1e-6 and top >= 0 and right <= found.width + 1e-6 and bottom <= found.height
    assert set(found.lines) == set(edges)
    for (source, target), points in found.lines.items():
        assert points[0] == (found.xs[source], found.ys[source] + sizes[source].height)
        assert points[-1] == (found.xs[target], found.ys[target])
        assert all(upper[1] <= lower[1] + 1e-6 for upper, lower in pairwise(points))


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_lines_that_pass_a_rank_pass_between_its_parts(graph):
    sizes, edges = graph
    found = arranged([Part(size, 0, size.height) for size in sizes], edges)
    for ends, points in found.lines.items():
        upright = [(one, other) for one, other in pairwise(points) if one[0] == other[0]]
        for (x, top), (_, bottom) in upright:
            for node, (px, py, size) in enumerate(zip(found.xs, found.ys, sizes, strict=True)):
                beside = x < px - size.left or x > px + size.right
                assert node in ends or beside or bottom <= py + 1e-6 or top >= py + size.height - 1e-6


def apart(one, other):
    return one[2] <= other[0] + 1e-6 or other[2] <= one[0] + 1e-6 or one[3] <= other[1] or other[3] <= one[1]


def test_a_part_alone():
    found = arranged([Part(Size(2, 3, 4), 0, 4)], [])
    assert (found.xs, found.ys, found.width, found.height) == ((2,), (0,), 5, 4)
