"""Values of a recipe's fields, from texts."""

from __future__ import annotations

import math
import types
import typing
from typing import Any

from striate.core.errors import StriateError


def parse_value(name: str, text: str, kind: Any) -> Any:
    """A text as a value of a field's type. Raises StriateError that says which type it should be.

    >>> parse_value("drop_at", "0.5,0.75", tuple[float, ...])
    (0.5, 0.75)
    >>> parse_value("size_px", "96x320", int | tuple[int, int] | None)
    (96, 320)
    """
    if typing.get_origin(kind) in (types.UnionType, typing.Union):  # "X | None"
        if text.lower() == "none":
            return None
        if tuple[int, int] in typing.get_args(kind):
            return parse_size(name, text)
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    try:
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}[text.lower()]
        if kind is float and math.isnan(float(text)):
            raise ValueError(text)
        if kind in (int, float):
            return kind(text)
        if kind == tuple[str, ...]:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if typing.get_origin(kind) is tuple:
            return tuple(float(part) for part in text.split(",") if part.strip())
    except (ValueError, KeyError) as error:
        words = {bool: "true or false", int: "a whole number", float: "a number"}
        raise StriateError(f"{name} must be {words.get(kind, 'numbers with commas between')}, got {text!r}") from error
    return text


def parse_size(name: str, text: str) -> int | tuple[int, int]:
    """HEIGHTxWIDTH, or one number for a square. Raises StriateError that says so.

    >>> parse_size("size_px", "64"), parse_size("size_px", "96x320")
    (64, (96, 320))
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise StriateError(f"{name} must be a whole number of pixels or HEIGHTxWIDTH, such as 96x320, got {text!r}")
    sides = [int(part) for part in parts]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])
