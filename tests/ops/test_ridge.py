"""Ridge regression against least squares of a longer system, which is another way to the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.ops.ridge import ridge


@pytest.mark.parametrize("shape", [(40, 7), (7, 40)], ids=["more rows", "more columns"])
@pytest.mark.parametrize("penalty", [0.5, 1000.0])
def test_ridge_is_least_squares_with_rows_for_the_penalty(shape: tuple[int, int], penalty: float) -> None:
    random = np.random.default_rng(0)
    features, targets = random.normal(3, 2, shape), random.normal(1, 1, (shape[0], 4))
    centred = features - features.mean(0)
    longer = np.concatenate([centred, np.sqrt(penalty) * np.eye(shape[1])])
    wanted = np.linalg.lstsq(longer, np.concatenate([targets - targets.mean(0), np.zeros((shape[1], 4))]), rcond=None)[
        0
    ]
    weight, bias = ridge(torch.from_numpy(features), torch.from_numpy(targets), penalty)
    np.testing.assert_allclose(weight.T, wanted, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(bias, targets.mean(0) - features.mean(0) @ wanted, rtol=1e-8)
