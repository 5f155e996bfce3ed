"""Two ways of answering the same pictures: how sure their difference is, and what many such questions ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

CONFIDENCE = 0.95


def mcnemar(one_only: int, other_only: int) -> float:
    """The chance of so uneven a split or a worse one, where neither of two ways is better; exact, two-sided.

    one_only, other_only: pictures that one of them alone answers rightly. Those on which they agree say nothing.
    Source: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947); in its exact form the test of signs.

    >>> mcnemar(0, 0), mcnemar(5, 5), mcnemar(0, 6)
    (1.0, 1.0, 0.03125)
    """
    from scipy.stats import binomtest  # a third of a second, which every prediction would wait for

    disagreed = one_only + other_only
    return float(binomtest(one_only, disagreed).pvalue) if disagreed else 1.0


def share_gain_interval(one_only: int, other_only: int, total: int) -> tuple[float, float]:
    """95 % interval of the difference of the shares of `total` pictures that two ways answer rightly.

    Source: Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data", Journal of Educational and Behavioral Statistics 37 (2012), equation 3.

    >>> low, high = share_gain_interval(10, 10, 100)
    >>> -low == high, round(high, 3)
    (True, 0.09)
    """
    from scipy.stats import norm

    one, other = (one_only + 1) / (total + 2), (other_only + 1) / (total + 2)
    gain = one - other
    half = norm.ppf((1 + CONFIDENCE) / 2) * math.sqrt((one + other - gain * gain) / (total + 2))
    return float(max(-1.0, gain - half)), float(min(1.0, gain + half))


class Spread(NamedTuple):
    """How sure a difference is. interval: 95 % of it. chance: of one as large, either way, where there is none."""

    interval: tuple[float, float]
    chance: float


def redrawn_spread(difference: float, gains: Tensor, total: int) -> Spread:
    """How sure a difference is, from what it is when its pictures are drawn anew: by Student's t.

    gains: the difference in each sample, float64 (S,); nan, of samples that ask nothing, is left out. total: pictures
    in a sample; the samples of n pictures spread by sqrt((n - 1) / n) of what they should. Of a mean this is the
    t test; where pictures are few, percentiles of the samples would call chance a difference too often.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 12.2 to 12.5; on few pictures
    Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69 (2015), 5.4.
    """
    from scipy.stats import t

    known = gains[gains.isfinite()]
    if len(known) < 2 or total < 2:
        return Spread((-math.inf, math.inf), 1.0)
    error = float(known.std()) * math.sqrt(total / (total - 1))
    half = float(t.ppf((1 + CONFIDENCE) / 2, total - 1)) * error
    if not error:  # all pictures say the same: as many as agree in the test of signs
        return Spread((difference, difference), 0.5 ** (total - 1) if difference else 1.0)
    chance = 2 * float(t.cdf(-abs(difference) / error, total - 1))
    return Spread((difference - half, difference + half), chance)


def holm(chances: Sequence[float]) -> list[float]:
    """Chances of several questions, such that any of them below 0.05 is by mistake in at most 5 % of all cases.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian J. of Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected, so_far = [0.0] * len(chances), 0.0
    for place, number in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        so_far = max(so_far, min(1.0, (len(chances) - place) * chances[number]))
        corrected[number] = so_far
    return corrected
