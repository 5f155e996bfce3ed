"""Make segmentation.png: a short training on drawn shapes, and what it answers to pictures that it has not seen.

python docs/make_segmentation_picture.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import striate
from striate.answers.overlay import draw, mask_file
from striate.data.shapes import COLOURS, scene

SIDE_PX, TRAINED_ON, SHOWN = 128, 60, (64, 68)
SPACE_PX = 6


def write_pair(folder: Path, number: int) -> None:
    """A picture and its mask: 0 is the ground, then the shapes in the order of `COLOURS`."""
    one, mask = scene(number, SIDE_PX), np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for label, where in zip(one.labels, one.masks, strict=True):
        mask[where] = 1 + [*COLOURS].index(label)
    for kind, picture in (("images", Image.fromarray(one.pixels)), ("masks", mask_file(mask))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        picture.save(folder / kind / f"{number:02}.png")


def main() -> None:
    """Train, and lay two pictures and their answers side by side."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "shapes"
        for number in range(TRAINED_ON):
            write_pair(data, number)
        (data / "classes.txt").write_text("\n".join(["ground", *COLOURS]))
        run = striate.train(data, run=Path(place) / "run", epochs=15, precision="fp32", autotune=False, size_px=SIDE_PX)
        pictures = [scene(number, SIDE_PX).pixels for number in SHOWN]
        columns = [
            [pixels, draw(answer, pixels)] for pixels, answer in zip(pictures, run.predict(pictures), strict=True)
        ]
    height = max(drawn.shape[0] for _, drawn in columns)
    canvas = Image.new("RGB", (len(columns) * (2 * SIDE_PX + 2 * SPACE_PX), height), "white")
    for place_in_row, pixels in enumerate(part for column in columns for part in column):
        canvas.paste(Image.fromarray(pixels), (place_in_row * (SIDE_PX + SPACE_PX), 0))
    canvas.quantize(128).save(Path(__file__).with_name("segmentation.png"), optimize=True)


if __name__ == "__main__":
    main()
