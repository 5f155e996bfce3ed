"""Walks are those of the books, and what they ask for is counted."""

import math
from itertools import pairwise

import pytest
import torch

from striate import StriateError
from striate.playground.descent.methods import METHODS
from striate.playground.descent.race import race, walked
from striate.playground.descent.surfaces import SURFACES, Counted

RAVINE = SURFACES["ravine"]
SQUARES = (1 / 20, 2.0)  # of the ravine, by x and y: its slope at (x, y) is (x / 10, 4 y)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_minima_are_minima_and_saddles_are_none(surface):
    asked = Counted(surface)
    for minimum in surface.minima:
        place = torch.tensor(minimum, dtype=torch.float64)
        assert asked.height(place) == pytest.approx(surface.least, abs=1e-12)
        assert asked.gradient(place).abs().max() < 1e-12
        assert torch.linalg.eigvalsh(asked.hessian(place)).min() > 0
    assert asked.asked == (len(surface.minima),) * 3


@pytest.mark.parametrize(
    ("name", "first_from_step_10"),
    [
        ("SGD", lambda at, slope, before: at - 0.1 * slope),
        ("momentum", lambda at, slope, before: at - 0.1 * slope + 0.9 * (at - before)),
    ],
)
def test_steps_are_the_rules_written_out(name, first_from_step_10):
    path = walked(METHODS[name], RAVINE, 0.1, 12)
    for axis, square in enumerate(SQUARES):
        before, at, after = (path.places[step][axis] for step in (9, 10, 11))
        assert after == pytest.approx(first_from_step_10(at, 2 * square * at, before), abs=1e-12)


def test_adam_begins_with_steps_of_its_rate():
    path = walked(METHODS["Adam"], RAVINE, 0.1, 1)
    assert path.places[1] == pytest.approx((-8 + 0.1, 2 - 0.1), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "asked"), [("SGD", (0, 5, 0)), ("Adadelta", (0, 5, 0)), ("black-box search", (6, 0, 0))]
)
def test_every_order_asks_for_its_own(name, asked):
    path = walked(METHODS[name], RAVINE, 0.1, 5)
    assert path.asked[-1] == asked and path.asked[0] == (0, 0, 0)
    assert path.method.order == {(0, 5, 0): 1, (6, 0, 0): 0}[asked]


def test_newton_is_at_once_where_a_square_is_least_and_at_a_saddle_too():
    path = walked(METHODS["Newton"], RAVINE, 1.0, 9)
    assert path.reached == 1 and path.places[1] == pytest.approx((0, 0), abs=1e-12)
    saddle = walked(METHODS["Newton"], SURFACES["saddle"], 1.0, 9)
    assert saddle.reached is None and saddle.places[-1] == pytest.approx((0, 0), abs=1e-4)


def test_black_box_search_never_goes_up():
    heights = walked(METHODS["black-box search"], SURFACES["rosenbrock"], 0.5, 60).heights
    assert all(later <= earlier for earlier, later in pairwise(heights)) and heights[-1] < heights[0] / 4


def test_a_walk_that_leaves_ends():
    path = walked(METHODS["SGD"], RAVINE, 10.0, 200)
    assert len(path.places) < 10 and path.reached is None
    assert all(math.isfinite(height) for height in path.heights)


def test_the_best_rate_is_taken():
    paths = {path.method.name: path for path in race("ravine", 60)}
    assert len(paths) == len(METHODS) == 9
    # Of x/10 and 4y the fastest common rate is 2 / (0.1 + 4) = 0.49; 0.316 is the nearest below, and 1 leaves.
    assert paths["SGD"].rate == pytest.approx(10**-0.5)
    told = paths["SGD"].to_dict()
    assert told["evaluations"] == {"heights": 0, "gradients": told["steps"], "hessians": 0}
    assert paths["SGD"].reached > paths["momentum"].reached > paths["Newton"].reached == 1


def test_unknown_surfaces_and_too_many_steps_are_told():
    with pytest.raises(StriateError, match="unknown surface 'beal'; did you mean 'beale'"):
        race("beal")
    with pytest.raises(StriateError, match="steps must be between 1 and 10,000, got 0"):
        race("beale", 0)
