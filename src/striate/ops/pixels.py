"""Figures of segmentation as sums over pixels: one confusion matrix over a data set, divided once.

N pictures, H W pixels, K classes. Pixels whose truth is IGNORED count nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from striate.answers.masks import IGNORED as IGNORED

REDRAWN = 1000  # samples of a bootstrap


class Overlap(NamedTuple):
    """What all figures are made of, each int64 or float64 (..., K): pixels of each class.

    hits: truth and predicted alike. truth: as they are. predicted: as the network has it.
    """

    hits: Tensor
    truth: Tensor
    predicted: Tensor


def pixel_confusion(truth: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """How often each class was taken for each other, picture by picture: int64 (N, K, K), rows truth.

    truth: whole numbers (N, H, W), below K or IGNORED. predicted: whole numbers (N, H, W) below K.

    >>> pixel_confusion(torch.tensor([[[0, 1, IGNORED]]]), torch.tensor([[[0, 0, 1]]]), 2).tolist()
    [[[1, 0], [1, 0]]]
    """
    picture = torch.arange(len(truth), device=truth.device)[:, None, None]
    pair = (picture * classes + truth) * classes + predicted
    counts = torch.bincount(pair[truth != IGNORED], minlength=len(truth) * classes**2)
    return counts.view(len(truth), classes, classes)


def overlap(confusion: Tensor) -> Overlap:
    """Of confusion matrices (..., K, K), of a picture each or their sum.

    >>> overlap(torch.tensor([[3, 1], [0, 2]]))
    Overlap(hits=tensor([3, 2]), truth=tensor([4, 2]), predicted=tensor([3, 3]))
    """
    return Overlap(confusion.diagonal(dim1=-2, dim2=-1), confusion.sum(-1), confusion.sum(-2))


def iou_per_class(pixels: Overlap) -> Tensor:
    """Intersection over union, float64 (..., K); not a number for a class that is neither there nor predicted.

    >>> iou_per_class(overlap(torch.tensor([[3, 1], [0, 2]]))).tolist()  # 3 of 4, 2 of 3
    [0.75, 0.6666666666666666]
    """
    return pixels.hits.double() / (pixels.truth + pixels.predicted - pixels.hits)


def mean_iou(pixels: Overlap) -> Tensor:
    """The mean IoU of the classes that have one, float64 (...): of a data set, never a mean of means of its batches."""
    return iou_per_class(pixels).nanmean(-1)


def dice_per_class(pixels: Overlap) -> Tensor:
    """Dice's coefficient, which is F1 of pixels, float64 (..., K); not a number as for IoU.

    >>> dice_per_class(overlap(torch.tensor([[3, 1], [0, 2]]))).tolist()  # 6 of 7, 4 of 5
    [0.8571428571428571, 0.8]
    """
    return 2 * pixels.hits.double() / (pixels.truth + pixels.predicted)


def mean_dice(pixels: Overlap) -> Tensor:
    """The mean of Dice's coefficients of the classes that have one, float64 (...)."""
    return dice_per_class(pixels).nanmean(-1)


def pixel_accuracy(pixels: Overlap) -> Tensor:
    """The share of pixels that are right, float64 (...); not a number where none is asked for."""
    return pixels.hits.sum(-1).double() / pixels.truth.sum(-1)


def class_accuracy(pixels: Overlap) -> Tensor:
    """The mean over the classes that are there of the share of their pixels that are right, float64 (...)."""
    return (pixels.hits.double() / pixels.truth).nanmean(-1)


def constant_iou(pixels: Tensor) -> float:
    """The mean IoU of the best constant answer, which any network must better; not a number without pixels.

    pixels: whole numbers (K,), of each class in the data set.

    >>> constant_iou(torch.tensor([6, 2, 0]))  # 6 of 8, and 0 for another
    0.375
    """
    return float(pixels.max().double() / pixels.sum() / (pixels > 0).sum())


def bootstrap_interval(
    pictures: Overlap, figure: Callable[[Overlap], Tensor], seed: int = 0, redrawn: int = REDRAWN
) -> tuple[float, float]:
    """95 % interval of a figure by drawing the pictures anew, with replacement; not a number of no pictures.

    pictures: of one picture each, (N, K). figure: such as `mean_iou`; it is asked about all samples at once. The same
    seed gives the same interval.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).

    >>> alike = overlap(torch.tensor([[[3, 1], [0, 2]]] * 5))
    >>> [round(end, 4) for end in bootstrap_interval(alike, mean_iou)]
    [0.7083, 0.7083]
    """
    count = len(pictures.hits)
    if not count:
        return float("nan"), float("nan")
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(count, (redrawn, count), generator=generator)
    times = torch.zeros(redrawn, count, dtype=torch.float64)
    times.scatter_add_(1, drawn, torch.ones_like(times))
    of_samples = figure(Overlap(*(times @ of_pictures.double().cpu() for of_pictures in pictures)))
    low, high = of_samples.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def median_frequency_weights(pixels: Tensor) -> Tensor:
    """Weights of classes that let rare ones count: the median of their frequencies over each one's, float32 (K,).

    pixels: whole numbers (N, K), how many pixels of each picture are of each class. The frequency of a class is its
    share of the pixels in the pictures that show it. A class that none shows has 0.
    Source: Eigen and Fergus, arXiv:1411.4734, section 6.3.2.

    >>> median_frequency_weights(torch.tensor([[6, 2, 0], [8, 0, 0]])).tolist()  # 14 of 16, 2 of 8; their median
    [0.2857142984867096, 1.0, 0.0]
    """
    shown = pixels > 0
    frequency = pixels.sum(0).double() / (pixels.sum(1, keepdim=True) * shown).sum(0)
    weights = frequency.nanmedian() / frequency
    return weights.nan_to_num(nan=0.0).float()
