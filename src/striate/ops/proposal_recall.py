"""How well proposals cover objects: recall, and the mean of their best overlaps.

Hosang, Benenson, Dollar and Schiele, "What makes for effective detection proposals?", arXiv:1502.05082, section 4;
Uijlings et al., "Selective search for object recognition" (2013), section 5, for the averages of best overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from striate.ops.boxes import pairwise_iou

Floats = npt.NDArray[np.float32]

HIT = 0.5
"""The IoU from which an object is found."""


def best_overlaps(proposed: Floats, boxes: Floats, counts: Sequence[int]) -> Floats:
    """Of each object, the IoU of the best among the first so many proposals, for each count: (counts, M).

    proposed: (P, 4), the likeliest first. boxes: (M, 4). Nothing proposed overlaps nothing.

    >>> proposed = np.array([[0, 0, 4, 4], [0, 0, 2, 4]], np.float32)
    >>> best_overlaps(proposed, np.array([[0, 0, 2, 4]], np.float32), [1, 2]).tolist()
    [[0.5], [1.0]]
    """
    overlap = pairwise_iou(torch.from_numpy(np.ascontiguousarray(proposed)), torch.from_numpy(boxes)).numpy()
    return np.stack([overlap[:count].max(0, initial=0) for count in counts])


def recall(overlaps: Floats) -> float:
    """The share of objects that are found, of their best overlaps (M,)."""
    return float((overlaps >= HIT).mean())


def mean_over_classes(overlaps: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The mean over classes of the mean best overlap of each (MABO). labels: class numbers, (M,).

    >>> mean_over_classes(np.array([1, 1, 0.5], np.float32), np.array([0, 0, 3]))
    0.75
    """
    return float(np.mean([overlaps[labels == label].mean() for label in np.unique(labels)]))
