"""Numbers as a reader wants them: per cent, counts, durations."""

from __future__ import annotations

import math
from typing import Any

NO_VALUE = "–"
THIN = "\N{NARROW NO-BREAK SPACE}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0..1 in per cent; what is almost all is never shown as all, nor almost nothing as nothing.

    >>> percent(355 / 360).replace(THIN, " "), percent(0.99999).replace(THIN, " "), percent(None)
    ('98.6 %', '99.9 %', '–')
    """
    if share is None or not math.isfinite(share):
        return NO_VALUE
    step = 10.0**-digits
    partly = 1e-9 < share < 1 - 1e-9  # closer than that it is rounding, as in Wilson's interval of 38 of 38
    shown = min(max(100 * share, step), 100 - step) if partly else 100 * share
    return f"{shown:.{digits}f}{THIN}%"


def interval(ends: tuple[float, float], digits: int = 1) -> str:
    """Both ends of an interval of shares in per cent, without the sign for the first.

    >>> interval((0.9679, 0.9941)).replace(THIN, " ")
    '96.8 to 99.4 %'
    """
    low, high = ends
    return f"{percent(low, digits).split(THIN)[0]} to {percent(high, digits)}"


def compact(number: float) -> str:
    """Three digits and a power of a thousand.

    >>> [compact(n).replace(THIN, " ") for n in (950, 61_706, 999_600, 1_814_073_344)]
    ['950', '61.7 k', '1.00 M', '1.81 G']
    """
    if number < 999.5:
        return f"{number:.0f}"
    rounded = float(f"{number:.3g}")  # first, so that 999,600 becomes 1.00 M and not 1000 k
    power = min(4, math.floor(math.log10(rounded) / 3 + 1e-9))
    shown = number / 1000**power
    digits = 2 if shown < 9.995 else 1 if shown < 99.95 else 0
    return f"{shown:.{digits}f}{THIN}{'kMGT'[power - 1]}"


def number(value: float | None) -> str:
    """Four digits at most, for a column of figures.

    >>> number(0.01234567), number(1832.4), number(None)
    ('0.01235', '1,832', '–')
    """
    if value is None:
        return NO_VALUE
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, the two largest that are not zero.

    >>> [duration(s).replace(THIN, " ") for s in (0.42, 21.3, 200, 7500)]
    ['0.4 s', '21 s', '3 min 20 s', '2 h 5 min']
    """
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{number}{THIN}{unit}" for number, unit in parts if number)


def plain(value: Any) -> str:
    """A JSON value as `--set` would take it.

    >>> plain(None), plain(True), plain(0.05), plain([0.5, 0.75])
    ('none', 'true', '0.05', '0.5, 0.75')
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def flat(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values of a record as text; records inside it are told as `outer.inner`.

    >>> flat({"threads": 2, "versions": {"torch": "2.13"}})
    [('threads', '2'), ('versions.torch', '2.13')]
    """
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, dict):
            pairs += [(f"{name}.{inner}", text) for inner, text in flat(value)]
        else:
            pairs.append((name, plain(value)))
    return pairs
