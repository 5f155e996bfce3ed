"""`check` says where masks lie beside what their pictures show, and nothing where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate


def scenes(root: Path, right_px: int, times: int = 1) -> Path:
    """Twelve pictures of a warm rectangle on cold ground, whose masks lie so far to the right of it."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(12):
        mask = np.zeros((80, 100), np.uint8)
        top, left, height, width = random.integers((8, 12, 20, 20), (24, 30, 40, 50))
        mask[top : top + height, left : left + width] = 1
        pixels = random.normal(np.array([(60, 100, 160), (160, 100, 60)])[mask], 20).clip(0, 255).astype(np.uint8)
        large = np.ones((times, times), np.uint8)
        Image.fromarray(np.kron(pixels, large[..., None])).save(root / "images" / f"{number:02}.png")
        moved = np.roll(mask, right_px, axis=1)
        Image.fromarray(np.kron(moved, large)).save(root / "masks" / f"{number:02}.png")
    return root


@pytest.mark.parametrize(("right_px", "times"), [(4, 1), (1, 8)])
def test_shifted_masks_are_told_in_pixels_of_the_pictures(tmp_path, right_px, times):
    (said,) = striate.check(scenes(tmp_path, right_px, times)).warnings
    assert said.startswith(f"masks lie {right_px * times} px to the right of what their pictures show, in ")


def test_masks_that_fit_are_not(tmp_path):
    assert striate.check(scenes(tmp_path, 0)).warnings == []


def test_masks_that_cannot_be_compared_are_passed_over(tmp_path):
    data = scenes(tmp_path, 4)
    Image.new("L", (50, 40)).save(data / "masks" / "00.png")
    for number in range(1, 6):
        (data / "images" / f"{number:02}.png").write_bytes(b"")
    assert not any("masks lie" in each for each in striate.check(data).warnings)
