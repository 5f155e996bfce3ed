"""Where the windows of a layer lie along one axis, drawn in text: a line per window, a column per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from striate.ops.layer.arithmetic import Axis

MOST_WINDOWS = 9  # with more of them, the first and the last three are drawn
ENDS = 3
PIXEL, PADDING, NOTHING, MISSED = "#", "o", ".", "x"


class Words(NamedTuple):
    """How a line is called, what `PIXEL` and `PADDING` mean, and how a pixel that no window touches is called."""

    line: str
    pixel: str
    padding: str
    missed: str


SLIDING = Words("window", "reads this pixel", "reads padding", "never seen")
WRITING = Words("input", "adds to this pixel of the output", "is cut off", "never written")


def draw_windows(axis: Axis, words: Words = SLIDING, columns: int = 76) -> list[str]:
    """Lines of text of at most `columns` characters, the first one telling the marks.

    >>> from striate.ops.layer.arithmetic import Layer, work_out
    >>> print("\\n".join(draw_windows(work_out(Layer("conv", (1, 7, 7), (3, 3), 1, stride=(3, 3))).width)))
    # reads this pixel
                 0 1 2 3 4 5 6
    window 0     # # # . . . .
    window 1     . . . # # # .
    never seen               x
    """
    untouched = set(axis.untouched)
    shown = _ends(range(len(axis.starts)), MOST_WINDOWS, ENDS)
    labels = ["", *("..." if index is None else f"{words.line} {index}" for index in shown), words.missed]
    margin = max(map(len, labels)) + 2
    pixels = _columns(axis, shown, columns - margin)
    cell = 1 + max(len(str(pixel)) for pixel in pixels if pixel is not None)
    lines = [_line(pixels, cell, lambda pixel: str(pixel))]
    for index in shown:
        touched = set() if index is None else {axis.starts[index] + tap for tap in axis.taps}
        lines.append("" if index is None else _line(pixels, cell, lambda p, t=touched: _mark(p, t, axis.row_px)))
    lines.append(_line(pixels, cell, lambda pixel: MISSED if pixel in untouched else ""))
    drawn = [f"{label:<{margin}}{line}".rstrip() for label, line in zip(labels, lines, strict=True)]
    cut = any(f" {PADDING}" in line for line in lines)
    legend = f"{PIXEL} {words.pixel}" + (f", {PADDING} {words.padding}" if cut else "")
    return [legend, *(drawn if untouched else drawn[:-1])]


def _mark(pixel: int, touched: set[int], row_px: int) -> str:
    if pixel not in touched:
        return NOTHING
    return PIXEL if 0 <= pixel < row_px else PADDING


def _line(pixels: Sequence[int | None], cell: int, mark: Any) -> str:
    return "".join(" ..." if pixel is None else f"{mark(pixel):>{cell}}" for pixel in pixels)


def _columns(axis: Axis, shown: Sequence[int | None], width: int) -> list[int | None]:
    """The pixels to draw: all, or what the first and last windows shown touch; None where some are left out."""
    first, reach = min(0, axis.starts[0]), axis.taps.stop
    last = max(axis.row_px, axis.starts[-1] + reach) - 1
    cell = 1 + max(len(str(first)), len(str(last)))
    fitting = max(4, (width - len(" ...")) // cell)
    if last - first + 1 <= width // cell:
        return list(range(first, last + 1))
    half = len(shown) // 2
    left_end = min(first + fitting // 2, axis.starts[_number(shown[min(half, ENDS) - 1])] + reach + 1)
    right_start = max(last + 1 - fitting // 2, axis.starts[_number(shown[-min(half, ENDS) or -1])] - 1, left_end)
    return [*range(first, left_end), None, *range(right_start, last + 1)]


def _number(index: int | None) -> int:
    assert index is not None  # noqa: S101 - our own invariant: the ends of the list are windows
    return index


def _ends(indices: range, most: int, ends: int) -> list[int | None]:
    """All indices, or the first and the last ones with None between.

    >>> _ends(range(20), most=9, ends=3)
    [0, 1, 2, None, 17, 18, 19]
    """
    return list(indices) if len(indices) <= most else [*indices[:ends], None, *indices[-ends:]]
