"""The part with what every layer makes of a picture: its maps as a stack of sheets, one unit of it with its kernel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import nn

from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.filters import as_picture
from striate.report.look.part import Found
from striate.report.look.subject import Subject
from striate.visual.activations import LayerOutput, layer_outputs
from striate.visual.attribution.score import in_evaluation

SHEETS = 9  # of the strongest maps, the strongest in front
SHEET_PX, ASIDE_PX, UP_PX = 84, 13, 8
EDGE, GROUND = 90, 255  # grey of a sheet's edge, and of what lies around
SLICES = 8  # of a kernel over many maps, the strongest
MOST_UNITS = 5  # of a layer without maps

Numbers = npt.NDArray[np.floating]


class Sheets(NamedTuple):
    """A layer of maps. stack: its strongest maps. unit: which one is in front. map: its own. silent: nowhere above 0.

    kernel: of that unit, in colours, or the strongest slices over the maps `read`; () where it has none.
    """

    path: str
    shape: tuple[int, ...]
    stack: Pixels
    unit: int
    map: Pixels
    kernel: tuple[Pixels, ...]
    read: tuple[int, ...]
    silent: int


class Units(NamedTuple):
    """A layer without maps: how many units, and the names and values of the strongest."""

    path: str
    count_of_units: int
    strongest: tuple[tuple[str, float], ...]


def look_at_activations(subject: Subject, progress: Progress) -> Found:
    """Every layer's answer to the first picture. Raises StriateError where no layer gives maps or units."""
    sample = subject.sample
    with in_evaluation(subject.network, subject.seed):
        outputs = layer_outputs(subject.network, sample.images([0]))
    if not outputs:
        raise StriateError(f"{subject.name} has no layer that gives maps or units of its own, so none can be shown")
    layers = list[Sheets | Units]()
    for done, output in enumerate(outputs):
        progress(done, len(outputs))
        layers.append(_sheets(subject.network, output) if output.values.ndim == 3 else _units(subject, output))
    progress(len(outputs), len(outputs))
    values = {"picture": sample.names[0], "pixels": sample.shown[0], "layers": layers, "slices": SLICES}
    return Found(values, {"picture": sample.names[0], "layers": [_fact(layer) for layer in layers]})


def _sheets(network: nn.Module, output: LayerOutput) -> Sheets:
    maps = output.values
    order = np.argsort(-maps.max((1, 2)), kind="stable")
    unit = int(order[0])
    kernel, read = _kernel(network.get_submodule(output.name), unit)
    low, high = float(maps[order[:SHEETS]].min()), float(maps[order[:SHEETS]].max())
    shown = [_grey(maps[number], low, high) for number in order[:SHEETS]]
    silent = int((maps.max((1, 2)) <= 0).sum())
    front = _grey(maps[unit], float(maps[unit].min()), float(maps[unit].max()))
    return Sheets(output.name, maps.shape, stacked(shown), unit, front[..., None], kernel, read, silent)


def _units(subject: Subject, output: LayerOutput) -> Units:
    order = np.argsort(-output.values, kind="stable")[:MOST_UNITS].tolist()
    is_answer = len(output.values) == len(subject.classes)
    names = [subject.class_name(number) if is_answer else f"unit {number}" for number in order]
    values = [float(output.values[number]) for number in order]
    return Units(output.name, len(output.values), tuple(zip(names, values, strict=True)))


def _grey(values: Numbers, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Numbers (h, w) as grey, `low` black and `high` white."""
    shares = (values - low) / (high - low) if high > low else np.zeros_like(values)
    grey: npt.NDArray[np.uint8] = (255 * shares).round().astype(np.uint8)
    return grey


def stacked(sheets: list[npt.NDArray[np.uint8]]) -> Pixels:
    """Grey pictures of one size as sheets behind one another, the first in front: uint8 (H, W, 1).

    >>> stacked([np.zeros((2, 4), np.uint8)] * 3).shape
    (60, 112, 1)
    """
    height, width = sheets[0].shape
    scale = SHEET_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
    behind = len(sheets) - 1
    canvas = np.full((size[1] + 2 + behind * UP_PX, size[0] + 2 + behind * ASIDE_PX), GROUND, np.uint8)
    for place in reversed(range(len(sheets))):
        sheet = Image.fromarray(sheets[place]).resize(size, how)
        top, left = (behind - place) * UP_PX, place * ASIDE_PX
        canvas[top : top + size[1] + 2, left : left + size[0] + 2] = EDGE
        canvas[top + 1 : top + size[1] + 1, left + 1 : left + size[0] + 1] = np.asarray(sheet)
    return canvas[..., None]


def _kernel(module: nn.Module, unit: int) -> tuple[tuple[Pixels, ...], tuple[int, ...]]:
    """The weights of a convolution's unit as a picture; over many maps the strongest slices, and of which maps."""
    if not isinstance(module, nn.Conv2d):
        return (), ()
    weights = module.weight.detach()[unit].double().cpu().numpy()
    if module.in_channels in (1, 3):
        return (as_picture(weights),), ()
    order = np.sort(np.argsort(-(weights**2).sum((1, 2)), kind="stable")[:SLICES])
    first = unit // (module.out_channels // module.groups) * len(weights)  # of the unit's group
    largest = float(np.abs(weights).max())
    return tuple(as_picture(weights[[number]], largest) for number in order), tuple((first + order).tolist())


def _fact(layer: Sheets | Units) -> dict[str, Any]:
    if isinstance(layer, Units):
        return {"layer": layer.path, "units": layer.count_of_units, "strongest": [list(one) for one in layer.strongest]}
    return {"layer": layer.path, "shape": list(layer.shape), "strongest": layer.unit, "silent": layer.silent}
