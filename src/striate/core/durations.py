"""Lengths of time as people write them."""

from __future__ import annotations

import re

from striate.core.errors import StriateError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MOST_SECONDS = 365 * SECONDS["d"]
UNITS = {"sec": "s", "min": "m"}
A_PART = re.compile(r"(\d+(?:\.\d+)?)(sec|min|[smhd])")


def seconds_of(text: str, name: str = "--budget") -> float:
    """Seconds of a text such as 90s, 20m, 2h or 1h30m. name: what errors call it.

    Raises StriateError for anything else, for nothing, and for more than a year.

    >>> seconds_of("30s"), seconds_of("20 min"), seconds_of("1h30m"), seconds_of("1.5h")
    (30.0, 1200.0, 5400.0, 5400.0)
    >>> seconds_of("20")
    Traceback (most recent call last):
    striate.core.errors.StriateError: budget=... needs a unit; is 20 meant as 20m (minutes), 20s or 20h?
    """
    plain = "".join(text.lower().split())
    if re.fullmatch(r"[0-9.]+", plain):
        raise StriateError(f"{name} needs a unit; is {plain} meant as {plain}m (minutes), {plain}s or {plain}h?")
    parts = A_PART.findall(plain)
    seconds = sum(float(number) * SECONDS[UNITS.get(unit, unit)] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != plain or not 0 < seconds <= MOST_SECONDS:
        raise StriateError(
            f"{name} must be a time with its unit, such as 30s, 20m, 2h or 1h30m, got {text!r}"
            + (", and at most a year" if seconds > MOST_SECONDS else "")
        )
    return seconds


def as_written(seconds: float) -> str:
    """Seconds as `seconds_of` reads them, rounded up to whole ones, for a command that a person pastes.

    >>> as_written(89.2), as_written(5400), as_written(86_400)
    ('1m30s', '1h30m', '24h')
    """
    whole = -int(-seconds // 1)
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "1s"
