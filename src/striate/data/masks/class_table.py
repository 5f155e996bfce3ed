"""Lists of classes as people keep them beside masks: names, numbers and colours, as text, CSV or JSON.

A line is `sky`, `0 sky`, `128 128 128 sky`, `sky 128 128 128` or `0 128 128 128 sky`, parted by blanks, tabs, commas,
semicolons or colons; a header and lines that begin with # are passed over. JSON is a list of names, or an object of
names by number, of numbers by name, or of colours by name. A name that occurs again is the same class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from striate.core.errors import StriateError
from striate.core.files import read_regular

# In the order in which they are looked for; names such as labels.csv and labels.json are other things elsewhere.
FILES = (
    *("classes.txt", "classes.tsv", "classes.csv", "classes.json", "class_names.txt", "class_names.json", "codes.txt"),
    *("label_colors.txt", "label_colors.csv", "label_colours.txt", "class_dict.csv", "colormap.txt", "colormap.json"),
    *("labelmap.txt", "labels.txt"),
)
MOST_BYTES = 2**20
MOST_NUMBER = 0xFFFF  # of 16 bits
IGNORED_NAMES = ("void", "ignore", "ignored", "unlabeled", "unlabelled", "not labeled", "not labelled", "don't care")
HEADINGS = frozenset(
    {"name", "class", "class_name", "label", "id", "number", "index", "color", "colour", "color_rgb", "rgb"}
    | {"r", "g", "b", "red", "green", "blue", "parts", "actions"}
)
PARTED = re.compile(r"[\s,;:]+")
EXPECTED = "expected is a class a line: sky, or 0 sky, or 128 128 128 sky"


class Row(NamedTuple):
    """A class of a list: its name, its number if the list says one, its colour 0xRRGGBB if it says one."""

    name: str
    number: int | None = None
    colour: int | None = None


@dataclass(frozen=True)
class ClassTable:
    """A list of classes. file: what errors call it. rows: in its order. ignored: a name that is no class."""

    file: str
    rows: tuple[Row, ...]
    ignored: str | None = None

    def is_ignored(self, row: Row) -> bool:
        """Whether nothing is asked where a mask has this."""
        known = IGNORED_NAMES if self.ignored is None else (*IGNORED_NAMES, self.ignored)
        return any(same_name(row.name, name) for name in known)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, each once, by the number or place of the first row of each."""
        by_number = sorted(self._numbered, key=lambda pair: pair[0])
        return tuple(dict.fromkeys(row.name for _, row in by_number if not self.is_ignored(row)))

    @property
    def unasked(self) -> tuple[str, ...]:
        """What is ignored, by name."""
        return tuple(row.name for row in self.rows if self.is_ignored(row))

    @property
    def numbers(self) -> dict[int, str | None]:
        """Name by number, or by place in the list where it says no numbers; None: ignored."""
        return {number: None if self.is_ignored(row) else row.name for number, row in self._numbered}

    @property
    def colours(self) -> dict[int, str | None]:
        """Name by colour; None: ignored. Empty where the list says no colours."""
        told = ((row.colour, row) for row in self.rows if row.colour is not None)
        return {colour: None if self.is_ignored(row) else row.name for colour, row in told}

    @property
    def _numbered(self) -> list[tuple[int, Row]]:
        return [(place if row.number is None else row.number, row) for place, row in enumerate(self.rows)]


def find_class_table(folders: Sequence[Path], ignored: str | None = None) -> ClassTable | None:
    """The list of classes that lies in the first of some folders that has one; None: there is none.

    ignored: the name of what is no class, beside those that say so themselves. Raises StriateError for a list that
    cannot be read or says two things at once.
    """
    for folder in folders:
        for name in FILES:
            if (folder / name).is_file():
                return read_class_table(folder / name, ignored)
    return None


def read_class_table(file: Path, ignored: str | None = None) -> ClassTable:
    """Read one list of classes; `ignored` and errors as above."""
    try:
        text = read_regular(file, MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise StriateError(f"{file} cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise StriateError(f"{file} is not UTF-8 text; save it as UTF-8") from error
    rows = _of_json(text, file) if file.suffix.lower() == ".json" else _of_lines(text)
    _refuse_twice(file, rows)
    table = ClassTable(str(file), tuple(rows), ignored)
    if not table.names:
        raise StriateError(f"{file} names no class; {EXPECTED}")
    return table


def same_name(name: str, other: str) -> bool:
    """Whether two spellings are one class.

    >>> same_name("Own_Car", "own car")
    True
    """
    return name.casefold().replace("_", " ") == other.casefold().replace("_", " ")


def _refuse_twice(file: Path, rows: Sequence[Row]) -> None:
    for what, value_of in (("number", lambda row: row.number), ("colour", lambda row: row.colour)):
        value: Callable[[Row], int | None] = value_of
        named: dict[int, str] = {}
        for row in rows:
            if (told := value(row)) is not None and named.setdefault(told, row.name) != row.name:
                shown = rgb(told) if what == "colour" else str(told)
                raise StriateError(f"{file} gives the {what} {shown} to two classes, {named[told]} and {row.name}")


def _of_lines(text: str) -> list[Row]:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if lines and set(PARTED.split(lines[0].casefold())) <= HEADINGS and len(lines) > 1:
        lines = lines[1:]
    read = [_of_line(line) for line in lines]
    if len({(row.number is None, row.colour is None) for row in read}) > 1:
        return [Row(line) for line in lines]  # "2 wheels" among names is a name
    return read


def _of_line(line: str) -> Row:
    parts = [part for part in PARTED.split(line) if part]
    before = next((place for place, part in enumerate(parts) if not part.isdecimal()), len(parts))
    numbers = [int(part) for part in parts[:before]]
    rest = parts[before:]
    if before in (0, 1) and len(rest) > 3 and all(part.isdecimal() and int(part) < 256 for part in rest[-3:]):
        return Row(" ".join(rest[:-3]), numbers[0] if before else None, _packed([int(part) for part in rest[-3:]]))
    if not rest or before not in (1, 3, 4) or any(number > MOST_NUMBER for number in numbers):
        return Row(line)
    if before > 1 and max(numbers[-3:]) > 255:
        return Row(line)
    number = numbers[0] if before in (1, 4) else None
    return Row(" ".join(rest), number, _packed(numbers[-3:]) if before > 1 else None)


def _of_json(text: str, file: Path) -> list[Row]:
    try:
        told = json.loads(text)
        if isinstance(told, list):
            return [_of_entry(*((each, None) if isinstance(each, str) else (each["name"], each))) for each in told]
        return [_of_entry(name, value) for name, value in told.items()]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise StriateError(f'{file} is no list of classes; expected is JSON such as {{"0": "sky"}}') from error


def _of_entry(name: Any, value: Any) -> Row:
    """A name and None, its number, its colour or an object with both; or a number and its name."""
    if isinstance(value, str):
        return Row(value, _number(name))
    if isinstance(value, dict):
        colour = value.get("color", value.get("colour"))
        number = value.get("id")
        return Row(str(name), None if number is None else _number(number), None if colour is None else _packed(colour))
    if isinstance(value, list):
        return Row(str(name), None, _packed(value))
    return Row(str(name), None if value is None else _number(value))


def _number(told: Any) -> int:
    number = int(told)
    if not 0 <= number <= MOST_NUMBER:
        raise ValueError(f"{number} is no class number")
    return number


def _packed(levels: Sequence[int]) -> int:
    red, green, blue = levels
    if not all(isinstance(level, int) and 0 <= level < 256 for level in levels):
        raise ValueError(f"{levels} is no colour")
    return red << 16 | green << 8 | blue


def rgb(colour: int) -> str:
    """A colour 0xRRGGBB as lists have it.

    >>> rgb(0x804000)
    '128 64 0'
    """
    return f"{colour >> 16} {colour >> 8 & 255} {colour & 255}"
