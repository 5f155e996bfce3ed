"""Weights of a distance from what people chose: which of two pictures is nearer to a third.

Zhang et al., arXiv:1801.03924, section 3, learn non-negative weights of channels from such choices. Here a choice is
logistic in the difference of two distances (Bradley and Terry, 1952), which is linear in the weights, so the fit is
convex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_expit

Array = npt.NDArray[np.float64]

FOLDS = 5
STRENGTHS = tuple(10.0**power for power in range(-3, 2))  # of the pull towards equal weights
STEEPEST = 1e4  # of choices in a distance


@dataclass(frozen=True, eq=False)
class Fitted:
    """weights: (channels,), at least 0, their mean 1. agreement: with people, of weights that did not see the choice.

    uniform: the same of equal weights. strength: of the pull towards those, which agreed best.
    """

    weights: Array
    agreement: float
    uniform: float
    strength: float


def fit_choices(gains: Array, shares: Array, groups: npt.NDArray[np.int64]) -> Fitted:
    """Fit the weights of channels to choices, by penalised likelihood, the penalty chosen by cross-validation.

    gains: (N, channels), by which a is further than b in each channel. shares: (N,), of people to whom b is nearer.
    groups: (N,), numbers; choices of one number are in one fold.

    >>> draws = np.random.default_rng(0).normal(size=(400, 2))
    >>> fitted = fit_choices(draws, (draws[:, 0] > 0).astype(float), np.arange(400))  # people see the first alone
    >>> bool(fitted.weights[0] > 1.9), fitted.agreement > 0.95 > fitted.uniform
    (True, True)
    """
    folds = _folds(groups)
    by_strength = {strength: _cross_validated(gains, shares, folds, strength) for strength in STRENGTHS}
    strength = max(STRENGTHS, key=lambda each: (by_strength[each], each))
    weights = _fitted(gains, shares, strength)
    return Fitted(weights, by_strength[strength], agreement_of(gains.sum(1), shares), strength)


def agreement_of(gains: Array, shares: Array) -> float:
    """The mean share of people who chose as a distance does; one that cannot choose is half right (section 4.1).

    gains: (N,), by which a is further than b. shares: (N,), of people to whom b is nearer.

    >>> agreement_of(np.array([1.0, -1.0, 0.0]), np.array([1.0, 0.2, 1.0]))
    0.7666666666666666
    """
    chose_b = np.where(gains > 0, 1.0, np.where(gains < 0, 0.0, 0.5))
    return float((chose_b * shares + (1 - chose_b) * (1 - shares)).mean())


def _folds(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The fold of each choice, drawn with a fixed seed, so that nothing follows the order of a table."""
    known, places = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(known))
    return (order % min(FOLDS, len(known)))[places]


def _cross_validated(gains: Array, shares: Array, folds: npt.NDArray[np.int64], strength: float) -> float:
    found = np.zeros(len(gains))
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        if held.all():
            return agreement_of(gains.sum(1), shares)
        found[held] = gains[held] @ _fitted(gains[~held], shares[~held], strength)
    return agreement_of(found, shares)


def _fitted(gains: Array, shares: Array, strength: float) -> Array:
    """Weights of mean 1. The steepness of choices is fitted with equal weights first, so the penalty has no unit."""
    steepness = _steepness(gains.sum(1), shares)
    scaled = gains * steepness

    def cost(weights: Array) -> tuple[float, Array]:
        logits = scaled @ weights
        slopes = (expit(logits) - shares) / len(shares)
        off = weights - 1
        loss = _cross_entropy(logits, shares) + strength * float(off @ off) / len(weights)
        return loss, scaled.T @ slopes + 2 * strength * off / len(weights)

    start = np.ones(gains.shape[1])
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    weights: Array = found.x / found.x.mean() if found.x.any() else start
    return weights


def _steepness(gains: Array, shares: Array) -> float:
    """By which one distance is multiplied to be the logit of a choice; where it tells nothing, nearly 0."""
    scale = float(np.abs(gains).mean()) or 1.0
    found = minimize_scalar(
        lambda power: _cross_entropy(gains * 10**power / scale, shares),
        bounds=(-4, np.log10(STEEPEST)),
        method="bounded",
    )
    return float(10**found.x / scale)


def _cross_entropy(logits: Array, shares: Array) -> float:
    return float(-(shares * log_expit(logits) + (1 - shares) * log_expit(-logits)).mean())
