"""A network as a drawing that needs nothing but itself: black on white, of lines and the system's letters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import wrap
from typing import Any

from torch import nn

from striate.analysis.blocks import Blocks, blocks_of
from striate.analysis.wiring import Wiring, wiring
from striate.core.files import write_bytes
from striate.core.units import compact
from striate.report.diagram.arranged import Point
from striate.report.diagram.boxes import LETTER, LINE_PX, TEXT_PX
from striate.report.diagram.sheet import Sheet
from striate.report.diagram.whole import sheet_of
from striate.report.offline import rendered, svg_file

MARGIN_PX = 16.0
NARROWEST_PX = 360.0
RULE = (
    "Each block is the map that a layer gives: height and width to scale, thickness as the root of its channels. "
    "/2 is a stride of 2; + adds, × multiplies, C puts maps side by side."
)
FOLDED = "A frame with × n stands for n such blocks, one after the other."


@dataclass(frozen=True)
class Diagram:
    """A network drawn. wiring: who reads whom. blocks: what is drawn as one box, and what repeats."""

    wiring: Wiring
    blocks: Blocks

    @cached_property
    def svg(self) -> str:
        """The drawing for print: in columns where that makes its letters larger on A4."""
        return self.drawn(for_print=True)

    def drawn(self, *, for_print: bool, linked: bool = False) -> str:
        """The drawing; not for print, it is one column. linked: each box leads to #layer-NUMBER of its page."""
        return _svg(self, sheet_of(self.wiring.layers, self.blocks, for_print=for_print), linked)

    def _repr_svg_(self) -> str:
        return self.svg

    def write(self, path: Path) -> None:
        """Write the drawing into a file, whole or not at all.

        Raises StriateError when the disk is full or the folder may not be written.
        """
        write_bytes(path, svg_file(self.svg))

    @property
    def sentence(self) -> str:
        """What a person who cannot see the drawing should hear."""
        layers = self.wiring.layers
        params = compact(sum(layer.row.params for layer in layers))
        inputs = [layer.row.out_shape for layer in layers if not layer.reads]
        read = {number for layer in layers for number in layer.reads}
        answers = [layer.row.out_shape for number, layer in enumerate(layers) if number not in read]
        joins = sum(len(box.reads) > 1 for box in self.blocks.boxes)
        return f"{len(layers)} layers with {params} parameters, from {_shapes(inputs)} to {_shapes(answers)}; " + (
            f"branches meet at {joins} places." if joins else "no branches."
        )

    @property
    def notes(self) -> list[str]:
        """How it is to be read, and what is not on it."""
        left = [RULE]
        if self.blocks.repeats:
            left.append(FOLDED)
        if self.wiring.constants:
            left.append(f"{len(self.wiring.constants)} functions that depend on no input are not drawn.")
        if self.wiring.not_run:
            names = ", ".join(row.path for row in self.wiring.not_run[:3])
            left.append(f"Not run, and not drawn: {names}{' and more' * (len(self.wiring.not_run) > 3)}.")
        return left


def diagram(model: nn.Module | str, size: int | tuple[int, ...] | None = None, *, inputs: Any = None) -> Diagram:
    """A network as a drawing, from one run without weights or memory.

    model, size, inputs: as in `striate.summarize`, which raises what this raises.

    >>> drawn = diagram("lenet5")
    >>> drawn.sentence
    '13 layers with 61.71 k parameters, from 1×32×32 to 10; no branches.'
    >>> drawn.svg.startswith("<svg ")
    True
    """
    found = wiring(model, size, inputs=inputs)
    return Diagram(found, blocks_of(found.layers))


def _svg(drawn: Diagram, sheet: Sheet, linked: bool) -> str:
    width = max(sheet.width, NARROWEST_PX)
    letters = int(width / (LETTER * TEXT_PX))
    return rendered(
        "diagram.svg",
        name=drawn.wiring.name,
        told=f"{drawn.sentence} {' '.join(drawn.notes)}",
        lines=wrap(drawn.sentence, letters) + [line for note in drawn.notes for line in wrap(note, letters)],
        sheet=sheet,
        linked=linked,
        width=width + 2 * MARGIN_PX,
        margin=MARGIN_PX,
        text_px=TEXT_PX,
        line_px=LINE_PX,
        path=path_of,
    )


def path_of(points: tuple[Point, ...]) -> str:
    """Points as an SVG path: straight where they stand in line, else a curve that is upright at both ends.

    >>> path_of(((0.0, 0.0), (0.0, 5.0), (8.0, 15.0)))
    'M0 0V5C0 10 8 10 8 15'
    """
    (x, y), parts = points[0], [f"M{points[0][0]:.6g} {points[0][1]:.6g}"]
    for to_x, to_y in points[1:]:
        if abs(to_x - x) < 0.05:
            parts.append(f"V{to_y:.6g}")
        elif to_y == y:
            parts.append(f"H{to_x:.6g}")
        else:
            half = (y + to_y) / 2
            parts.append(f"C{x:.6g} {half:.6g} {to_x:.6g} {half:.6g} {to_x:.6g} {to_y:.6g}")
        x, y = to_x, to_y
    return "".join(parts)


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    told = ["×".join(map(str, shape[1:])) or "one number" for shape in dict.fromkeys(shapes)]
    return " and ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")
