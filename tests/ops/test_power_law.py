"""The fitted power law: exact on exact numbers, bounded, and the same as a search over a fine grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops.power_law import EXPONENTS, PowerLaw, fit_power_law

PICTURES = np.array([20.0, 50, 100, 200])


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.05, 0.9, 0.5), (0.0, 1.2, 0.3), (0.2, 2.0, 1.0)])
def test_exact_numbers_give_the_law_back(floor, scale, exponent):
    law = fit_power_law(PICTURES, floor + scale * PICTURES**-exponent)
    assert (law.floor, law.scale, law.exponent) == pytest.approx((floor, scale, exponent), abs=1e-9)
    assert law.error(400) == pytest.approx(floor + scale / 400**exponent)


def test_an_error_that_grows_is_fitted_by_a_constant():
    law = fit_power_law(PICTURES, np.array([0.1, 0.2, 0.3, 0.4]), np.ones(4))
    assert (law.floor, law.scale) == (pytest.approx(0.25), 0)


def test_the_floor_is_never_below_zero():
    law = fit_power_law(PICTURES, 3 / PICTURES**1.4)
    assert law.floor == 0
    assert law.scale > 0
    assert law.error(1e9) < 1e-6


def test_an_error_is_never_above_one():
    assert PowerLaw(0.5, 10, 0.1).error(1) == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_no_floor_and_scale_of_a_grid_come_nearer(errors):
    errors = np.array(errors)
    shares = PICTURES / PICTURES.sum()
    law = fit_power_law(PICTURES, errors)
    found = ((errors - law.floor - law.scale * PICTURES**-law.exponent) ** 2) @ shares
    assert min(law.floor, law.scale) >= 0
    floors, scales = np.linspace(0, 1, 21)[:, None, None], np.linspace(0, 10, 51)[None, :, None]
    for exponent in EXPONENTS[::9]:
        costs = ((errors - floors - scales * PICTURES**-exponent) ** 2) @ shares
        assert found <= costs.min() + 1e-12
