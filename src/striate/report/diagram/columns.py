"""A long drawing in columns, so that its letters are as large as they can be on a printed page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from striate.report.diagram.boxes import TEXT_PX, Drawn
from striate.report.diagram.ranks import Edge
from striate.report.diagram.sheet import Framed, Sheet, joined

A4_MM = (190.0, 277.0)  # without margins of 10 mm
HEADING_PX = 110.0  # what stands above the drawing, about
MOST_COLUMNS = 5
GUTTER_PX = 30.0
TURN_PX = 16.0  # how far a line goes on below and above a column before it turns
WORTH = 1.15  # how much larger another column must make the letters
LARGE_MM = 2.8  # of letters that need not be larger, 8 points


def in_columns(items: Sequence[Drawn | Framed], edges: Sequence[Edge]) -> Sheet:
    """The parts of a drawing in as many columns as make its letters largest on a sheet of A4, upright or on its side.

    A column ends only after a part that alone is read by what comes later.
    """
    best = whole = joined(items, edges)
    cuts = _cuts(len(items), edges)
    for columns in range(2, MOST_COLUMNS + 1):
        if letters_mm(best) > LARGE_MM:
            break
        heights = [whole.height * number / columns for number in range(1, columns)]
        ends = {min(cuts, key=lambda cut: abs(whole.ends[cut][1] - height)) for height in heights} if cuts else set()
        sheet = _side_by_side(items, edges, sorted(ends))
        if letters_mm(sheet) > WORTH * letters_mm(best):
            best = sheet
    return best


def letters_mm(sheet: Sheet) -> float:
    """How large letters are on A4, in millimetres."""
    sides = sheet.width, sheet.height + HEADING_PX
    return TEXT_PX * max(min(page[0] / sides[0], page[1] / sides[1]) for page in (A4_MM, A4_MM[::-1]))


def _cuts(count: int, edges: Sequence[Edge]) -> list[int]:
    """Parts after which all that is read by later ones is their own output; not the last one."""
    reach, found = [0] * count, list[int]()
    for source, target in edges:
        reach[source] = max(reach[source], target)
    farthest = 0
    for number in range(count - 1):
        if farthest <= number and reach[number] > number:
            found.append(number)
        farthest = max(farthest, reach[number])
    return found


def _side_by_side(items: Sequence[Drawn | Framed], edges: Sequence[Edge], ends: Sequence[int]) -> Sheet:
    """Columns that end after these parts, each going on at the top of the next."""
    bounds = [0, *(end + 1 for end in ends), len(items)]
    sheet: Sheet | None = None
    for first, end in pairwise(bounds):
        within = [(source - first, target - first) for source, target in edges if source >= first and target < end]
        enters = [target - first for source, target in edges if source < first <= target < end]
        column = joined(items[first:end], within, enters=enters)
        sheet = _beside(sheet, column) if sheet else column
    return (sheet or joined(items, edges)).moved(0, TURN_PX)


def _beside(left: Sheet, right: Sheet) -> Sheet:
    """A column to the right of others, and the line that goes on from the last part of these to its top."""
    column = right.moved(left.width + GUTTER_PX, 0)
    (x, y), (start_x, _) = left.ends[-1], column.start
    lowest, gutter = y + TURN_PX, left.width + GUTTER_PX / 2
    turn = ((x, y), (x, lowest), (gutter, lowest), (gutter, -TURN_PX), (start_x, -TURN_PX))
    first = next(number for number, line in enumerate(column.lines) if line[0] == column.start)
    lines = [(*turn, *line) if number == first else line for number, line in enumerate(column.lines)]
    return Sheet(
        (*left.spots, *column.spots),
        (*left.frames, *column.frames),
        (*left.lines, *lines),
        left.start,
        column.ends,
        column.width,
        max(left.height, lowest, column.height),
    )
