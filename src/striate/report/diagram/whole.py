"""A whole network laid out: its boxes, frames around those that repeat, and as many columns as a page wants."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from striate.analysis.blocks import Blocks, Box, Repeat
from striate.analysis.wiring import Layer
from striate.report.diagram.arranged import Part
from striate.report.diagram.boxes import LETTER, TEXT_PX, Drawn, as_map, drawn_box
from striate.report.diagram.columns import in_columns
from striate.report.diagram.places import Size
from striate.report.diagram.ranks import Edge
from striate.report.diagram.sheet import Frame, Framed, Sheet, joined

FRAME_PX = 10.0  # inside a frame, around what is in it
HEAD_PX, FOOT_PX = 24.0, 26.0
WORDS_PX = 10.0  # from the line that enters a frame to its words


def sheet_of(layers: Sequence[Layer], blocks: Blocks, *, for_print: bool) -> Sheet:
    """The network in one column, or for print in as many as make it largest on A4."""
    largest = float(max(max(as_map(layer.row.out_shape)[1:]) for layer in layers))
    items: list[Drawn | Framed] = []
    item_of = [0] * len(blocks.boxes)
    repeats = {repeat.first: repeat for repeat in blocks.repeats}
    number = 0
    while number < len(blocks.boxes):
        repeat = repeats.get(number)
        end = repeat.end if repeat else number + 1
        item_of[number:end] = [len(items)] * (end - number)
        if repeat:
            items.append(_framed(layers, blocks.boxes, repeat, largest))
        else:
            box = blocks.boxes[number]
            items.append(drawn_box(layers, box, "", largest, [layers[box.layers[-1]].row.out_shape]))
        number = end
    edges = dict[Edge, None]()
    for number, box in enumerate(blocks.boxes):
        edges |= {(item_of[read], item_of[number]): None for read in box.reads if item_of[read] != item_of[number]}
    return in_columns(items, list(edges)) if for_print else joined(items, list(edges))


def _framed(layers: Sequence[Layer], boxes: Sequence[Box], repeat: Repeat, largest: float) -> Framed:
    """One block of those that repeat, in a frame that a line enters above and leaves below."""
    first, length, last = repeat.first, repeat.boxes, repeat.end - repeat.boxes
    here, there = (_shared_path(layers, boxes[start : start + length]) for start in (first, last))
    drawn, edges, enters = list[Drawn](), list[Edge](), list[int]()
    for place, box in enumerate(boxes[first : first + length]):
        alike = range(first + place, repeat.end, length)
        shapes = [layers[boxes[number].layers[-1]].row.out_shape for number in alike]
        drawn.append(drawn_box(layers, box, here, largest, shapes))
        enters += [place for read in box.reads if read < first]
        edges += [(read - first, place) for read in box.reads if read >= first]
    inside = joined(drawn, edges, enters=enters).moved(FRAME_PX, HEAD_PX)
    x, leaves = inside.start[0], inside.ends[-1]
    words = _words(repeat, here, there)
    right = max(inside.width + FRAME_PX, x + 2 * WORDS_PX + len(words) * LETTER * TEXT_PX)
    bottom = inside.height + FOOT_PX
    lines = [((x, 0.0), *line) if line[0] == inside.start else line for line in inside.lines]
    lines.append((leaves, (leaves[0], inside.height), (x, bottom)))
    frame = Frame(words, x + WORDS_PX, (0.0, 0.0, right, bottom))
    sheet = Sheet(inside.spots, (frame,), tuple(lines), (x, 0.0), ((x, bottom),), right, bottom)
    return Framed(sheet, x, Part(Size(x, right - x, bottom), 0, bottom))


def _words(repeat: Repeat, here: str, there: str) -> str:
    where = here if here == there else f"{here} to {there}"
    alike = ", alike but for channels" if repeat.grows else ""
    return f"× {repeat.times}" + (f"  {where}" if where else "") + alike


def _shared_path(layers: Sequence[Layer], boxes: Sequence[Box]) -> str:
    """The module path that all layers of some boxes have in common."""
    paths = [layers[number].row.path.split(".") for box in boxes for number in box.layers]
    return ".".join(names[0] for names in takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False)))
