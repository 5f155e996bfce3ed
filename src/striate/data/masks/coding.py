"""Which class the numbers or colours in mask files stand for: as a list says, or as the masks show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.decode import DecodeError
from striate.data.masks.class_table import ClassTable, rgb
from striate.data.masks.mask_file import RawMask
from striate.data.masks.survey import Seen, Survey
from striate.ops.pixels import IGNORED

MOST_CLASSES = 255  # IGNORED is no class
FOREGROUND = ("background", "foreground")
OBJECTS_FROM = 3  # objects in one mask, by which their counting is told from classes
COLOURS = "has colours, where the masks of the data have numbers"
NAMED = 12  # colours or numbers in a sentence


@dataclass(frozen=True)
class Coding:
    """What masks stand for.

    names: of the classes, in the order of their numbers. classes: class number, or IGNORED, by number in the file or,
    where coloured, by colour 0xRRGGBB. note: what was taken for granted, or "". unasked: names of what is ignored;
    None: no list names anything.

    >>> coding = Coding(("sky", "road"), {0: 0, 7: 1, 255: IGNORED})
    >>> coding.class_numbers(RawMask(np.array([[7, 255, 0]], np.uint32), coloured=False), "a.png").tolist()
    [[1, 255, 0]]
    """

    names: tuple[str, ...]
    classes: Mapping[int, int]
    coloured: bool = False
    note: str = ""
    unasked: tuple[str, ...] | None = None

    def class_numbers(self, mask: RawMask, name: str) -> npt.NDArray[np.uint8]:
        """Class numbers, or IGNORED, uint8 (H, W). name: what errors call it. Raises DecodeError for any other."""
        numbers = mask.colours if self.coloured else mask.numbers
        if mask.coloured and not self.coloured:
            if not mask.is_grey:
                raise DecodeError(name, COLOURS)
            numbers = numbers & np.uint32(0xFF)
        known, classes = self._table
        places = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        strange = known[places] != numbers
        if strange.any():
            raise DecodeError(name, self.beyond({int(each): 0 for each in np.unique(numbers[strange])}))
        numbered: npt.NDArray[np.uint8] = classes[places]
        return numbered

    @cached_property
    def _table(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        known = sorted(self.classes)
        return np.array(known, np.uint32), np.array([self.classes[each] for each in known], np.uint8)

    def strange(self, seen: Seen) -> dict[int, int]:
        """The numbers or colours of a mask that are no class, and how many pixels have each."""
        return {each: count for each, count in seen.by(self.coloured).items() if each not in self.classes}

    def wrong(self, seen: Seen) -> str:
        """What of a mask is no class; "" where there is nothing wrong with it."""
        if not self.coloured and not seen.is_grey:
            return COLOURS
        strange = self.strange(seen)
        return self.beyond(strange) if strange else ""

    def beyond(self, strange: Mapping[int, int]) -> str:
        """What is wrong with a mask that has these."""
        kind, which = ("colour", "which is no class") if len(strange) == 1 else ("colours", "which are no classes")
        kind = kind if self.coloured else kind.replace("colour", "number")
        return f"has the {kind} {_some(strange, self.coloured)}, {which}"

    def pixels(self, seen: Seen) -> list[int]:
        """Pixels of each class, and of what is ignored behind them."""
        counts = [0] * (len(self.names) + 1)
        for each, count in seen.by(self.coloured).items():
            if each in self.classes:
                counts[min(self.classes[each], len(self.names))] += count
        return counts


def coding_of(survey: Survey, table: ClassTable | None, source: str) -> Coding:
    """What the masks of a data set stand for. source: what errors call it.

    By a list of classes: by its colours where the masks have these, else by its numbers, or places; 255 is ignored
    unless it is a class there. Without: 0 and 255 are background and foreground; numbers that count the objects in
    every mask are background and foreground as well; others are classes, and 255 is ignored.
    Raises StriateError where colours have no list, with those that were found.
    """
    if table is not None:
        return replace(_by_table(survey, table), unasked=table.unasked)
    if survey.is_coloured:
        raise StriateError(
            f"{source}: masks have colours, and no list says which class each is; write classes.txt beside them with a "
            f"line such as 128 64 0 road for each of {_some(survey.colours, coloured=True)}"
        )
    found = set(survey.numbers)
    if found <= {0, IGNORED} and IGNORED in found:
        return Coding(FOREGROUND, {0: 0, IGNORED: 1}, note="masks of 0 and 255 are read as background and foreground")
    if {0, IGNORED} <= found and any(0 < number < 16 for number in found) and any(240 <= n < 255 for n in found):
        raise StriateError(
            f"{source}: masks hold 0, 255 and numbers next to both ({_some(survey.numbers, coloured=False)}), as JPEG "
            "leaves them; save masks as PNG, 0 below 128 and 255 above"
        )
    if most := _objects(survey):
        return Coding(
            FOREGROUND,
            {number: min(number, 1) for number in found},
            note=f"masks count objects, up to {most} in one, and are read as background and foreground; to find each "
            "object, say --task instances; if the numbers are classes, name them in classes.txt",
        )
    numbers = sorted(found - {IGNORED})
    _refuse_many(source, len(numbers))
    classes = {number: place for place, number in enumerate(numbers)} | {IGNORED: IGNORED}
    return Coding(tuple(map(str, numbers)), classes, note="no list names the classes, so they are called by number")


def _by_table(survey: Survey, table: ClassTable) -> Coding:
    _refuse_many(table.file, len(table.names))
    place: dict[str | None, int] = {name: number for number, name in enumerate(table.names)} | {None: IGNORED}
    by_colour = {colour: place[name] for colour, name in table.colours.items()}
    if by_colour and (survey.is_coloured or set(survey.colours) <= set(by_colour)):
        return Coding(table.names, by_colour, coloured=True)
    if survey.is_coloured:
        raise StriateError(
            f"{table.file} says no colours, and masks have them; begin each line with the colour of the class, one of "
            f"{_some(survey.colours, coloured=True)}"
        )
    by_number = {number: place[name] for number, name in table.numbers.items()}
    found = set(survey.numbers)
    if len(table.names) == 2 and found <= {0, IGNORED} and IGNORED not in by_number:
        return Coding(table.names, {0: 0, IGNORED: 1}, note=f"255 in masks is read as {table.names[1]}")
    if len(table.names) == 2 and set(by_number) == {0, 1} and (most := _objects(survey)):
        note = f"masks count objects, up to {most} in one, and all of them are read as {table.names[1]}"
        return Coding(table.names, {number: min(number, 1) for number in found}, note=note)
    return Coding(table.names, {IGNORED: IGNORED} | by_number)


def _objects(survey: Survey) -> int:
    """The most objects in a mask, where every mask counts its own from 1 up above a background of 0; else 0."""
    highest = []
    for seen in survey.readable:
        numbers = set(seen.by(coloured=False)) - {IGNORED}
        if numbers != set(range(len(numbers))):
            return 0
        highest.append(len(numbers) - 1)
    differ = len(set(highest)) > 1
    return max(highest) if differ and max(highest) >= OBJECTS_FROM else 0


def _refuse_many(source: str, classes: int) -> None:
    if classes > MOST_CLASSES:
        raise StriateError(f"{source} has {counted(classes, 'class')}; masks can tell {MOST_CLASSES} apart")


def _some(pixels: Mapping[int, int], coloured: bool) -> str:
    """The commonest of some numbers or colours."""
    ordered = sorted(pixels, key=lambda each: (-pixels[each], each))
    shown = [rgb(each) if coloured else str(each) for each in ordered[:NAMED]]
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return f"{'; '.join(shown) if coloured else ', '.join(shown)}{more}"
