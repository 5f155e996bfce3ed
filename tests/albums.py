"""Folders of drawn photographs with copies that are nearly equal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def drawn_photo(seed: int, side: int = 96) -> Image.Image:
    """A picture of smooth coloured patches, unlike others of another seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def album_with_copies(folder: Path) -> Path:
    """Two classes of six pictures each; copies of two of them, compressed and halved, one in the other class."""
    for name in ("left", "right"):
        (folder / name).mkdir()
        for number in range(6):
            drawn_photo(number + 10 * (name == "right")).save(folder / name / f"{number}.png")
    drawn_photo(2).save(folder / "left" / "copy.jpg", quality=40)
    drawn_photo(13).resize((48, 48)).save(folder / "left" / "small.png")
    return folder
