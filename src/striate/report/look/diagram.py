"""The part with the network as a diagram: each layer leads to its shape, its parameters and the field that it sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from striate.analysis.blocks import Blocks, blocks_of
from striate.analysis.rows import Row
from striate.analysis.wiring import Layer, Wiring, wiring
from striate.core.units import counted
from striate.data.scan import Progress
from striate.report.diagram.boxes import heading_of, main_of, shape_of, word_for
from striate.report.diagram.diagram import Diagram
from striate.report.look.part import Found
from striate.report.look.subject import Subject

MAP_AXES = 4  # of maps: pictures, channels, height, width


class Seen(NamedTuple):
    """The pixels that the middle of a map sees, as a rectangle; it may reach into the padding. of: of which box."""

    of: str
    x: int
    y: int
    width: int
    height: int


class Card(NamedTuple):
    """What a page tells of a box.

    number: of its first layer. inside: words and row of each of its layers. seen: one for each of the boxes alike.
    """

    number: int
    heading: str
    path: str
    shape: str
    repeated: str
    inside: tuple[tuple[str, Row], ...]
    seen: tuple[Seen, ...]
    row: Row


def look_at_layers(subject: Subject, progress: Progress) -> Found:
    """The network drawn at the size of its pictures, and of each box a card with what it sees of the first picture."""
    pictures = subject.pictures
    found = wiring(subject.network, tuple(pictures.images([0]).shape[1:]) if pictures else None)
    progress(1, 2)
    drawn = Diagram(found, blocks_of(found.layers))
    cards = list(_cards(found.layers, drawn.blocks))
    image = found.layers[0].row.out_shape
    values = {
        "svg": Markup(drawn.drawn(for_print=False, linked=True)),  # ours; all text in it is escaped already
        "cards": cards,
        "height": image[2] if len(image) == MAP_AXES else 0,
        "width": image[3] if len(image) == MAP_AXES else 0,
        "pixels": pictures.shown[0] if pictures else None,
        "picture": pictures.names[0] if pictures else "",
    }
    progress(2, 2)
    return Found(values, _facts(found, cards))


def _facts(found: Wiring, cards: Sequence[Card]) -> dict[str, Any]:
    boxes = [
        {
            "path": card.path,
            "layers": [words for words, _ in card.inside],
            "output": card.shape,
            "times": max(1, len(card.seen)),
            "sees": [list(seen[1:]) for seen in card.seen],
        }
        for card in cards
    ]
    edges = [[read, number] for number, layer in enumerate(found.layers) for read in layer.reads]
    return {"layers": [layer.row.path or layer.row.kind for layer in found.layers], "edges": edges, "boxes": boxes}


def _cards(layers: Sequence[Layer], blocks: Blocks) -> Iterator[Card]:
    """A card of each box that is drawn."""
    number = 0
    starts = {repeat.first: repeat for repeat in blocks.repeats}
    while number < len(blocks.boxes):
        repeat = starts.get(number)
        length, end = (repeat.boxes, repeat.end) if repeat else (1, number + 1)
        for place in range(number, number + length):
            yield _card(layers, blocks, range(place, end, length))
        number = end


def _card(layers: Sequence[Layer], blocks: Blocks, alike: range) -> Card:
    """The card of a box, and of those that are drawn as it is."""
    groups = [[layers[number] for number in blocks.boxes[place].layers] for place in alike]
    inside = groups[0]
    main = main_of(inside)
    repeated = f"{counted(len(alike), 'such layer')}, to {main_of(groups[-1]).row.path}" if len(alike) > 1 else ""
    seen = (_seen(group) for group in groups)
    return Card(
        blocks.boxes[alike[0]].layers[0],
        ", ".join(heading_of(inside)),
        main.row.path,
        shape_of([group[-1].row.out_shape for group in groups]),
        repeated,
        tuple((word_for(layer), layer.row) for layer in inside),
        tuple(each for each in seen if each),
        inside[-1].row,
    )


def _seen(inside: Sequence[Layer]) -> Seen | None:
    """What the middle of a box's output sees; None where nobody knows, or it sees nothing."""
    spans = inside[-1].middle
    if len(spans) != 2 or None in spans:
        return None
    (top, bottom), (left, right) = ((first, last) for first, last in filter(None, spans))
    return Seen(main_of(inside).row.path, left, top, right - left + 1, bottom - top + 1)
