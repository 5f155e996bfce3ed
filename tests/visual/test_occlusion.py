"""Covering parts of a picture finds the part that decides."""

import numpy as np
import pytest

from striate.visual.occlusion import ASKED, occlusion_map


@pytest.mark.parametrize("size", [(64, 64), (40, 90), (3, 5), (1, 1)])
def test_the_place_that_decides_is_the_hottest(size):
    height, width = size
    picture = np.zeros((height + 2, width, 3), np.uint8)
    y, x = height // 3, 2 * width // 3
    picture[y + 1, x] = 255
    asked = []

    def probabilities(pictures):
        asked.append(len(pictures))
        return pictures[:, y + 1, x, 0] / 255

    heat = occlusion_map(picture, (slice(1, height + 1), slice(0, width)), (0, 0, 0), probabilities)
    assert heat.shape == size and heat.dtype == np.float32
    assert heat.min() >= 0 and heat.max() == 1
    assert heat[y, x] > 0.7
    assert len(asked) == 1 and asked[0] <= ASKED


def test_a_picture_that_loses_nothing_has_no_heat():
    heat = occlusion_map(
        np.zeros((16, 16, 1), np.uint8), (slice(0, 16), slice(0, 16)), (9,), lambda them: them.mean((1, 2, 3))
    )
    assert heat.max() == 0  # a gain is none
