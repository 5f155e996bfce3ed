"""Pictures of coloured shapes that lie over one another, with their boxes and masks: data that comes with the package.

What a detector has to learn is all there, small: several objects of several sizes, some hidden in part, some cut by
the edge, none on some pictures. A network that does not find these finds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from striate.core.bounds import require_within
from striate.core.errors import StriateError
from striate.core.files import new_file, write_json
from striate.ops.masks import Runs

COLOURS = {"disc": (200, 70, 60), "square": (70, 170, 80), "triangle": (70, 100, 200)}
"""Mean colour by class: red, green, blue."""
MOST_OBJECTS = 4  # of a picture; 0 to that many, each as often
SIDES = (0.12, 0.5)  # shares of the picture's side, drawn by their logarithm
LEAST_SEEN = 0.4  # of an object; what would hide more is drawn anew, at most TRIES times
TRIES = 20
GREY, SPREAD, GRAIN = 130, 25, 8  # of the ground, of a colour from object to object, and of the noise on all
MOST_PICTURES, SIDES_PX = 10**6, (16, 4096)

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """A picture, uint8 (H, W, 3), and its M objects: names of classes, edges of the part that is seen in pixels,
    float32 (M, 4), and which pixels that is, bool (M, H, W).
    """

    pixels: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    boxes: npt.NDArray[np.float32]
    masks: Masks


def scene(number: int, size_px: int = 128, seed: int = 0, sides: tuple[float, float] = SIDES) -> Scene:
    """One picture of `size_px` squared, the same on every machine for the same number and seed.

    sides: the smallest and the largest shape, as shares of the picture's side.

    >>> one = scene(4, size_px=32)
    >>> one.pixels.shape, one.labels, one.boxes.shape, one.masks.shape
    ((32, 32, 3), ('triangle', 'square'), (2, 4), (2, 32, 32))
    """
    require_within("size_px", size_px, SIDES_PX)
    if not 0 < sides[0] <= sides[1] <= 1:
        raise StriateError(f"sides are the smallest and the largest share of the picture's side, 0 to 1, got {sides}")
    random = np.random.default_rng((seed, number))
    labels: list[str] = []
    whole, masks = np.zeros((0, size_px, size_px), np.bool_), np.zeros((0, size_px, size_px), np.bool_)
    for _ in range(int(random.integers(0, MOST_OBJECTS + 1))):
        for _ in range(TRIES):
            label = str(random.choice(list(COLOURS)))
            shape = _shape(label, size_px, random, sides)
            seen = np.concatenate([masks & ~shape, shape[None]])
            outlines = np.concatenate([whole, shape[None]])
            if shape.any() and (seen.sum((1, 2)) >= LEAST_SEEN * outlines.sum((1, 2))).all():
                labels, whole, masks = [*labels, label], outlines, seen
                break
    boxes = np.array([_box(mask) for mask in masks], np.float32).reshape(-1, 4)
    return Scene(_painted(labels, masks, random), tuple(labels), boxes, masks)


def write_shapes(
    folder: str | Path,
    train: int = 200,
    val: int = 50,
    size_px: int = 128,
    seed: int = 0,
    sides: tuple[float, float] = SIDES,
) -> Path:
    """Write pictures and, as COCO has them, their boxes and masks: data that `striate.train` takes.

    train, val: how many pictures. sides: as of `scene`. Gives the folder: train/, val/,
    annotations/instances_train.json and instances_val.json. Raises StriateError where there is something already.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     print(sorted(path.name for path in write_shapes(f"{place}/shapes", train=2, val=1, size_px=32).iterdir()))
    ['annotations', 'train', 'val']
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StriateError(f"{folder} is there already; name a folder that is to be made")
    for name, count in (("train", train), ("val", val)):
        require_within(name, count, (1, MOST_PICTURES))
    numbers = {"train": range(train), "val": range(train, train + val)}
    for split, own in numbers.items():
        record: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
        for number in own:
            one, name = scene(number, size_px, seed, sides), f"{number:06}.png"
            with new_file(folder / split / name) as file:
                Image.fromarray(one.pixels).save(file, "PNG")
            record["images"].append({"id": number, "file_name": name, "height": size_px, "width": size_px})
            record["annotations"] += _annotations(one, number)
        categories = [{"id": place, "name": name} for place, name in enumerate(COLOURS, start=1)]
        write_json(folder / "annotations" / f"instances_{split}.json", {**record, "categories": categories})
    return folder


def _annotations(one: Scene, number: int) -> list[dict[str, Any]]:
    """The objects of a picture as COCO's JSON has them."""
    return [
        {
            "id": (MOST_OBJECTS + 1) * number + place,
            "image_id": number,
            "category_id": 1 + list(COLOURS).index(label),
            "bbox": [left, top, right - left, bottom - top],
            "area": int(mask.sum()),
            "iscrowd": 0,
            "segmentation": {"size": list(mask.shape), "counts": Runs.of_mask(mask).text()},
        }
        for place, (label, mask, (left, top, right, bottom)) in enumerate(
            zip(one.labels, one.masks, one.boxes.tolist(), strict=True)
        )
    ]


def _shape(label: str, size_px: int, random: np.random.Generator, sides: tuple[float, float]) -> Masks:
    """The pixels of one shape, some of which may lie beyond the picture, bool (size_px, size_px)."""
    low, high = np.log(sides)
    width, height = np.exp(random.uniform(low, high)) * size_px * np.exp(random.uniform(-0.3, 0.3) * np.array([1, -1]))
    left, top = random.uniform(-0.2 * np.array([width, height]), size_px - 0.8 * np.array([width, height]))
    picture = Image.new("1", (size_px, size_px))
    draw, right, bottom = ImageDraw.Draw(picture), left + width, top + height
    if label == "disc":
        draw.ellipse((left, top, right, bottom), fill=1)
    elif label == "square":
        draw.rectangle((left, top, right, bottom), fill=1)
    else:
        tip = left + width * random.uniform(0.3, 0.7)
        draw.polygon([(tip, top), (right, bottom), (left, bottom)], fill=1)
    return np.array(picture)


def _box(mask: Masks) -> list[int]:
    """The edges about the pixels of a mask."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _painted(labels: list[str], masks: Masks, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The shapes in their colours on grey that goes from lighter to darker, with grain on all."""
    side = masks.shape[-1]
    slope = random.uniform(-SPREAD, SPREAD, 2)
    ramp = np.linspace(-1, 1, side)
    pixels = np.repeat((GREY + slope[0] * ramp[:, None] + slope[1] * ramp)[:, :, None], 3, 2)
    for label, mask in zip(labels, masks, strict=True):
        pixels[mask] = np.array(COLOURS[label]) + random.uniform(-SPREAD, SPREAD, 3)
    grain = random.normal(0, GRAIN, pixels.shape)
    painted: npt.NDArray[np.uint8] = (pixels + grain).round().clip(0, 255).astype(np.uint8)
    return painted
