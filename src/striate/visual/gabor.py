"""A Gabor function fitted to a filter: which way its bars run, how fine they are, how much of it that explains.

Gabor functions describe the receptive fields of simple cells in the cat's striate cortex: Daugman, J. Opt. Soc. Am. A 2
(1985); Jones and Palmer, J. Neurophysiol. 58 (1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot, pi

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

SPECTRUM_PX = 32  # sides of the spectrum, whatever those of the filter
LEAST_SIDE = 5  # of a filter that a Gabor function, of eight numbers, says something about
STEPS = 60  # evaluations at most

Pattern = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gabor:
    """A fitted function.

    orientation_deg: of the bars, 0 horizontal, 90 upright, counted against the clock, 0 to 180. cycles_px: of light and
    dark per pixel. explained: share of the pattern's energy, 0 to 1.
    """

    orientation_deg: float
    cycles_px: float
    explained: float


def direction_of(pattern: Pattern) -> tuple[float, float]:
    """Orientation of a pattern's bars in degrees, as of `Gabor`, and how much of its spectrum has it, 0 to 1.

    >>> rows, columns = np.mgrid[:9, :9]
    >>> [round(number, 2) for number in direction_of(np.cos(2 * pi * columns / 4))]
    [90.0, 0.86]
    >>> round(direction_of(np.exp(-((rows - 4.0) ** 2 + (columns - 4.0) ** 2) / 4))[1], 2)
    0.0
    """
    power, wave_y, wave_x = _spectrum(pattern)
    total = power.sum()
    if not total > 0:
        return 0.0, 0.0
    turned = complex((power * np.exp(2j * np.arctan2(-wave_y, wave_x))).sum() / total)
    return _of_bars(atan2(turned.imag, turned.real) / 2), abs(turned)


def fit_gabor(pattern: Pattern) -> Gabor | None:
    """The Gabor function nearest to a pattern (h, w) by least squares; None where it is too small, or nothing at all.

    >>> rows, columns = np.mgrid[-4:5, -4:5]
    >>> wave = np.cos(2 * pi * 0.2 * (columns * np.cos(pi / 6) - rows * np.sin(pi / 6)) + 1)
    >>> found = fit_gabor(np.exp(-(rows**2 + columns**2) / 8) * wave)
    >>> round(found.orientation_deg, 1), round(found.cycles_px, 3), round(found.explained, 3)
    (120.0, 0.2, 1.0)
    """
    energy = float((pattern**2).sum())
    if min(pattern.shape) < LEAST_SIDE or not energy > 0:
        return None
    height, width = pattern.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    target = pattern.ravel() / energy**0.5

    def left(numbers: Pattern) -> Pattern:
        waves = _waves(numbers, rows, columns)
        weights = np.linalg.lstsq(waves, target, rcond=None)[0]
        rest: Pattern = target - waves @ weights
        return rest

    share = pattern**2 / energy
    power, wave_y, wave_x = _spectrum(pattern)
    peak = int(power.argmax())
    start = [
        float((share * rows).sum()),
        float((share * columns).sum()),
        height / 4,
        width / 4,
        float(wave_y.flat[peak]),
        float(wave_x.flat[peak]),
    ]
    low = [0, 0, 0.6, 0.6, -0.5, -0.5]
    high = [height - 1, width - 1, height, width, 0.5, 0.5]
    found = least_squares(left, np.clip(start, low, high), bounds=(low, high), max_nfev=STEPS)
    y, x = float(found.x[4]), float(found.x[5])
    return Gabor(_of_bars(atan2(-y, x)), hypot(y, x), max(0.0, 1 - float((found.fun**2).sum())))


def _waves(numbers: Pattern, rows: Pattern, columns: Pattern) -> Pattern:
    """A cosine and a sine below the same hill, (h w, 2). numbers: middle, widths along and across the wave, wave."""
    middle_y, middle_x, along, across, wave_y, wave_x = numbers
    y, x = rows - middle_y, columns - middle_x
    length = hypot(wave_y, wave_x) or 1.0
    on, beside = (x * wave_x + y * wave_y) / length, (y * wave_x - x * wave_y) / length
    hill = np.exp(-((on / along) ** 2 + (beside / across) ** 2) / 2)
    phase = 2 * pi * (x * wave_x + y * wave_y)
    both: Pattern = np.stack([(hill * np.cos(phase)).ravel(), (hill * np.sin(phase)).ravel()], 1)
    return both


def _spectrum(pattern: Pattern) -> tuple[Pattern, Pattern, Pattern]:
    """Power of a pattern without its mean, and the waves that it is of, in cycles per pixel down and to the right."""
    power = np.abs(np.fft.fft2(pattern - pattern.mean(), (SPECTRUM_PX, SPECTRUM_PX))) ** 2
    waves = np.fft.fftfreq(SPECTRUM_PX)
    wave_y, wave_x = np.meshgrid(waves, waves, indexing="ij")
    return power, wave_y, wave_x


def _of_bars(angle: float) -> float:
    """Degrees of bars whose wave runs at an angle in radians."""
    return (degrees(angle) + 90) % 180
