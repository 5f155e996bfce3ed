"""How a deep-feature distance orders distortions, and which distances are those of copies.

    python benchmarks/distance.py FOLDER ... [--pictures 100] [--model embedded]

Each folder's pictures, at most --pictures of them, spread evenly. Of each picture five distortions, each in five
strengths; of neighbouring strengths the stronger one should be further away. Then copies that people make of pictures,
and the nearest of all different pairs in the folder.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from striate.deploy.any_network import any_network
from striate.deploy.given import picture_files
from striate.deploy.preprocessing import Preprocessing
from striate.frozen.distance import measure_of
from striate.visual.distance import Measure, between_maps

SIDE_PX = 128
STRENGTHS = 5
Picture = Image.Image


def jpeg(picture: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def noise(picture: Picture, deviation: float) -> Picture:
    """The same noise in every strength."""
    drawn = np.random.default_rng(0).normal(0, deviation, (picture.height, picture.width, 3))
    return Image.fromarray((np.asarray(picture) + drawn).clip(0, 255).astype(np.uint8))


def moved(picture: Picture, down: np.ndarray, right: np.ndarray) -> Picture:
    """Each pixel from so many pixels up and left, to the nearest, the picture mirrored at its edges."""
    rows, columns = np.mgrid[: picture.height, : picture.width].astype(float)
    places = []
    for came, by, side in ((rows, down, picture.height), (columns, right, picture.width)):
        place = np.abs(np.rint(came - by)) % (2 * side - 2)
        places.append(np.minimum(place, 2 * side - 2 - place).astype(int))
    return Image.fromarray(np.asarray(picture)[places[0], places[1]])


def shift(picture: Picture, px: float) -> Picture:
    everywhere = np.full((picture.height, picture.width), float(px))
    return moved(picture, everywhere, everywhere)


def warp(picture: Picture, px: float) -> Picture:
    """A smooth field of displacements, at most so many pixels, the same in every strength."""
    coarse = np.random.default_rng(1).uniform(-1, 1, (2, 4, 4)).astype(np.float32)
    size = (picture.width, picture.height)
    down, right = (px * np.asarray(Image.fromarray(each).resize(size, Image.Resampling.BICUBIC)) for each in coarse)
    return moved(picture, down, right)


def cropped(picture: Picture, share: float) -> Picture:
    across, along = round(picture.width * share), round(picture.height * share)
    return picture.crop((across, along, picture.width - across, picture.height - along))


ORDERED: dict[str, tuple[Callable[[Picture, float], Picture], tuple[float, ...]]] = {
    "blur, deviation in px": (lambda picture, px: picture.filter(ImageFilter.GaussianBlur(px)), (0.5, 1, 2, 4, 8)),
    "noise, deviation of 255": (noise, (4, 8, 16, 32, 64)),
    "JPEG, quality": (lambda picture, quality: jpeg(picture, int(quality)), (80, 40, 20, 10, 5)),
    "shift, px": (shift, (1, 2, 4, 8, 16)),
    "warp, px": (warp, (1, 2, 4, 8, 16)),
}
COPIES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG of quality 30": lambda picture: jpeg(picture, 30),
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "15 % brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
    "2 % cut off each side": lambda picture: cropped(picture, 0.02),
    "turned by 2 degrees": lambda picture: picture.rotate(2, Image.Resampling.BICUBIC),
    "5 % cut off each side": lambda picture: cropped(picture, 0.05),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def opened(path: Path) -> Picture:
    """A picture whose shorter side is SIDE_PX, cut square."""
    with Image.open(path) as picture:
        rgb = picture.convert("RGB")
    scale = SIDE_PX / min(rgb.size)
    scaled = rgb.resize((max(SIDE_PX, round(rgb.width * scale)), max(SIDE_PX, round(rgb.height * scale))))
    left, top = (scaled.width - SIDE_PX) // 2, (scaled.height - SIDE_PX) // 2
    return scaled.crop((left, top, left + SIDE_PX, top + SIDE_PX))


def maps_of(measure: Measure, preprocess: Preprocessing, pictures: list[Picture]) -> list[torch.Tensor]:
    parts = [measure.maps(preprocess.batch(pictures[start : start + 32])) for start in range(0, len(pictures), 32)]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folders", nargs="+", type=Path)
    asked.add_argument("--model", default="embedded")
    asked.add_argument("--pictures", type=int, default=100)
    words = asked.parse_args()
    torch.set_num_threads(1)
    network = any_network(words.model)
    measure, preprocess = measure_of(network), Preprocessing.of(network.preprocess)
    in_order: dict[str, list[bool]] = {name: [] for name in ORDERED}
    copies: dict[str, list[float]] = {name: [] for name in COPIES}
    nearest: list[float] = []
    for folder in words.folders:
        files = picture_files([folder])
        chosen = [files[place] for place in np.linspace(0, len(files) - 1, min(words.pictures, len(files))).astype(int)]
        pictures = [opened(path) for path in chosen]
        plain = maps_of(measure, preprocess, pictures)
        for name, (distort, strengths) in ORDERED.items():
            distances = [
                between_maps(plain, maps_of(measure, preprocess, [distort(one, strength) for one in pictures])).sum(1)
                for strength in strengths
            ]
            steps = torch.stack(distances).diff(dim=0) > 0
            in_order[name] += steps.flatten().tolist()
        for name, copy in COPIES.items():
            made = maps_of(measure, preprocess, [copy(one) for one in pictures])
            copies[name] += between_maps(plain, made).sum(1).tolist()
        different = torch.stack([(each[:, None] - each).square().sum(2).mean((2, 3)) for each in plain]).sum(0)
        different.fill_diagonal_(torch.inf)
        nearest += different.min(1).values.tolist()
        print(f"{folder}: {len(pictures)} pictures, the nearest two {different.min():.2f} apart", flush=True)
    print("\n| distortion | neighbouring strengths in order |\n|---|---|")
    for name, right in in_order.items():
        print(f"| {name}: {', '.join(f'{s:g}' for s in ORDERED[name][1])} | {np.mean(right):.1%} of {len(right):,} |")
    every = [each for right in in_order.values() for each in right]
    print(f"| all | {np.mean(every):.1%} of {len(every):,} |")
    print("\n| copy | median | 95 % are below | largest |\n|---|---|---|---|")
    for name, found in copies.items():
        print(f"| {name} | {np.median(found):.2f} | {np.quantile(found, 0.95):.2f} | {max(found):.2f} |")
    low = np.quantile(nearest, (0, 0.01, 0.05, 0.5))
    print(
        f"\nthe nearest different picture: {low[0]:.2f} at least, of 1 % below {low[1]:.2f}, "
        f"of 5 % below {low[2]:.2f}, median {low[3]:.2f} ({len(nearest):,} pictures)"
    )


if __name__ == "__main__":
    main()
