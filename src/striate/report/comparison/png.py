"""The chart of a comparison as a PNG picture, for what takes no SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image, ImageColor, ImageDraw, ImageFont

from striate.report.colours import PALETTE
from striate.report.comparison.bubble_chart import HEIGHT, WIDTH, Chart
from striate.report.comparison.drawing import BASELINE, TEXT_PX, Circle, Line, Mark, Text, marks_of

LIGHT = {name: colour for name, (colour, _) in PALETTE.items()}
SCALE = 2  # pixels of the picture per pixel of the chart
FINE = 3  # lines and circles are drawn so many times larger and made smaller, as Pillow draws them with hard edges
LINE_PX, RIM_PX = 1.0, 1.5
FILLING = 0.28  # opacity
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def as_png(chart: Chart) -> bytes:
    """The chart on white, 1920 x 1200 pixels; twice as sharp as the SVG on a screen of 96 pixels per inch."""
    marks = marks_of(chart)
    picture = _shapes(marks).reduce(FINE)
    _write(picture, (mark for mark in marks if isinstance(mark, Text)))
    file = io.BytesIO()
    picture.save(file, format="png", optimize=True, dpi=(96 * SCALE, 96 * SCALE))
    return file.getvalue()


def _shapes(marks: Iterable[Mark]) -> Image.Image:
    """Lines and circles, `SCALE * FINE` times as large as the chart."""
    scale = SCALE * FINE
    ground = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), LIGHT["card"])
    pen = ImageDraw.Draw(ground, "RGBA")  # the mode in which colours that are not opaque are laid over
    for mark in marks:
        if isinstance(mark, Line):
            ends = [scale * place for place in (mark.x0, mark.y0, mark.x1, mark.y1)]
            pen.line(ends, LIGHT["line"] if mark.kind == "grid" else LIGHT["soft"], round(LINE_PX * scale))
        elif isinstance(mark, Circle):
            _circle(pen, mark, scale)
    return ground


def _circle(pen: ImageDraw.ImageDraw, circle: Circle, scale: int) -> None:
    network = circle.kind == "network"
    colour, rim = (LIGHT[f"family{circle.family}"], RIM_PX) if network else (LIGHT["soft"], LINE_PX)
    if network:
        pen.ellipse(_box(circle, 0.0, scale), (*ImageColor.getrgb(colour)[:3], round(255 * FILLING)))
    # Pillow draws the rim inside of the circle, SVG half of it outside.
    pen.ellipse(_box(circle, rim / 2, scale), None, colour, round(rim * scale))


def _box(circle: Circle, more: float, scale: int) -> tuple[float, float, float, float]:
    radius = circle.radius + more
    edges = (circle.x - radius, circle.y - radius, circle.x + radius, circle.y + radius)
    left, top, right, bottom = (scale * edge for edge in edges)
    return left, top, right, bottom


def _write(picture: Image.Image, texts: Iterable[Text]) -> None:
    pen = ImageDraw.Draw(picture)
    fonts = {kind: ImageFont.load_default(size * SCALE) for kind, size in TEXT_PX.items()}
    for text in texts:
        place = (text.x * SCALE, (text.y + BASELINE * TEXT_PX[text.kind]) * SCALE)
        colour = LIGHT["soft"] if text.kind == "soft" else LIGHT["ink"]
        bold = int(text.kind == "title")
        pen.text(place, text.text, colour, fonts[text.kind], ANCHORS[text.anchor], stroke_width=bold)
