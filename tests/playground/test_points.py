"""The points are what their names say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.playground import Settings
from striate.playground.points import points_of
from striate.playground.settings import REACH

MADE = ["circle", "xor", "gauss", "spiral"]


def test_a_disc_lies_inside_a_ring():
    points = points_of(Settings(data="circle"))
    radius = np.linalg.norm(points.places, axis=1)
    assert radius[points.classes == 1].max() < 2.5 < 3.5 < radius[points.classes == 0].min()


def test_the_arms_of_a_spiral_are_one_another_turned_by_half():
    points = points_of(Settings(data="spiral"))
    arms = [points.places[points.classes == kind] for kind in (0, 1)]
    ordered = [arm[np.argsort(np.linalg.norm(arm, axis=1))] for arm in arms]
    np.testing.assert_allclose(ordered[0], -ordered[1], atol=1e-5)


@settings(deadline=None)
@given(st.sampled_from(MADE), st.floats(0, 0.5), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_all_are_on_the_plane_in_equal_classes_and_the_same_again(data, noise, share, seed):
    chosen = Settings(data=data, noise=noise, train_share=share, seed=seed)
    points, again = points_of(chosen), points_of(chosen)
    assert np.abs(points.places).max() <= REACH and points.classes.mean() == 0.5
    assert points.train == round(share * 500)
    np.testing.assert_array_equal(points.places, again.places)
    np.testing.assert_array_equal(points.classes, again.classes)


@pytest.mark.parametrize("data", MADE)
def test_noise_moves_points_by_as_much_as_it_says(data):
    still, noisy = (points_of(Settings(data=data, noise=noise)) for noise in (0.0, 0.1))
    moved = noisy.places - still.places  # the order and what is drawn before the noise are the same
    assert 0.17 < moved.std() < 0.23
    np.testing.assert_array_equal(still.classes, noisy.classes)


def test_own_points_are_all_there_and_few_of_them_train():
    own = tuple((float(place), 0.0, float(place % 2)) for place in range(5))
    points = points_of(Settings(data="own", points=own, train_share=0.1))
    assert points.train == 1
    assert sorted(zip(points.places[:, 0].tolist(), points.classes.tolist(), strict=True)) == [
        (each[0], each[2]) for each in own
    ]
    assert points_of(Settings(data="own")).places.shape == (0, 2)
