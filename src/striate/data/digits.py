"""The data that is always there: scikit-learn's 1,797 handwritten digits."""

from __future__ import annotations

import numpy as np

from striate.data.dataset import ArrayPictures, Dataset
from striate.data.splits import Shares, split_dataset

DIGITS_SHARES = Shares(val=10, test=20)
"""20 % are 359 test pictures, of which 98.5 % leaves 5 mistakes; 15 % would be too few to see that."""


def open_digits(split_seed: int = 0) -> Dataset:
    """1,797 scans of digits by 13 writers, 8 x 8 pixels grey: 1,259 train, 179 val, 359 test.

    The 17 grey levels 0..16 become round(level * 255 / 16). The same writers are in all splits, because who wrote
    what is not recorded: an unknown hand will be read less well than the test says.
    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI 1998, its test part, as
    scikit-learn's `load_digits` ships it.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    pictures = ArrayPictures(pixels, "digits")
    names = [pictures.name(index) for index in range(len(pictures))]
    labels = bunch.target.astype(np.int64)
    classes = [str(digit) for digit in range(10)]
    return split_dataset("digits", pictures, names, labels, classes, {}, split_seed, DIGITS_SHARES)
