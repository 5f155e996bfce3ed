"""The filters of the first layer that reads the picture, sorted by what they look for: edges by direction, colours.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), figure 3;
Hubel and Wiesel, "Receptive fields, binocular interaction and functional architecture in the cat's visual cortex",
J. Physiol. 160 (1962).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from torch import nn

from striate.analysis.wiring import Wiring
from striate.core.errors import StriateError
from striate.meta.shapes import Shape
from striate.visual.gabor import Gabor, direction_of, fit_gabor

KINDS = ("edges", "coloured edges", "colours", "others", "silent")
DIRECTED = 0.4  # least share of the spectrum that has the direction of an edge
EXPLAINED = 0.6  # least share of an edge that a Gabor function explains
GREY = 0.5  # least share of a filter without colour that is the same in red, green and blue
ONE_COLOUR = 0.6  # least share of a filter for a colour that is of one colour and its opposite
SILENT = 1e-3  # of the largest filter's length, below which one does nothing
BINS = 12

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Filter:
    """One filter. number: of its unit. weights: (C, h, w). kind: one of KINDS. direction_deg: as of `Gabor`.

    directed: share of its spectrum that has this direction. hue_deg: of its colour, where it has one. gabor: None where
    a filter is too small for one.
    """

    number: int
    weights: Weights
    kind: str
    direction_deg: float
    directed: float
    hue_deg: float
    gabor: Gabor | None

    @property
    def orientation_deg(self) -> float:
        """Of the fitted function; else of the spectrum."""
        return self.gabor.orientation_deg if self.gabor else self.direction_deg


@dataclass(frozen=True)
class Filters:
    """All filters of a layer, by kind, edges by direction, colours by hue, others by length. path: its module."""

    path: str
    filters: tuple[Filter, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {kind: sum(each.kind == kind for each in self.filters) for kind in KINDS}

    @property
    def directions(self) -> list[int]:
        """How many edges there are in each of `BINS` directions; the first is around 0 degrees, horizontal."""
        bins = [0] * BINS
        for each in self.filters:
            if each.kind in KINDS[:2]:
                bins[round(each.orientation_deg / 180 * BINS) % BINS] += 1
        return bins


def first_filters(
    network: nn.Module, found: Wiring, progress: Callable[[int, int], None] = lambda done, total: None
) -> Filters:
    """The filters of the first layer with weights that connects pixels. found: the graph of the network.

    Raises StriateError where no module with such weights reads the picture.

    >>> from striate.analysis.wiring import wiring
    >>> from striate.models import create_model
    >>> network = create_model("lenet5")
    >>> first_filters(network, wiring(network)).path
    'features.c1'
    """
    path, weights = _first_weights(network, found)
    filters = list[Filter]()
    longest = max(float(np.linalg.norm(each)) for each in weights)
    for number, each in enumerate(weights):
        progress(number, len(weights))
        filters.append(_told(number, each, longest))
    progress(len(weights), len(weights))
    return Filters(path, tuple(sorted(filters, key=_place)))


def _first_weights(network: nn.Module, found: Wiring) -> tuple[str, Weights]:
    image = found.layers[0].row.out_shape
    for layer in found.layers:
        if layer.row.macs and not layer.is_function and layer.row.path:
            module = network.get_submodule(layer.row.path)
            weights = _as_filters(module, image)
            if weights is not None:
                return layer.row.path, weights
            break
    raise StriateError(f"{found.name} has no convolution or linear layer that reads the picture itself, so no filters")


def _as_filters(module: nn.Module, image: Shape) -> Weights | None:
    """Weights (units, C, h, w) of a layer over pixels; None where they are something else."""
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Conv2d):
        filters: Weights = weight.detach().double().cpu().numpy()  # type: ignore[union-attr]
        return filters
    if isinstance(module, nn.Linear) and len(image) == 4 and module.in_features == image[1] * image[2] * image[3]:
        return module.weight.detach().double().cpu().numpy().reshape(-1, *image[1:])
    return None


def _told(number: int, weights: Weights, longest: float) -> Filter:
    """What a filter looks for."""
    length = float(np.linalg.norm(weights))
    if length <= SILENT * longest:
        return Filter(number, weights, "silent", 0.0, 0.0, 0.0, None)
    colours, strengths, patterns = np.linalg.svd(weights.reshape(len(weights), -1), full_matrices=False)
    pattern = patterns[0].reshape(weights.shape[1:])
    direction, directed = direction_of(pattern)
    gabor = fit_gabor(pattern) if directed >= DIRECTED else None
    is_edge = directed >= DIRECTED and (gabor is None or gabor.explained >= EXPLAINED)
    is_grey = len(weights) != 3 or float((weights.sum(0) ** 2).sum()) / 3 >= GREY * length**2
    of_one_colour = not is_grey and strengths[0] ** 2 >= ONE_COLOUR * length**2
    kind = KINDS[0 if is_grey else 1] if is_edge else KINDS[2 if of_one_colour else 3]
    return Filter(number, weights, kind, direction, directed, _hue(colours[:, 0]) if not is_grey else 0.0, gabor)


def _hue(colour: Weights) -> float:
    """Of a colour (3,), in degrees round the circle of red, green and blue; its opposite is half a round away."""
    red, green, blue = colour
    return float(np.degrees(np.arctan2(sqrt(3) * (green - blue), 2 * red - green - blue)) % 180)


def _place(each: Filter) -> tuple[int, float, int]:
    by = each.orientation_deg if each.kind in KINDS[:2] else each.hue_deg
    by = -float(np.linalg.norm(each.weights)) if each.kind in KINDS[3:] else by
    return KINDS.index(each.kind), by, each.number
