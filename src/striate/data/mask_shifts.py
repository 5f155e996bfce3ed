"""Whether the masks of a data set lie beside what its pictures show, by some pictures that are trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.targets.masks import MaskTargets
from striate.data.threads import in_threads
from striate.ops.shifts import common_shift

PICTURES = 32  # some 50 ms each at 480x360
LONGEST_PX = 512  # of a larger picture every second pixel, or every third, is looked at


def about_shifts(dataset: Dataset) -> list[str]:
    """A warning where the masks of nearly all pictures fit the edges in these better elsewhere."""
    targets, train = dataset.targets, dataset.splits.get("train")
    if not isinstance(targets, MaskTargets) or train is None or not len(train):
        return []
    chosen = train[np.linspace(0, len(train) - 1, min(PICTURES, len(train))).round().astype(int)]
    step = -(-int(targets.sizes_px[chosen].max()) // LONGEST_PX)
    shift = common_shift(_pairs(dataset, targets, chosen.tolist(), step))
    if shift is None:
        return []
    looked = f"{shift.better} of {shift.pictures} training pictures looked at"
    return [
        f"masks lie {shift.enlarged(step).beside} what their pictures show, in {looked}, by the edges in these and the "
        "outlines of the masks. Usually masks or pictures were cut, scaled or turned without the other; lay some masks "
        "over their pictures, and make them anew"
    ]


def _pairs(dataset: Dataset, targets: MaskTargets, chosen: list[int], step: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Pictures uint8 (H, W, 3) and their masks (H, W), every `step`-th pixel; none where the two differ in size."""

    def pair(index: int) -> tuple[Pixels, Pixels] | None:
        try:
            pixels, mask = dataset.pictures.decode(index, 3), targets.mask(index)
        except DecodeError:  # which is told of elsewhere
            return None
        return (pixels[::step, ::step], mask[::step, ::step]) if pixels.shape[:2] == mask.shape else None

    return (each for each in in_threads(pair, chosen) if each is not None)
