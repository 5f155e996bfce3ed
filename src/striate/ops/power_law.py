"""How an error falls with the number of pictures: a floor and a power law above it.

Cortes et al., "Learning curves: asymptotic values and rate of convergence", NIPS 6 (1993); Hestness et al., "Deep
learning scaling is predictable, empirically", arXiv:1712.00409.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Hestness et al., section 5, found 0.07 to 0.35 on large data; on few pictures curves are steeper, and 1 is the rate of
# problems that can be learned without error.
EXPONENTS = np.linspace(0.1, 1.0, 46)


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = floor + scale * n ** -exponent, with floor and scale at least 0.

    >>> round(PowerLaw(0.02, 0.8, 0.5).error(100), 6)
    0.1
    """

    floor: float
    scale: float
    exponent: float

    def error(self, pictures: float) -> float:
        """The error of that many pictures, at most 1."""
        power: float = pictures**-self.exponent
        return min(1.0, self.floor + self.scale * power)


def fit_power_law(pictures: Array, errors: Array, weights: Array | None = None) -> PowerLaw:
    """The power law with the least weighted squared distance from errors, its exponent within EXPONENTS.

    pictures, errors, weights: (N,); without weights each counts as much as its number of pictures, for what is ahead
    is nearer to the large numbers, and small ones are the noisier. For every exponent floor and scale are a linear
    regression with both at least 0; with one exponent each, that is exact.

    >>> n = np.array([20.0, 50, 100, 200])
    >>> law = fit_power_law(n, 0.05 + 0.9 * n**-0.5)
    >>> round(law.floor, 6), round(law.scale, 6), round(law.exponent, 6)
    (0.05, 0.9, 0.5)
    """
    shares = pictures if weights is None else weights
    shares = shares / shares.sum()
    powers_EN = pictures ** -EXPONENTS[:, None]
    mean_E, mean_error = powers_EN @ shares, float(errors @ shares)
    off_EN = powers_EN - mean_E[:, None]
    scale_E = off_EN @ (shares * (errors - mean_error)) / (off_EN**2 @ shares)
    floor_E = mean_error - scale_E * mean_E
    through_zero_E = powers_EN @ (shares * errors) / (powers_EN**2 @ shares)
    scale_E = np.where(floor_E < 0, through_zero_E, np.maximum(0, scale_E))
    floor_E = np.where(floor_E < 0, 0.0, mean_error - scale_E * mean_E)
    cost_E = (errors - floor_E[:, None] - scale_E[:, None] * powers_EN) ** 2 @ shares
    best = int(np.argmin(cost_E))
    return PowerLaw(float(floor_E[best]), float(scale_E[best]), float(EXPONENTS[best]))
