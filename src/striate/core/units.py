"""Amounts in units that a person reads."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number of things; `noun` is of one thing, and its plural is regular.

    >>> counted(1, "picture"), counted(1200, "picture"), counted(0, "class"), counted(2, "epoch")
    ('1 picture', '1,200 pictures', '0 classes', '2 epochs')
    """
    plural = noun + ("es" if noun.endswith(("s", "tch")) else "s")
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
