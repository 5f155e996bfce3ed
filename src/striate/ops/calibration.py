"""Whether a classifier is as sure as it is right: errors over bins of its largest share.

N pictures, K classes, B bins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BINS = 15
"""As Guo et al. have them."""


@dataclass(frozen=True)
class Reliability:
    """Pictures by how sure the network was of each. count: of each bin, int64 (B,). sure, right: the mean share of the
    predicted class, and the share of right answers, float64 (B,); 0 of an empty bin.

    chance: the error to expect of these shares where each is exactly the chance of being right: pictures are few.
    """

    count: Tensor
    sure: Tensor
    right: Tensor
    chance: float

    @property
    def error(self) -> float:
        """Expected calibration error: how far the two are apart, the mean over the pictures, 0 to 1; 0 of none."""
        return float((self.count * (self.sure - self.right).abs()).sum() / self.count.sum().clamp_min(1))


def in_equal_widths(shares: Tensor, bins: int = BINS) -> Tensor:
    """The bin of each picture among those that divide the shares from 0 to 1, int64 (N,); an edge is of the lower one.

    >>> in_equal_widths(torch.tensor([0.1, 0.5, 0.51, 1.0]), 2).tolist()
    [0, 0, 1, 1]
    """
    return (shares.double() * bins).ceil().long().sub_(1).clamp_(0, bins - 1)


def in_equal_counts(shares: Tensor, bins: int = BINS) -> Tensor:
    """The bin of each picture among those of equally many, from the least sure on, int64 (N,).

    Source: Nixon et al., "Measuring calibration in deep learning", arXiv:1904.01685, section 3.2.

    >>> in_equal_counts(torch.tensor([0.9, 0.99, 0.3, 0.95]), 2).tolist()
    [0, 1, 0, 1]
    """
    bin_of = torch.empty(len(shares), dtype=torch.int64)
    bin_of[shares.argsort(stable=True)] = torch.arange(len(shares)) * bins // max(1, len(shares))
    return bin_of


def reliability(shares: Tensor, right: Tensor, bin_of: Tensor, bins: int = BINS) -> Reliability:
    """Pictures by their bins. shares: of the predicted class, 0 to 1, (N,). right: bool (N,). bin_of: int64 (N,).

    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015;
    Guo et al., "On calibration of modern neural networks", arXiv:1706.04599, equation 3. What chance makes of it is
    the mean of a half-normal for each bin.

    >>> shares, right = torch.tensor([0.9, 0.9, 0.7, 0.7]), torch.tensor([True, True, True, False])
    >>> found = reliability(shares, right, in_equal_widths(shares))
    >>> round(found.error, 6), found.count.nonzero().flatten().tolist()
    (0.15, [10, 13])
    """
    shares = shares.double()
    count = torch.bincount(bin_of, minlength=bins)
    sums = [torch.bincount(bin_of, each, minlength=bins) for each in (shares, right.double(), shares * (1 - shares))]
    sure, correct = (each / count.clamp_min(1) for each in sums[:2])
    chance = math.sqrt(2 / math.pi) * float(sums[2].sqrt().sum()) / max(1, len(shares))
    return Reliability(count, sure, correct, chance)


def calibration_error(shares: Tensor, right: Tensor, bins: int = BINS) -> float:
    """Expected calibration error over bins of equal width, 0 to 1.

    >>> round(calibration_error(torch.tensor([0.8, 0.8]), torch.tensor([True, False])), 6)
    0.3
    """
    return reliability(shares, right, in_equal_widths(shares, bins), bins).error


def gaps(shares: Tensor, right: Tensor, bins: int = BINS) -> Tensor:
    """By how much each picture pulls its bin apart: its share less whether it is right, elsewhere 0; float64 (N, B).

    The calibration error of a sample of pictures is the sum of the absolute sums of its columns, by the pictures.

    >>> found = gaps(torch.tensor([0.8, 0.8]), torch.tensor([True, False]))
    >>> round(float(found.sum(0).abs().sum() / 2), 6)
    0.3
    """
    each = shares.double() - right.double()
    return torch.zeros(len(each), bins, dtype=torch.float64).scatter_(
        1, in_equal_widths(shares, bins)[:, None], each[:, None]
    )


def fitted_temperature(logits: Tensor, labels: Tensor, bounds: tuple[float, float]) -> float:
    """What logits are divided by for the least cross-entropy. logits: (N, K). labels: int64 (N,). bounds: of it.

    In 1 / T the cross-entropy is convex, so it has one minimum in log T, which is bracketed (Brent).
    Source: Guo et al., arXiv:1706.04599, section 4.2.

    >>> sure = torch.tensor([[2.0, 0.0]]).repeat(4, 1)  # right three times of four: the logits should be log 3 apart
    >>> round(fitted_temperature(sure, torch.tensor([0, 0, 0, 1]), (0.05, 20)) * math.log(3), 4)
    2.0
    """
    from scipy.optimize import minimize_scalar  # which no prediction waits for

    logits = logits.double()

    def loss(log_temperature: float) -> float:
        return float(F.cross_entropy(logits / math.exp(log_temperature), labels))

    low, high = map(math.log, bounds)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
    return math.exp(found.x)


def share_that_keeps(shares: Tensor, keep: float) -> float | None:
    """The largest share from which on new pictures are kept with a probability of at least `keep`; None of too few.

    shares: of pictures like them, (N,). The probability is over these and the new one, whatever their distribution: of
    N + 1 in any order the new one is below the k-th smallest of the others with a probability of k / (N + 1) at most.
    Source: Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005, section 2.2 (conformal
    prediction).

    >>> share_that_keeps(torch.arange(1, 20) / 20, 0.95), share_that_keeps(torch.arange(1, 10) / 10, 0.95)
    (0.05, None)
    """
    place = math.floor((1 - keep) * (len(shares) + 1) + 1e-9)  # of the smallest, from 1
    if place < 1:
        return None
    smallest = float(shares.double().kthvalue(place).values)
    return math.floor(smallest * 1e6) / 1e6  # so that no rounding puts that picture below it
