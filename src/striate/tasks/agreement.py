"""How far two ways of computing the same network agree in what they answer; arrays stand for tensors.

N pictures, K classes, P places of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Agreement(NamedTuple):
    """Of each picture, (N,).

    difference: the largest of two numbers. apart: whether it is more than was allowed. other: whether the answer is
    another one; tied: whether, where it is, the two were so near that rounding may exchange them.
    """

    difference: npt.NDArray[np.float64]
    apart: Flags
    other: Flags
    tied: Flags


def of_logits(expected: Numbers, found: Numbers, close: float) -> Agreement:
    """Of logits (N, K), or of every place of a picture (N, K, H, W), the likeliest of which is the answer.

    close: how far numbers may be apart, of a batch's largest: rounding is of maps, not of what one picture makes of
    them.

    >>> of_logits(np.array([[3.0, 0.0]]), np.array([[0.0, 3.0]]), 0.1).other.tolist()
    [True]
    """
    reach = close * np.abs(expected).max() + np.finfo(np.float32).tiny
    expected, found = (numbers.reshape(*numbers.shape[:2], -1) for numbers in (expected, found))
    difference = _largest(found - expected)
    best, now = expected.argmax(1, keepdims=True), found.argmax(1, keepdims=True)
    margins = (np.take_along_axis(expected, best, 1) - np.take_along_axis(expected, now, 1)).max((1, 2))
    return Agreement(difference, ~(difference <= reach), (best != now).any((1, 2)), margins <= reach)


def of_boxes(expected: Numbers, found: Numbers, close: float) -> Agreement:
    """Of logits and boxes (N, K, 5): the classes by their logits, the edges by shares of the picture, each alone.

    >>> one, moved = np.array([[[9.0, 0.1, 0.1, 0.9, 0.9]]]), np.array([[[9.0, 0.1, 0.1, 0.9, 0.6]]])
    >>> of_boxes(one, moved, 0.1).apart.tolist()
    [True]
    """
    classes = of_logits(expected[..., 0], found[..., 0], close)
    moved = _largest((found - expected)[..., 1:])
    return classes._replace(
        difference=np.maximum(classes.difference, moved),
        apart=classes.apart | ~(moved <= close * np.abs(expected[..., 1:]).max()),
    )


def of_labels(expected: Numbers, found: Numbers, close: float, thresholds: Sequence[float] = ()) -> Agreement:
    """Of logits (N, K), each of which decides on a label by itself: by its share, 0..1, and that label's threshold.

    thresholds: (): one half for all. close: as in `of_logits`.

    >>> of_labels(np.array([[3.0, 0.2]]), np.array([[3.0, -0.2]]), 0.2)[2:]
    (array([ True]), array([ True]))
    """
    reach = close * np.abs(expected).max() + np.finfo(np.float32).tiny
    least = np.array(thresholds or [0.5] * expected.shape[1])
    with np.errstate(divide="ignore"):
        cut = np.log(least) - np.log1p(-least)
    difference = _largest(found - expected)
    crossed = (expected >= cut) != (found >= cut)
    tied = ~(crossed & (np.abs(expected - cut) > reach)).any(1)
    return Agreement(difference, ~(difference <= reach), crossed.any(1), tied)


def _largest(differences: Numbers) -> npt.NDArray[np.float64]:
    """The largest number of each picture, infinite where one is none."""
    whole = np.abs(differences.astype(np.float64)).reshape(len(differences), -1)
    largest: npt.NDArray[np.float64] = np.nan_to_num(whole, nan=np.inf).max(1)
    return largest
