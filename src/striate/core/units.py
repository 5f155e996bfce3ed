"""Amounts in units that a person reads."""

from __future__ import annotations

from decimal import Decimal

from striate.core.errors import StriateError

THOUSANDS = "kMGT"  # units of a thousand, its square and so on


def counted(count: int, noun: str) -> str:
    """A number of things; `noun` is of one thing, and its plural is regular.

    >>> counted(1, "picture"), counted(1200, "box"), counted(0, "class"), counted(2, "epoch")
    ('1 picture', '1,200 boxes', '0 classes', '2 epochs')
    """
    plural = noun + ("es" if noun.endswith(("s", "tch", "x")) else "s")
    return f"{count:,} {noun if count == 1 else plural}"


def in_bytes(count: int) -> str:
    """An amount of memory in the unit in which it is no zero.

    >>> in_bytes(61_350_000), in_bytes(44_000), in_bytes(312), in_bytes(8_250_000_000)
    ('61.4 MB', '44.0 kB', '312 bytes', '8.25 GB')
    """
    if count >= 1e9:
        return f"{count / 1e9:,.2f} GB"
    if count >= 1e5:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e3:.1f} kB" if count >= 1000 else counted(count, "byte")


def in_megabytes(count: int) -> str:
    """An amount of memory for a column of megabytes, in which few are no zero.

    >>> in_megabytes(25_690_112), in_megabytes(40), in_megabytes(0)
    ('25.69', '0.00004', '0.00')
    """
    amount = count / 1e6
    return f"{amount:,.2f}" if amount >= 0.005 or not count else f"{Decimal(f'{amount:.1g}'):f}"


def compact(number: float) -> str:
    """A count in four digits and a unit of a power of a thousand.

    >>> compact(794), compact(61_706), compact(999_960), compact(25_557_032), compact(4_089_184_256)
    ('794', '61.71 k', '1.000 M', '25.56 M', '4.089 G')
    """
    rounded = float(f"{number:.4g}")  # first, so that 999,960 becomes 1.000 M and not 1000 k
    power = next((power for power in (4, 3, 2, 1) if rounded >= 1000**power), 0)
    if not power:
        return f"{rounded:g}"
    amount = rounded / 1000**power
    digits = next((digits for digits, end in ((3, 10), (2, 100), (1, 1000)) if amount < end), 0)
    return f"{amount:.{digits}f} {THOUSANDS[power - 1]}"


def amount(text: str) -> float:
    """A number as people write it: 10M, 1.5G, 61706.

    Raises StriateError for anything else.

    >>> amount("10M"), amount("1.5g"), amount("61_706")
    (10000000.0, 1500000000.0, 61706.0)
    """
    units = {"b": 1e9} | {unit.lower(): 1000.0**power for power, unit in enumerate(THOUSANDS, 1)}
    unit = units.get(text[-1:].lower())
    try:
        value = float(text[:-1] if unit else text) * (unit or 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise StriateError(f"an amount is a number with or without k, M, G or T, such as 10M or 1.5G, got {text!r}")
    return value


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, the two largest that are not zero.

    >>> duration(0.42), duration(21.3), duration(200), duration(7500)
    ('0.4 s', '21 s', '3 min 20 s', '2 h 5 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
