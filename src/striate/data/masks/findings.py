"""What is wrong with masks, and what a person should know of them, as sentences made of counts.

N masks, K classes. pixels: int64 (N, K + 1), how many pixels of each mask are of each class, and are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from striate.core.units import counted
from striate.data.masks.coding import FOREGROUND
from striate.data.masks.survey import Seen
from striate.data.targets import Indices, Sizes

NAMED = 3  # examples in a sentence
UNBALANCED = 100  # times as many pixels
# A mask is mostly areas, a photograph of grey mostly neighbours that differ.
PICTURE_NUMBERS, PICTURE_UNLIKE = 32, 0.3


def looks_like_a_picture(seen: Seen) -> bool:
    """Whether what a file holds are grey levels of a photograph, not classes."""
    return len(seen.pixels) > PICTURE_NUMBERS and seen.unlike > PICTURE_UNLIKE


def beside_the_classes(wrong: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """A problem, where masks hold what is no class. wrong: why, by the name of the mask."""
    if not wrong:
        return []
    said = [f"{name} {reason}" for name, reason in wrong.items()]
    others = f"; and {counted(len(said) - NAMED, 'more mask')}" if len(said) > NAMED else ""
    return [f"{'; '.join(said[:NAMED])}{others}; classes are {_some(list(names), 12)}, and 255 where nothing is asked"]


def other_sizes(names: Sequence[str], masks_px: Sizes, pictures_px: Sizes) -> list[str]:
    """A problem, where masks are not as large as their pictures. pictures_px: as shown, 0 where one cannot be read.

    >>> print(*other_sizes(["a.png"], np.array([[180, 240]], np.int32), np.array([[360, 480]], np.int32)))
    a.png has 240x180 pixels and its picture 480x360, 2 times as many each way; give masks the size of their pictures
    """
    differ = np.flatnonzero((masks_px != pictures_px).any(1) & pictures_px.all(1))
    if not len(differ):
        return []
    first = int(differ[0])
    (height, width), (its_height, its_width) = masks_px[first].tolist(), pictures_px[first].tolist()
    said = f"{names[first]} has {width}x{height} pixels and its picture {its_width}x{its_height}"
    if (height, width) == (its_width, its_height):
        said += ", as if one of them were turned"
    elif height * its_width == width * its_height:
        said += f", {its_height / height:.3g} times as many each way"
    others = f" ({counted(len(differ), 'mask')} differ)" if len(differ) > 1 else ""
    return [f"{said}{others}; give masks the size of their pictures"]


def nothing_to_learn(source: str, names: Sequence[str], pixels: Indices, train: Indices) -> list[str]:
    """Problems: every pixel of training ignored, or of one class."""
    of_class = pixels[train, :-1].sum(0)
    if not of_class.sum():
        return [f"{source}: every pixel of the {counted(len(train), 'training mask')} is ignored"]
    there = [names[place] for place in np.flatnonzero(of_class).tolist()]
    if len(there) == 1:
        return [f"{source}: masks to train on hold one class only ({there[0]!r}); at least two are needed"]
    return []


def empty_masks(names: Sequence[str], pixels: Indices) -> list[str]:
    """A warning of masks in which every pixel is ignored. names: of the masks."""
    empty = [names[place] for place in np.flatnonzero(~pixels[:, :-1].any(1)).tolist()]
    if not empty:
        return []
    return [f"{counted(len(empty), 'mask')} with every pixel ignored, from which nothing is learned: {_some(empty)}"]


def background_alone(listed: Sequence[str], names: Sequence[str], pixels: Indices) -> tuple[str, ...]:
    """A remark on masks that hold nothing but the background, where a class is called so. listed: names of the masks.

    >>> background_alone(["a.png", "b.png"], ("background", "foreground"), np.array([[9, 0, 0], [5, 4, 0]]))
    ('1 mask holds background alone: a.png',)
    """
    if names[0].lower() != FOREGROUND[0]:
        return ()
    alone = [listed[place] for place in np.flatnonzero((pixels[:, 0] > 0) & ~pixels[:, 1:-1].any(1)).tolist()]
    hold = "holds" if len(alone) == 1 else "hold"
    return (f"{counted(len(alone), 'mask')} {hold} background alone: {_some(alone)}",) if alone else ()


def in_one_split_only(names: Sequence[str], by_split: Mapping[str, Indices]) -> list[str]:
    """Warnings of classes that some splits have and others lack. by_split: pixels of each class, (K,).

    >>> in_one_split_only(("sky", "bus"), {"train": np.array([5, 0]), "val": np.array([3, 2])})
    ['class bus has no pixel in train: nothing can learn it']
    """
    warnings = []
    for split, pixels in by_split.items():
        others = np.sum([each for other, each in by_split.items() if other != split], axis=0)
        lacking = [names[place] for place in np.flatnonzero((pixels == 0) & (others > 0)).tolist()]
        if lacking:
            what = "nothing can learn it" if split == "train" else "nothing tells how well it is learned there"
            warnings.append(f"{_classes(lacking)} no pixel in {split}: {what}")
    never = [name for place, name in enumerate(names) if not any(pixels[place] for pixels in by_split.values())]
    return [*warnings, *([f"{_classes(never)} no pixel in any mask"] if never else [])]


def shares(pixels: Indices) -> npt.NDArray[np.float64]:
    """The share of each class among the labelled pixels, (K,); zeros where there are none."""
    of_class = pixels[:, :-1].sum(0)
    share: npt.NDArray[np.float64] = of_class / max(1, int(of_class.sum()))
    return share


def unequal(names: Sequence[str], pixels: Indices) -> list[str]:
    """A warning of classes with many times the pixels of others."""
    share = shares(pixels)
    there = np.flatnonzero(share)
    if not len(there) or share.max() <= UNBALANCED * share[there].min():
        return []
    most, least = int(share.argmax()), int(there[share[there].argmin()])
    return [
        f"classes are unbalanced: {names[most]} has {share[most]:.2%} of the labelled pixels, {names[least]} "
        f"{share[least]:.2%}; look at IoU per class, not at the share of pixels that are right"
    ]


def _classes(names: list[str]) -> str:
    return f"class {names[0]} has" if len(names) == 1 else f"{counted(len(names), 'class')} ({_some(names)}) have"


def _some(names: list[str], most: int = NAMED) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
