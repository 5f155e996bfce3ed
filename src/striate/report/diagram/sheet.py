"""What is drawn on a sheet, and boxes and frames joined to one by lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from striate.report.diagram.arranged import Part, Point, arranged
from striate.report.diagram.boxes import Drawn
from striate.report.diagram.places import Size
from striate.report.diagram.ranks import Edge


class Spot(NamedTuple):
    """Where a box is. x: of the line through the middle of its block. y: of its upper edge."""

    drawn: Drawn
    x: float
    y: float

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of all that belongs to it."""
        size = self.drawn.size
        return self.x - size.left, self.y, self.x + size.right, self.y + size.height

    @property
    def corner(self) -> Point:
        """The upper left corner of its block, which stands in the middle of the height."""
        return self.x - self.drawn.block.width / 2, self.y + (self.drawn.size.height - self.drawn.block.tall) / 2


class Frame(NamedTuple):
    """Around boxes that repeat. words, words_x: how often, and of what. edges: left, top, right and bottom."""

    words: str
    words_x: float
    edges: tuple[float, float, float, float]


@dataclass(frozen=True)
class Sheet:
    """What is drawn, in pixels. lines: from box to box or to the edge of a frame, points from the top down.

    start: where the line stands that enters from above. ends: where a line leaves each of its parts.
    """

    spots: tuple[Spot, ...]
    frames: tuple[Frame, ...]
    lines: tuple[tuple[Point, ...], ...]
    start: Point
    ends: tuple[Point, ...]
    width: float
    height: float

    def moved(self, x: float, y: float) -> Sheet:
        """The same further to the right and down, on a sheet as much larger."""
        spots = tuple(Spot(spot.drawn, spot.x + x, spot.y + y) for spot in self.spots)
        frames = tuple(Frame(words, words_x + x, _shifted(edges, x, y)) for words, words_x, edges in self.frames)
        lines = tuple(_along(line, x, y) for line in self.lines)
        (start,) = _along((self.start,), x, y)
        return Sheet(spots, frames, lines, start, _along(self.ends, x, y), self.width + x, self.height + y)


class Framed(NamedTuple):
    """What repeats, laid out: as a part of the whole, with its own upper left corner at 0."""

    sheet: Sheet
    x: float
    part: Part


def joined(items: Sequence[Drawn | Framed], edges: Sequence[Edge], *, enters: Sequence[int] = ()) -> Sheet:
    """Boxes and frames with their places. enters: those that a line reaches from above the sheet, whose first it is."""
    parts = [Part(Size(0, 0, 0), 0, 0)] if enters else []
    first = len(parts)
    parts += [part_of(item) if isinstance(item, Drawn) else item.part for item in items]
    moved = [(source + first, target + first) for source, target in edges]
    placed = arranged(parts, [*((0, target + first) for target in enters), *moved])
    spots, frames, lines = list[Spot](), list[Frame](), list(placed.lines.values())
    for item, x, y in zip(items, placed.xs[first:], placed.ys[first:], strict=True):
        if isinstance(item, Drawn):
            spots.append(Spot(item, x, y))
        else:
            inside = item.sheet.moved(x - item.x, y)
            spots += inside.spots
            frames += inside.frames
            lines += inside.lines
    ends = [(x, y + part.bottom) for x, y, part in zip(placed.xs, placed.ys, parts, strict=True)][first:]
    start = (placed.xs[0], 0.0)
    return Sheet(tuple(spots), tuple(frames), tuple(lines), start, tuple(ends), placed.width, placed.height)


def part_of(drawn: Drawn) -> Part:
    """A box with where lines meet its block."""
    above = (drawn.size.height - drawn.block.tall) / 2
    return Part(drawn.size, above + drawn.block.top, above + drawn.block.bottom)


def _shifted(edges: tuple[float, float, float, float], x: float, y: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = edges
    return left + x, top + y, right + x, bottom + y


def _along(points: Sequence[Point], x: float, y: float) -> tuple[Point, ...]:
    return tuple((px + x, py + y) for px, py in points)
