"""Numbers as a reader of a page wants them; counts and durations are in `core/units.py`."""

from __future__ import annotations

import math
import re
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


def number(value: float | None) -> str:
    """Four digits at most, for a column of figures.

    >>> number(0.01234567), number(1832.4), number(None)
    ('0.01235', '1,832', '–')
    """
    if value is None:
        return NO_VALUE
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.4g}"


def kept_together(text: str) -> str:
    """A text in which no line breaks between a number and its unit.

    >>> kept_together("2 h 5 min").replace(THIN, "_"), kept_together("61.71 k").replace(THIN, "_")
    ('2_h 5_min', '61.71_k')
    """
    return re.sub(r"(?<=\d) (?=[a-zA-Z])", THIN, text)


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
