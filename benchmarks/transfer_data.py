"""Small folders of pictures for benchmarks/transfer.py: near to what the weights have seen and far from it.

    python benchmarks/transfer_data.py TINY_IMAGENET TO

- kept-out: ten classes of Tiny-ImageNet, and pretrain: sixty others, for weights that have never seen the ten.
- digits: scikit-learn's handwritten digits, 8x8 grey.
- textures: patches of eight of scikit-image's bundled pictures (brick, grass, gravel, the moon, tissue under the
  microscope, a retina, deep sky, print), 48 to 128 px, trained on the left parts and tested on the right ones.
- faces: scikit-image's bundled subset of Labeled Faces in the Wild, 25x25 grey: faces, and patches that are none.

Each is a folder with train/ and test/, one sub-folder per class; what is there already stays. scikit-image is needed
(pip install scikit-image).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from striate.core.errors import StriateError

KEPT_OUT = slice(5, None, 20)  # ten of the 200 classes in the order of their names
PRETRAINED_ON = 60
TEXTURES = {
    "brick": "brick.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "moon": "moon.png",
    "tissue": "ihc.png",
    "retina": "retina.jpg",
    "sky": "hubble_deep_field.jpg",
    "print": "page.png",
}
PATCHES = {"train": 60, "test": 60}
PATCH_PX = (48, 128)
PRINT_PX = (32, 80)  # that scan is small
FACES_TO_TRAIN = 50


def link_classes(source: Path, names: list[str], target: Path) -> None:
    """Links to the pictures of some classes."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to((source / name).resolve(), target_is_directory=True)


def kept_out(tiny: Path, target: Path) -> None:
    """Ten classes, Tiny-ImageNet's validation pictures as the test."""
    names = sorted(folder.name for folder in (tiny / "train").iterdir())[KEPT_OUT]
    link_classes(tiny / "train", names, target / "train")
    link_classes(tiny / "val", names, target / "test")


def pretrain(tiny: Path, target: Path) -> None:
    """Sixty classes that are not among the ten, evenly spread."""
    every = sorted(folder.name for folder in (tiny / "train").iterdir())
    others = sorted(set(every) - set(every[KEPT_OUT]))
    names = [others[place] for place in np.linspace(0, len(others) - 1, PRETRAINED_ON).astype(int)]
    for split in ("train", "val"):
        link_classes(tiny / split, names, target / split)


def digits(target: Path) -> None:
    """The first half to train on, the second to test: other writers."""
    from sklearn.datasets import load_digits

    found = load_digits()
    for number, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
        split = "train" if number < len(found.target) // 2 else "test"
        save(pixels * (255 / 16), target / split / str(label) / f"{number:04}.png")


def textures(target: Path) -> None:
    """Square patches of any size and place, one side of each picture to train on and the other to test."""
    for label, file in TEXTURES.items():
        picture = Image.open(bundled(file)).convert("RGB")
        random = np.random.default_rng(sum(label.encode()))
        middle = picture.width // 2
        for split, (left, right) in {"train": (0, middle), "test": (middle, picture.width)}.items():
            for number in range(PATCHES[split]):
                side = int(random.integers(*(PRINT_PX if label == "print" else PATCH_PX)))
                x, y = int(random.integers(left, right - side)), int(random.integers(0, picture.height - side))
                patch = picture.crop((x, y, x + side, y + side))
                save(np.asarray(patch, float), target / split / label / f"{number:03}.png")


def faces(target: Path) -> None:
    """A hundred faces, then a hundred patches without one."""
    for number, pixels in enumerate(np.load(bundled("lfw_subset.npy"))):
        label = "face" if number < 100 else "none"
        split = "train" if number % 100 < FACES_TO_TRAIN else "test"
        save(pixels * 255, target / split / label / f"{number:03}.png")


def bundled(file: str) -> Path:
    """A file of scikit-image's, which is not imported for it."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise StriateError("scikit-image, whose pictures are needed, is not installed: pip install scikit-image")
    return Path(found.origin).parent / "data" / file


def save(pixels: npt.NDArray[np.float64], path: Path) -> None:
    """Write a picture of 0..255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.round().astype(np.uint8)).save(path)


def make_all(tiny: Path, to: Path) -> None:
    """Make what is not there yet."""
    makers: dict[str, Callable[[Path], None]] = {
        "kept-out": partial(kept_out, tiny),
        "pretrain": partial(pretrain, tiny),
        "digits": digits,
        "textures": textures,
        "faces": faces,
    }
    for name, make in makers.items():
        if not (to / name).exists():
            begun = to / f".{name}.part"
            shutil.rmtree(begun, ignore_errors=True)
            make(begun)
            begun.replace(to / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tiny_imagenet", type=Path)
    parser.add_argument("to", type=Path)
    options = parser.parse_args()
    make_all(options.tiny_imagenet, options.to)


if __name__ == "__main__":
    main()
