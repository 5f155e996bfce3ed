"""Shapes that were found: their pixels against torch's way, their outlines against both, and drawings."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from striate.answers.classes import NO_NUMBERS
from striate.answers.contours import contours
from striate.answers.detections import Detections
from striate.answers.instances import Instance, draw, read, shape_in
from striate.answers.palette import colour_of
from striate.core.errors import StriateError
from striate.ops.masks import Runs
from striate.ops.pasting import pasted

SIZE = (60, 80)
CHANCES = arrays(np.float32, (6, 6), elements=st.floats(0, 1, width=16))
EDGES = st.tuples(*[st.floats(0, side, width=32) for side in (80, 60, 80, 60)])


def disc(side: int = 28) -> np.ndarray:
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    return np.clip(0.5 + 8 * (0.4 - np.hypot(x, y)), 0, 1).astype(np.float32)


def found(cells: np.ndarray, box: tuple[float, ...] = (0.25, 0.2, 0.75, 0.9), score: float = 0.9) -> Instance:
    return Instance("cat", score, box, 1, cells)


@given(CHANCES, EDGES)
@settings(max_examples=60, deadline=None)
def test_pixels_are_those_of_the_masks_that_are_pasted(cells, edges):
    (x0, x1), (y0, y1) = sorted(edges[::2]), sorted(edges[1::2])
    part, (top, left) = shape_in(cells, (x0, y0, x1, y1), SIZE)
    runs = Runs.of_window(part, (top, left), SIZE)
    box = torch.tensor([[x0, y0, x1, y1]], dtype=torch.float64)
    (chance,) = pasted(torch.from_numpy(cells[None]).double(), box, SIZE).numpy()
    unsure = np.abs(chance - 0.5) < 1e-9
    if x1 > x0 and y1 > y0:
        assert ((runs.mask() == (chance >= 0.5)) | unsure).all()
    np.testing.assert_array_equal(runs.counts, Runs.of_mask(runs.mask()).counts)


@given(arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 4))), st.data())
def test_run_lengths_of_a_window_are_those_of_the_picture(window, data):
    top, left = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 2))
    size = window.shape[0] + top + data.draw(st.integers(0, 1)), window.shape[1] + left
    whole = np.zeros(size, bool)
    whole[top : top + window.shape[0], left:] = window
    np.testing.assert_array_equal(Runs.of_window(window, (top, left), size).counts, Runs.of_mask(whole).counts)


def inside(lines: list[list[tuple[float, float]]], x: float, y: float) -> bool:
    """Whether an odd number of edges lies to the right of a point."""
    crossed = 0
    for line in lines:
        for (ax, ay), (bx, by) in zip(line, line[1:] + line[:1], strict=True):
            crossed += (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay)
    return crossed % 2 == 1


@given(CHANCES)
@settings(max_examples=40, deadline=None)
def test_outlines_go_around_the_cells_that_are_inside(cells):
    lines = contours(cells)
    for row, column in np.ndindex(cells.shape):
        if abs(cells[row, column] - 0.5) > 1e-3:
            assert inside(lines, column + 0.5, row + 0.5) == (cells[row, column] > 0.5)


def test_a_ring_has_two_outlines_and_nothing_none():
    ring = np.ones((5, 5))
    ring[2, 2] = 0
    outer, inner = sorted(contours(ring), key=len, reverse=True)
    assert len(inner) == 4
    assert set(inner) == {(2.5, 2.0), (2.0, 2.5), (2.5, 3.0), (3.0, 2.5)}
    assert min(x for x, _ in outer) == 0 and max(y for _, y in outer) == 5
    assert contours(np.zeros((4, 4))) == []


def test_the_outline_has_the_area_of_the_pixels():
    each = found(disc())
    (line,) = each.outline
    x, y = np.array(line[::2]) * 400, np.array(line[1::2]) * 300
    area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
    assert area == pytest.approx(each.mask_at(300, 400).sum(), rel=0.02)
    assert json.loads(json.dumps(each.to_dict())) == each.to_dict()


def rows(*objects: tuple[float, ...]) -> np.ndarray:
    """Objects by their six numbers, each with a disc."""
    return np.stack([np.concatenate([each, disc().ravel()]) for each in objects])[None].astype(np.float32)


def test_objects_are_read_with_their_cells():
    output = rows((0.25, 0.2, 0.75, 0.9, 0.9, 1), (0, 0, 0, 0, 0, 0))
    (answer,) = read(output, ("ant", "bee"), ["a.png"], 1)
    assert isinstance(answer, Detections)
    (each,) = answer.objects
    np.testing.assert_array_equal(each.cells, disc())
    assert answer.told(5) == "1 bee"
    assert answer.above(0.95).objects == ()
    broken = output.copy()
    broken[0, 0, 50] = np.nan
    assert read(broken, ("ant", "bee"), ["a.png"], 1)[0].problem == NO_NUMBERS
    for wrong in (output[..., :6], output[..., :60], output[0]):
        with pytest.raises(StriateError, match="a class number and a square of cells for each, got the shape"):
            read(wrong, ("ant", "bee"), ["a.png"], 1)


def test_a_drawing_has_the_shape_in_the_colour_of_its_class():
    answer = Detections("a.png", (found(disc()), found(disc(), (0.0, 0.0, 0.1, 0.1), 0.1)))
    drawn = draw(answer, np.full((300, 400, 1), 100, np.uint8))
    assert drawn.shape == (300, 400, 3)
    half = np.array(colour_of(1)) * 0.45 + 55
    np.testing.assert_allclose(drawn[165, 200], half, atol=1)
    assert (drawn[299, 399] == 100).all()
    assert (drawn[:30, :30] == 100).all()  # of a low score nothing is shown
    mask = answer.objects[0].mask_at(300, 400)
    edge = mask & ~(np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1))
    whole = (drawn[edge] == colour_of(1)).all(1)
    assert whole.mean() > 0.95  # some are under the name
