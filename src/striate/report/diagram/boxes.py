"""What stands in a diagram for one box: a block in proportion to the map that comes out, and the words beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

from striate.analysis.blocks import FUNCTIONS_FROM, Box
from striate.analysis.wiring import Layer
from striate.core.units import compact
from striate.meta.shapes import Shape
from striate.report.diagram.places import Size

SIDE_PX = 64.0  # of the largest map
CHANNEL_PX = 1.5  # thickness of one channel; of more, times the square root
THICKNESS_PX = (3.0, 92.0)
THINNEST_PX = 2.0
RIGHT, UP = 0.36, 0.24  # how a map's width recedes
JOINT_PX = 18.0
BESIDE_PX = 9.0  # from a block to its words
TEXT_PX = 11.0
LINE_PX = 14.0
LETTER = 0.6  # of the letters' size, more than the mean of the fonts that systems have
WRAP, LONGEST = 25, 30  # letters
JOINTS = {"add": "+", "iadd": "+", "mul": "×", "cat": "C", "sub": "−"}


@dataclass(frozen=True)
class Block:
    """A cuboid, seen from the front and a little from above; positions are pixels from its own top left corner.

    thickness: of its front, for the channels. height: of its front. right, up: how far its back lies from its front.
    symbol: it is a circle with this in it instead.
    """

    thickness: float
    height: float
    right: float
    up: float
    symbol: str = ""

    @property
    def width(self) -> float:
        """Of all of it."""
        return self.thickness + self.right

    @property
    def tall(self) -> float:
        """Height of all of it."""
        return self.height + self.up

    @property
    def top(self) -> float:
        """Where a line that comes down along the middle meets it."""
        middle = self.width / 2
        return self.up * (1 - middle / self.right) if middle < self.right else 0.0

    @property
    def bottom(self) -> float:
        """Where a line that goes on along the middle leaves it."""
        beyond = self.width / 2 - self.thickness
        return self.tall - (self.up * beyond / self.right if beyond > 0 else 0.0)


@dataclass(frozen=True)
class Drawn:
    """A box ready to be placed. heading: lines of words. shape, path: the line below. told: for who points at it.

    number: of its first layer, which is how a page finds it.
    """

    block: Block
    heading: tuple[str, ...]
    shape: str
    path: str
    told: str
    number: int

    @property
    def size(self) -> Size:
        """What it needs, from the line through the middle of its block."""
        words = max(*(1.06 * len(line) for line in self.heading), len(self.shape) + 2 + len(self.path))
        half = self.block.width / 2
        height = max(self.block.tall, LINE_PX * (len(self.heading) + 1))
        return Size(half, half + BESIDE_PX + words * LETTER * TEXT_PX, height)


def drawn_box(layers: Sequence[Layer], box: Box, prefix: str, largest: float, shapes: Sequence[Shape]) -> Drawn:
    """A box of a network. prefix: of module paths, which is not repeated. largest: side of the largest map.

    shapes: of what comes out, more than one where it stands for boxes that grow.
    """
    inside = [layers[number] for number in box.layers]
    first, row = main_of(inside), inside[-1].row
    words = heading_of(inside)
    path = first.row.path.removeprefix(prefix).removeprefix(".") or first.row.path
    params = sum(layer.row.params for layer in inside)
    told = f"{', '.join(words)}{f' ({first.row.path})' if first.row.path else ''}: {_times(row.out_shape)}"
    if params:
        told += f", {compact(params)} parameters"
    if row.field:
        told += f", sees {row.field_px:g} px"
    symbol = JOINTS.get(first.row.kind, "") if len(box.reads) > 1 and not _is_many(inside) else ""
    shape = shape_of(shapes)
    return Drawn(
        _joint(symbol) if symbol else _block(row.out_shape, largest),
        _wrapped(words),
        shape,
        _shortened(path, LONGEST - len(shape)),
        told,
        box.layers[0],
    )


def main_of(layers: Sequence[Layer]) -> Layer:
    """The layer that a box is about: the first with weights that multiply or with windows, else the first."""
    return next((layer for layer in layers if layer.row.macs or layer.row.activations), layers[0])


def heading_of(layers: Sequence[Layer]) -> list[str]:
    """The layers of a box in words; many functions by number."""
    return [f"{len(layers)} functions"] if _is_many(layers) else [word_for(layer) for layer in layers]


def _is_many(layers: Sequence[Layer]) -> bool:
    """Whether these are functions in a row that are told as one."""
    return len(layers) >= FUNCTIONS_FROM and all(layer.is_function for layer in layers)


def word_for(layer: Layer) -> str:
    """The kind of a layer, its window where it has one, and what is not usual about it."""
    kind = re.sub(r"(?<=[a-z])[123]d$", "", layer.row.kind.removesuffix("_with_indices").removesuffix("_"))
    if not (
        layer.windows and (layer.row.macs or layer.row.activations)
    ):  # LRN, which pools inside, has none of its own
        return kind
    words = f"{kind} {'×'.join(str(window.kernel) for window in layer.windows)}"
    strides = list(dict.fromkeys(window.stride for window in layer.windows))
    if strides != [1]:
        words += f" /{'×'.join(map(str, strides))}"
    if (dilation := max(window.dilation for window in layer.windows)) > 1:
        words += f" dilated {dilation}"
    return words + (f" in {layer.groups} groups" if layer.groups > 1 else "")


def shape_of(shapes: Sequence[Shape]) -> str:
    """A shape without the batch, of several what they have in common and the range of the channels.

    >>> shape_of([(1, 64, 28, 28)]), shape_of([(1, 96, 28, 28), (1, 128, 28, 28)])
    ('64×28×28', '96 to 128×28×28')
    """
    channels = [shape[1] for shape in shapes if len(shape) > 1]
    if len(set(channels)) < 2:
        return _times(shapes[0])
    return f"{min(channels)} to {_times((1, max(channels), *shapes[0][2:]))}"


def _times(shape: Shape) -> str:
    return "×".join(map(str, shape[1:])) or "one number"


def _wrapped(words: Sequence[str]) -> tuple[str, ...]:
    """Words with commas between, in lines of at most `WRAP` letters where that can be."""
    lines = [""]
    for number, word in enumerate(words):
        part = word + ("," if number < len(words) - 1 else "")
        joined = f"{lines[-1]} {part}".strip()
        lines = [*lines[:-1], joined] if len(joined) <= WRAP or not lines[-1] else [*lines, part]
    return tuple(_shortened(line, LONGEST) for line in lines)


def _shortened(text: str, most: int) -> str:
    """Its last names, or letters, which tell more than its first ones.

    >>> _shortened("features.denseblock1.conv1", 24), _shortened("features", 4)
    ('…denseblock1.conv1', '…res')
    """
    if len(text) <= most:
        return text
    end = text[len(text) - most + 1 :]
    return f"…{end.partition('.')[2] or end}"


def _joint(symbol: str) -> Block:
    return Block(JOINT_PX, JOINT_PX, 0, 0, symbol)


def _block(shape: Shape, largest: float) -> Block:
    channels, height, width = as_map(shape)
    per_pixel = SIDE_PX / max(1.0, largest)
    wide = min(max(width * per_pixel, THINNEST_PX), SIDE_PX)
    thickness = min(max(CHANNEL_PX * sqrt(channels), THICKNESS_PX[0]), THICKNESS_PX[1])
    return Block(thickness, min(max(height * per_pixel, THINNEST_PX), SIDE_PX), RIGHT * wide, UP * wide)


def as_map(shape: Shape) -> tuple[int, int, int]:
    """Channels, height and width of anything; what is no map has all its numbers in a row.

    >>> as_map((1, 64, 28, 14)), as_map((1, 1000)), as_map((1, 100, 7))
    ((64, 28, 14), (1000, 1, 1), (700, 1, 1))
    """
    sides = shape[1:]
    return (prod(sides[:-2]), *sides[-2:]) if len(sides) > 2 else (prod(sides), 1, 1)  # type: ignore[return-value]
