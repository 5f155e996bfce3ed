"""The comparison as a page, or as a drawing of its own: paths over level lines, and a dot that walks along each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np
import torch
from markupsafe import Markup

from striate.core.errors import StriateError
from striate.core.files import write_bytes
from striate.playground.descent.race import NEAR, RATES, Path
from striate.playground.descent.surfaces import Surface
from striate.playground.plane import level_lines
from striate.report.offline import rendered, svg_file, write_page

WIDTH, HEIGHT = 520.0, 400.0  # of the drawing of a surface, in pixels
CELLS = 100  # of level lines, along a side
LEVELS = 14
STOPS = 80  # of a walk's animation
FORMATS = (".html", ".svg")


@dataclass(frozen=True)
class Walk:
    """A path as it is drawn: its line, and where its dot is at shares of the time, in percent, equal for all steps."""

    number: int
    name: str
    line: str
    stops: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Panel:
    """A surface as it is drawn; levels: one path; minima: places."""

    surface: Surface
    levels: str
    minima: tuple[tuple[float, float], ...]
    walks: tuple[Walk, ...]


def write_comparison(file: File, races: Sequence[Sequence[Path]]) -> None:
    """Write the paths of one or more surfaces as .html or .svg.

    Raises StriateError for another ending, a full disk, or a folder that may not be written.
    """
    require_format(file)
    panels = [_panel(paths) for paths in races]
    if file.suffix == ".svg":
        write_bytes(file, svg_file(_draw(panels, alone=True)))
        return
    svgs = [Markup(_draw([panel])) for panel in panels]  # ours; all text in it is ours too
    names = [path.method.name for path in races[0]]
    write_page(file, rendered("optimizers.html", races=races, svgs=svgs, names=names, near=NEAR, rates=RATES))


def require_format(file: File) -> None:
    """Raise StriateError for an ending that is neither .html nor .svg."""
    if file.suffix not in FORMATS:
        raise StriateError(f"--output must end with {' or '.join(FORMATS)}, got {str(file)!r}")


def _draw(panels: Sequence[Panel], *, alone: bool = False) -> str:
    return rendered("optimizers.svg", panels=panels, width=WIDTH, height=HEIGHT, alone=alone)


def _panel(paths: Sequence[Path]) -> Panel:
    surface, steps = paths[0].surface, max(len(path.places) for path in paths) - 1
    return Panel(
        surface,
        _levels(surface),
        tuple(_pixel(surface, place) for place in surface.minima),
        tuple(_walk(number, path, max(1, steps)) for number, path in enumerate(paths, start=1)),
    )


def _levels(surface: Surface) -> str:
    """Level lines whose heights over the least grow by one factor, so that the floor of a valley is seen."""
    xs = torch.linspace(*surface.xs, CELLS, dtype=torch.float64)
    ys = torch.linspace(*surface.ys, CELLS, dtype=torch.float64).flip(0)
    heights = surface.height(xs[None], ys[:, None]).numpy() - surface.least
    levels = np.geomspace(max(1e-3 * heights.max(), 1e-6), heights.max(), LEVELS, endpoint=False)
    pieces = np.concatenate([level_lines(heights, level) for level in levels])
    scaled = pieces / (CELLS - 1) * np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    return "".join(f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" for x0, y0, x1, y1 in scaled.tolist())


def _walk(number: int, path: Path, steps: int) -> Walk:
    pixels = [_pixel(path.surface, place) for place in path.places]
    chosen = np.unique(np.linspace(0, len(pixels) - 1, STOPS).round().astype(int)).tolist()
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels)
    return Walk(number, path.method.name, line, tuple((100 * step / steps, *pixels[step]) for step in chosen))


def _pixel(surface: Surface, place: tuple[float, float]) -> tuple[float, float]:
    (left, right), (bottom, top) = surface.xs, surface.ys
    x, y = (place[0] - left) / (right - left) * WIDTH, (top - place[1]) / (top - bottom) * HEIGHT
    return min(max(x, -WIDTH), 2 * WIDTH), min(max(y, -HEIGHT), 2 * HEIGHT)
