"""What the places along one dimension see of one axis of the picture, exactly: a first and a last pixel for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from striate.ops.windows import Field

Span = tuple[int, int]
"""First and last pixel; outside the picture lies padding, or, where it was padded in a circle, its other end."""

Taps = Callable[[int], Sequence[int]]
"""Which places of the input a place of the output reads, in ascending or descending order."""


class Sight(NamedTuple):
    """spans: what places 0, 1, ... see, None where a place sees nothing.

    step_px: how much further the next as many places see, and so on for ever, so that padding counts as in the
    literature; None where there are no other places and padding sees what the outermost ones see.
    jump_px: pixels from what one place sees to what its neighbour sees, on average; 0 where there is one view only.
    """

    spans: tuple[Span | None, ...]
    step_px: int | None
    jump_px: int | Fraction

    def at(self, place: int) -> Span | None:
        """What one place sees.

        >>> PIXEL_SIGHT.at(3), Sight(((0, 1), None), 4, 2).at(-2)
        ((3, 3), (-4, -3))
        """
        if self.step_px is None:
            return self.spans[min(max(place, 0), len(self.spans) - 1)]
        rounds, phase = divmod(place, len(self.spans))
        span = self.spans[phase]
        if span is None or not rounds:
            return span
        ahead = rounds * self.step_px
        return span[0] + ahead, span[1] + ahead

    def of(self, taps: Sequence[int]) -> Span | None:
        """What these places see together."""
        if len(self.spans) == 1 and len(taps) > 1 and (first := self.at(taps[0])) and (last := self.at(taps[-1])):
            return (first[0], last[1]) if first[0] <= last[0] else (last[0], first[1])
        return hull(map(self.at, taps))

    def resampled(self, taps: Taps, length: int, outputs: int = 0, inputs: int = 1) -> Sight:
        """After an operator along the axis that makes `length` places.

        outputs, inputs: when that many places of the output further, the taps lie that many places of the input
        further; outputs is 0 where the operator has no such rhythm.

        >>> enlarged = PIXEL_SIGHT.resampled(lambda place: (place // 2,), length=8, outputs=2)
        >>> enlarged.spans, enlarged.step_px, enlarged.jump_px
        (((0, 0), (0, 0)), 1, Fraction(1, 2))
        >>> enlarged.resampled(lambda place: range(place - 1, place + 2), 8, outputs=1).field().size_px
        2
        """
        jump = self.jump_px * inputs if outputs else self.jump_px
        if outputs > 1:
            jump = _whole(Fraction(jump, outputs))
        if outputs and self.step_px is not None:
            rounds = len(self.spans) // gcd(len(self.spans), inputs)
            if outputs * rounds <= max(1, length):
                step = self.step_px * inputs * rounds // len(self.spans)
                return _settled([self.of(taps(place)) for place in range(outputs * rounds)], step, jump)
        return _settled([self.of(taps(place)) for place in range(length)], None, jump)

    def over(self, length: int) -> Sight:
        """Of all places together, wherever one stands: there is one view only."""
        return Sight((self.of(range(length)),), 0, 0)

    def displaced(self, pixels: int) -> Sight:
        """The same further along the picture."""
        spans = tuple(span and (span[0] + pixels, span[1] + pixels) for span in self.spans)
        return self._replace(spans=spans)

    def rolled(self, shift: int, length: int, picture_px: int) -> Sight:
        """Shifted, where the end that comes back at the front lies before the first pixel."""
        shift %= length
        shift -= length if 2 * shift > length else 0
        spans = []
        for place in range(length):
            rounds, old = divmod(place - shift, length)
            span = self.at(old)
            spans.append(span and (span[0] + rounds * picture_px, span[1] + rounds * picture_px))
        return _settled(spans, None, self.jump_px)

    def union(self, other: Sight, length: int) -> Sight:
        """Of two branches that meet, place by place.

        >>> PIXEL_SIGHT.union(PIXEL_SIGHT.over(8), length=8)
        Sight(spans=((0, 7),), step_px=0, jump_px=1)
        """
        if self.jump_px == other.jump_px:
            jump = self.jump_px
        else:
            jump = max(self.jump_px, other.jump_px, key=lambda px: abs(float(px)))
        if self.step_px == other.step_px is not None and len(self.spans) == len(other.spans) == 1:
            return Sight((hull((self.spans[0], other.spans[0])),), self.step_px, jump)
        for all_seen, sight in ((self, other), (other, self)):
            if all_seen.step_px == 0 and len(all_seen.spans) == 1 == len(sight.spans):
                ends = sight.at(0), sight.at(length - 1)
                if hull((*all_seen.spans, *ends)) == all_seen.spans[0]:
                    return all_seen._replace(jump_px=jump)
        count, step = length, None
        if self.step_px is not None and other.step_px is not None:
            period = lcm(len(self.spans), len(other.spans))
            steps = {sight.step_px * period // len(sight.spans) for sight in (self, other) if sight.step_px is not None}
            if len(steps) == 1 and period <= max(1, length):
                count, step = period, steps.pop()
        return _settled([hull((self.at(place), other.at(place))) for place in range(count)], step, jump)

    def field(self) -> Field:
        """Pixels that a place sees at most, and where the first place that sees anything begins."""
        if len(self.spans) == 1 and (span := self.spans[0]):
            return Field(span[1] - span[0] + 1, self.jump_px, span[0])
        sizes = [span[1] - span[0] + 1 for span in self.spans if span]
        start = next((span[0] for span in self.spans if span), 0)
        return Field(max(sizes, default=0), self.jump_px, start)


PIXEL_SIGHT = Sight(((0, 0),), 1, 1)
"""Of the picture itself: each place is its own pixel."""


def hull(spans: Iterable[Span | None]) -> Span | None:
    """From the first to the last pixel that any of them sees."""
    whole: Span | None = None
    for span in spans:
        if whole is None or span is None:
            whole = whole or span
        else:
            whole = min(whole[0], span[0]), max(whole[1], span[1])
    return whole


def placed(sight: Sight, length: int, first: int, step: int, count: int) -> Sight:
    """Written to every `step`-th of `length` places from `first` on, `count` of them; the others see nothing."""

    def taps(place: int) -> tuple[int, ...]:
        index, rest = divmod(place - first, step)
        return () if rest or not (covers or 0 <= index < count) else (index,)

    covers = first < step and first + count * step >= length
    return sight.resampled(taps, length, outputs=step if covers else 0)


def _settled(spans: Sequence[Span | None], step: int | None, jump: int | Fraction) -> Sight:
    """In the simplest words: places that all see the same, or that follow each other as in an endless map."""
    first = spans[0]
    if len(spans) > 1 and first is not None and None not in spans:
        if all(span == first for span in spans) and not step:
            return Sight((first,), 0, jump)
        if step is None and isinstance(jump, int):
            line = [(first[0] + place * jump, first[1] + place * jump) for place in range(len(spans))]
            if line == list(spans):
                return Sight((first,), jump, jump)
    return Sight(tuple(spans), step, jump)


def _whole(number: Fraction) -> int | Fraction:
    """A fraction without remainder as the integer it is."""
    return int(number) if number.denominator == 1 else number
