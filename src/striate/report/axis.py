"""Axes: where the ticks stand and what is written at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from striate.core.units import compact


@dataclass(frozen=True)
class Axis:
    """An axis from a low value to a high one, with ticks between them that ascend; linear unless said otherwise."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def place(self, value: float, start: float, end: float) -> float:
        """The pixel at which a value lies on an axis drawn from the pixel `start` to the pixel `end`."""
        return start + self.share(value) * (end - start)

    def places(self, start: float, end: float) -> tuple[tuple[float, str], ...]:
        """Pixel and label of each tick."""
        return tuple((self.place(tick, start, end), label) for tick, label in zip(self.ticks, self.labels, strict=True))


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
    step = rounded_up((high - low) / about)
    first, last = math.floor(low / step + 1e-9), math.ceil(min(high, ceiling) / step - 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, tuple(tick_label(tick, step) for tick in ticks))


def fixed_axis(low: float, high: float, floor: float = -math.inf, about: int = 10) -> Axis:
    """An axis that ends where it is told, with the round numbers inside as ticks, but none below the floor.

    >>> fixed_axis(4.6, 12.2).labels, fixed_axis(-0.7, 1.1, floor=0, about=5).labels
    (('5', '6', '7', '8', '9', '10', '11', '12'), ('0.0', '0.5', '1.0'))
    """
    step = rounded_up((high - low) / about)
    first, last = math.ceil(max(low, floor) / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Axis(low, high, ticks, tuple(tick_label(tick, step) for tick in ticks))


def count_axis(low: float, high: float) -> Axis:
    """A logarithmic axis of counts that ends where it is told, with 1, 2 and 5 times powers of ten as ticks.

    >>> count_axis(1.2e9, 25e9).labels
    ('2 G', '5 G', '10 G', '20 G')
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = tuple(tick for power in powers for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power))
    inside = tuple(tick for tick in ticks if low <= tick <= high)
    return Axis(low, high, inside, tuple(map(count_label, inside)), logarithmic=True)


def count_label(count: float) -> str:
    """A round count without zeros after the point.

    >>> count_label(5e9), count_label(200e6), count_label(20)
    ('5 G', '200 M', '20')
    """
    number, _, unit = compact(count).partition(" ")
    return f"{float(number):g} {unit}".rstrip()


def epoch_axis(first: int, last: int, about: int = 6) -> Axis:
    """An axis over whole epochs, which ends where the run does.

    >>> epoch_axis(1, 30).labels, epoch_axis(1, 1).labels
    (('5', '10', '15', '20', '25', '30'), ('1',))
    """
    step = max(1, int(rounded_up((last - first) / about)))
    start = first if step == 1 else math.ceil(first / step) * step
    ticks = tuple(range(start, last + 1, step))
    margin = 0.5 if first == last else 0.0
    return Axis(first - margin, last + margin, ticks, tuple(map(str, ticks)))


def rounded_up(number: float) -> float:
    """The next larger of 1, 2, 5, 10 times a power of ten.

    >>> rounded_up(0.46), rounded_up(3), rounded_up(0)
    (0.5, 5.0, 1.0)
    """
    if number <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(number))
    rounded = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= number * (1 - 1e-9))
    return float(f"{rounded:.12g}")  # 0.1 ** 3 is not quite 0.001


def tick_label(value: float, step: float) -> str:
    """A tick with the digits that its step needs; powers of ten where zeros would crowd it.

    >>> tick_label(0.15, 0.05), tick_label(300.0, 100.0), tick_label(1.2e-05, 2e-06), tick_label(2e6, 1e6)
    ('0.15', '300', '1.2e-5', '2e6')
    >>> tick_label(0.0, 2e-06), tick_label(100_850_000.0, 50_000.0)
    ('0', '1.0085e8')
    """
    if step < 1e-4 or abs(value) >= 1e5:
        if not value:
            return "0"
        digits = math.floor(math.log10(abs(value))) - math.floor(math.log10(step) + 1e-9)
        mantissa, _, exponent = f"{value:.{max(3, digits)}e}".partition("e")
        return f"{float(mantissa):.{max(6, digits + 1)}g}e{int(exponent)}"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
