"""What a network looks for and what its layers make of pictures, drawn as PNG: filters, maps, units."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor, nn

from striate.core.units import counted
from striate.data.decode import Pixels
from striate.models import Network
from striate.report.look.filters import as_picture
from striate.visual.activations import LayerOutput, layer_outputs

MOST_FILTERS, FILTERS_ACROSS, MOST_LAYERS, MOST_MAPS, MOST_UNITS = 64, 16, 6, 6, 64
TILE_PX, FILTER_PX, UNIT_PX = 48, 36, 6
GROUND = 128  # grey, between tiles

Numbers = npt.NDArray[np.floating]


class Sheet(NamedTuple):
    """A drawing. title: what it shows; png: the file."""

    title: str
    png: bytes


def pictures_sheet(pixels: Pixels) -> Sheet:
    """The pictures (N, h, w, C) themselves, below each other."""
    return Sheet("the pictures", _png(_tiled([[_scaled(each, TILE_PX)] for each in pixels])))


def sheets(network: Network, images: Tensor) -> Iterator[Sheet]:
    """The filters of the first layer, and some layers from the first to the last, a row for each image (N, C, H, W)."""
    by_image = [_some(layer_outputs(network, images[[place]])) for place in range(len(images))]
    first = by_image[0][0].name if by_image[0] else ""
    if first and (weights := _filters(network, first, images)) is not None:
        yield Sheet(f"{first}: {_of(len(weights), MOST_FILTERS, 'filter')}", _png(_filter_sheet(weights)))
    for outputs in zip(*by_image, strict=True):
        yield _layer(list(outputs))


def _some(outputs: list[LayerOutput]) -> list[LayerOutput]:
    """Those that are drawn, so that the others of one picture are gone before the next is looked at."""
    return [outputs[place] for place in _spread(len(outputs), MOST_LAYERS)]


def _layer(outputs: list[LayerOutput]) -> Sheet:
    """A layer, for each picture the same of its maps, or all units."""
    name, values = outputs[0].name, outputs[0].values
    if values.ndim == 3:
        title = f"{name}: {_of(len(values), MOST_MAPS, 'map')} of {values.shape[1]} × {values.shape[2]}"
        chosen = _spread(len(values), MOST_MAPS)
        rows = [[_scaled(_grey(output.values[number]), TILE_PX) for number in chosen] for output in outputs]
        return Sheet(title, _png(_tiled(rows)))
    chosen = _spread(len(values), MOST_UNITS)
    rows = [[np.repeat(np.repeat(_grey(output.values[None, chosen]), TILE_PX, 0), UNIT_PX, 1)] for output in outputs]
    return Sheet(f"{name}: {_of(len(values), MOST_UNITS, 'unit')}", _png(_tiled(rows)))


def _filters(network: Network, name: str, images: Tensor) -> Numbers | None:
    """The weights (units, C, h, w) of a layer that reads the picture; None of one that has none such."""
    module = network.get_submodule(name)
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return None
    weights = module.weight.detach().double()
    if weights.dim() == 2:
        if weights.shape[1] != images[0].numel():
            return None
        weights = weights.reshape(len(weights), *images.shape[1:])
    numbers: Numbers = np.nan_to_num(weights.numpy())
    return numbers


def _filter_sheet(weights: Numbers) -> Pixels:
    """In the order of the units, so that each stays in its place while it learns."""
    shown = weights[:MOST_FILTERS]
    largest = float(np.abs(shown).max())
    tiles = [_scaled(as_picture(each, largest), FILTER_PX) for each in shown]
    return _tiled([tiles[first : first + FILTERS_ACROSS] for first in range(0, len(tiles), FILTERS_ACROSS)])


def _grey(values: Numbers) -> Pixels:
    """Numbers (h, w) over their own range, uint8 (h, w, 1)."""
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    span = float(finite.max() - finite.min()) or 1.0
    grey: Pixels = ((finite - finite.min()) / span * 255).round().astype(np.uint8)[..., None]
    return grey


def _scaled(pixels: Pixels, longest_px: int) -> Pixels:
    """A tile (h, w, C) whose longer side has so many pixels: single pixels stay sharp, many are averaged."""
    scale = longest_px / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
    drawn = np.asarray(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).resize(size, how))
    return drawn.reshape(size[1], size[0], -1)


def _tiled(rows: list[list[Pixels]]) -> Pixels:
    """Tiles of one size in rows, with grey between them; the last row may be shorter."""
    height, width, channels = rows[0][0].shape
    shape = len(rows) * (height + 2) - 2, max(map(len, rows)) * (width + 2) - 2, channels
    sheet = np.full(shape, GROUND, np.uint8)
    for row, tiles in enumerate(rows):
        for column, tile in enumerate(tiles):
            top, left = row * (height + 2), column * (width + 2)
            sheet[top : top + height, left : left + width] = tile
    return sheet


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def _of(count: int, most: int, noun: str) -> str:
    """How many of how many are drawn.

    >>> _of(6, 64, "filter"), _of(96, 64, "filter")
    ('6 filters', '64 of 96 filters')
    """
    return counted(count, noun) if count <= most else f"{most} of {counted(count, noun)}"


def _spread(count: int, most: int) -> list[int]:
    """Numbers of at most so many things, evenly, the first and the last among them.

    >>> _spread(3, 6), _spread(11, 6)
    ([0, 1, 2], [0, 2, 4, 6, 8, 10])
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist() if count else []
