"""Axes: where the ticks stand and what is written at them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A linear axis from the first tick to the last, or a little further; ticks ascend."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def value_axis(low: float, high: float, ceiling: float = math.inf, about: int = 5) -> Axis:
    """An axis over values, widened to round ticks, but not above the ceiling.

    >>> value_axis(0, 2.31).labels
    ('0.0', '0.5', '1.0', '1.5', '2.0', '2.5')
    >>> value_axis(97.0, 97.0, ceiling=100).labels
    ('96.0', '96.5', '97.0', '97.5', '98.0')
    >>> value_axis(0, 0).labels
    ('0.0', '0.2', '0.4', '0.6', '0.8', '1.0')
    """
    if high == low:
        low, high = (low - abs(low) / 100, high + abs(high) / 100) if high else (0, 1)
    step = round_step((high - low) / about)
    first, last = math.floor(low / step + 1e-9), math.ceil(min(high, ceiling) / step - 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, tuple(tick_label(tick, step) for tick in ticks))


def epoch_axis(first: int, last: int, about: int = 6) -> Axis:
    """An axis over whole epochs, which ends where the run does.

    >>> epoch_axis(1, 30).labels, epoch_axis(1, 1).labels
    (('5', '10', '15', '20', '25', '30'), ('1',))
    """
    step = max(1, int(round_step((last - first) / about)))
    start = first if step == 1 else math.ceil(first / step) * step
    ticks = tuple(range(start, last + 1, step))
    margin = 0.5 if first == last else 0.0
    return Axis(first - margin, last + margin, ticks, tuple(map(str, ticks)))


def round_step(step: float) -> float:
    """The next larger of 1, 2, 5, 10 times a power of ten.

    >>> round_step(0.46), round_step(3), round_step(0)
    (0.5, 5.0, 1.0)
    """
    if step <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(step))
    rounded = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
    return float(f"{rounded:.12g}")  # 0.1 ** 3 is not quite 0.001


def tick_label(value: float, step: float) -> str:
    """A tick with the digits that its step needs; powers of ten where zeros would crowd it.

    >>> tick_label(0.15, 0.05), tick_label(300.0, 100.0), tick_label(1.2e-05, 2e-06), tick_label(2e6, 1e6)
    ('0.15', '300', '1.2e-5', '2e6')
    >>> tick_label(0.0, 2e-06)
    '0'
    """
    if step < 1e-4 or abs(value) >= 1e5:
        if not value:
            return "0"
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
