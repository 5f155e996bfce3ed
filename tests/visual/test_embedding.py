"""The map keeps what is alike together; components and neighbours agree with other ways to compute them."""

from __future__ import annotations

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.sources import open_data
from striate.visual.embedding import embedding_map, principal_components
from striate.visual.neighbours import nearest_neighbours, unit


@pytest.fixture(scope="module")
def digits():
    """60 scans of 0, 1 and 6 as rows of 64 pixels, and their classes."""
    opened = open_data("digits")
    some = np.flatnonzero(np.isin(opened.labels, (0, 1, 6)))[:60]
    return opened.pictures.pixels[some].reshape(60, 64) / 255, opened.labels[some]


def test_digits_lie_beside_their_like(digits):
    pixels, labels = digits
    places = embedding_map(pixels, seed=1)
    assert places.shape == (60, 2)
    assert (places.min(), places.max()) == (0, 1)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).mean() > 0.9
    assert np.array_equal(embedding_map(pixels, seed=1), places)


def test_equal_pictures_and_constant_features_do_no_harm():
    features = np.repeat(np.eye(2), 4, axis=0)
    features = np.hstack([features, np.ones((8, 3))])
    assert np.isfinite(embedding_map(features)).all()
    assert np.isfinite(embedding_map(np.zeros((5, 3)))).all()


def test_components_are_those_of_scikit_learn(digits):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    pixels, _ = digits
    expected = PCA(10, svd_solver="full").fit_transform(StandardScaler().fit_transform(pixels))
    assert np.allclose(np.abs(principal_components(pixels, 10)), np.abs(expected), atol=1e-8)


def test_too_few_pictures_are_refused():
    with pytest.raises(StriateError, match="a map needs at least 4 pictures, got 3"):
        embedding_map(np.eye(3))


def test_neighbours_are_those_of_scikit_learn(digits):
    from sklearn.neighbors import NearestNeighbors

    pixels, _ = digits
    rows, cosines = nearest_neighbours(pixels[:5], pixels[5:], 4)
    distances, expected = NearestNeighbors(n_neighbors=4, metric="cosine").fit(pixels[5:]).kneighbors(pixels[:5])
    assert rows.tolist() == expected.tolist()
    assert np.allclose(cosines, 1 - distances)
    assert np.allclose(np.linalg.norm(unit(pixels), axis=1), 1)


def test_more_neighbours_than_pictures_are_refused():
    with pytest.raises(StriateError, match="count must be between 1 and 3, the pictures there are, got 4"):
        nearest_neighbours(np.eye(3), np.eye(3), 4)
