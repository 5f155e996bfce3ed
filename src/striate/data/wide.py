"""Wide grey: which number of a data set's 16-bit, 32-bit or floating-point pictures is white.

Cameras and microscopes store 10, 12 or 14 bits in files of 16. By the full range of 16 bits their pictures would be
nearly black, and of 256 grey levels 4, 16 or 64 would be left. So one number is white in all of a data set: stated, or
the largest that fits into as many bits as the training pictures use. It is kept in `Preprocess.white`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.cache import scan
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError
from striate.data.scan import Progress, Scan

SAMPLED_PICTURES = 100
FULL_RANGE = 65535.0


def white_for(dataset: Dataset, progress: Progress | None = None) -> float | None:
    """The number that is white in a data set's wide pictures; None where the training pictures are not wide.

    A sample says whether they are; then all are read once more, which is remembered as `check`'s scan is.
    """
    train = dataset.splits["train"]
    places = np.linspace(0, len(train) - 1, min(len(train), SAMPLED_PICTURES)).round().astype(int)
    for index in train[places].tolist():
        with suppress(DecodeError):
            if dataset.pictures.is_wide(index):
                return common_white(scan(dataset, progress), train.tolist())
    return None


def common_white(found: Scan, members: Iterable[int]) -> float | None:
    """The largest number of as many bits as some pictures use, eight at least; of floating-point ones 1 if it holds
    all. None where none is wide, or where some are of whole and some of floating-point numbers.
    """
    wide = [found.wide[index] for index in members if index in found.wide]
    if len({each.floating for each in wide}) != 1:
        return None
    largest = max(each.largest for each in wide)
    if wide[0].floating and largest <= 1:
        return 1.0
    return float(2 ** max(8, int(np.ceil(largest)).bit_length()) - 1)


def about_wide(dataset: Dataset, found: Scan, preprocess: Preprocess | None) -> list[str]:
    """What to know of a data set's wide pictures, as sentences; preprocess: of the network, None: of none yet."""
    train = [index for index in dataset.splits.get("train", np.zeros(0, np.int64)).tolist() if index in found.wide]
    detected = common_white(found, train)
    white = detected if preprocess is None else preprocess.white
    if detected is None or white in (FULL_RANGE, 1.0):
        return []
    largest = max(found.wide[index].largest for index in train)
    are, hold = ("is", "holds") if len(train) == 1 else ("are", "hold")
    pictures = counted(len(train), "training picture")
    held = f"{pictures} {are} of more than 8 bits and {hold} numbers up to {largest:,.6g}"
    if white is not None:
        return [f"{held}: {white:,.6g} becomes white (--set white=... states another number)"]
    if detected >= FULL_RANGE or found.wide[train[0]].floating:
        return []
    levels = round(largest * 255 / FULL_RANGE) + 1
    return [
        f"{held}, which leaves {levels} of 256 grey levels; state which number is white: --set white={detected:.0f}"
    ]
