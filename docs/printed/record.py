"""One printed number, and the rule by which it is judged."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from striate.core.errors import StriateError

NUMBER = re.compile(r"([<>]?) ?(\d[\d,]*(?:\.\d+)?) ?(k|Ki|M|G|P|MB|%|x|px|h|min)?")
UNITS = {"k": 10**3, "Ki": 2**10, "M": 10**6, "MB": 10**6, "G": 10**9, "P": 10**15}
RIGHT, ROUNDED, WRONG = "right", "rounded", "wrong"

Answer = int | float | str


@dataclass(frozen=True)
class Printed:
    """A quantity as it is printed somewhere.

    printed: a number with its unit, "< " or "> " before it where only that is claimed, or words such as "55x55x96".
    ours: computes it, in plain units. zeros: how many zeros at the end are no digits, as in 400 k for 401,408.
    why: for what is wrong, the reason; for what is right, a remark where one helps.
    """

    where: str
    quantity: str
    printed: str
    ours: Callable[[], Answer]
    why: str = ""
    zeros: int = 0


def verdict(row: Printed, answer: Answer) -> str:
    """right: equal, or the claim holds. rounded: within one unit of the last printed digit. wrong: anything else.

    Words, and whole numbers that are printed in full, are right or wrong. So is what is off by more than half of
    itself, as 0.1 for 0.01 is.
    """
    match = NUMBER.fullmatch(row.printed)
    if match is None or isinstance(answer, str):
        return RIGHT if row.printed == str(answer) else WRONG
    relation, digits, unit = match[1], Decimal(match[2].replace(",", "")), match[3]
    ours = Decimal(answer) / UNITS.get(unit, 1)
    if relation:
        return RIGHT if (ours < digits if relation == "<" else ours > digits) else WRONG
    if ours == digits:
        return RIGHT
    exponent = digits.as_tuple().exponent
    if not isinstance(exponent, int):
        raise StriateError(f"{row.printed!r} is no number")
    in_full = unit is None and exponent == 0 and not row.zeros
    step = Decimal(0) if in_full else Decimal(10) ** (exponent + row.zeros)
    return ROUNDED if abs(ours - digits) <= min(step, digits / 2) else WRONG
