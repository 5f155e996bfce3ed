"""One pass over pictures, in which every unit keeps what drives it most; nothing else of the pictures is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.visual.attribution.layer import maps_layout
from striate.visual.layer_ends import LayerEnd, at_ends, layer_ends
from striate.visual.units.selectivity import Selectivity, selectivity_of

KEPT = 9
"""Pictures that are kept of each unit, as in the figures of Zeiler and Fergus (arXiv:1311.2901)."""

Numbers = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Driven:
    """The U units of a layer, channels or single ones, over N pictures.

    rows, columns: of its maps, 1 of units without. values: float32 (U, k), what each gives at its strongest place of a
    picture, for the k pictures that drive it most, strongest first. pictures, places: their numbers and these places,
    counted along rows, int64 (U, k). dead: whether a unit gives the same number everywhere, bool (U,).
    """

    end: LayerEnd
    rows: int
    columns: int
    values: Numbers
    pictures: Whole
    places: Whole
    dead: npt.NDArray[np.bool_]
    selectivity: Selectivity

    def __len__(self) -> int:
        return len(self.values)


def driven_units(
    network: nn.Module,
    batches: Iterable[Tensor],
    labels: Whole,
    layers: Callable[[list[LayerEnd]], Sequence[LayerEnd]] = lambda ends: ends,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> list[Driven]:
    """The units of layers that have weights, in the order of their calls.

    batches: of images (n, C, H, W), N in all. labels: class numbers (N,), below 0 where nobody knows. layers: chooses
    some of them. Raises StriateError where a layer is called for the first picture and not for others.

    >>> network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    >>> _ = nn.init.ones_(network[0].weight)
    >>> images = torch.tensor([[0.0, 1.0], [5.0, 2.0], [0.0, 3.0]]).reshape(3, 1, 1, 2)
    >>> (found,) = driven_units(network, [images], np.array([0, 1, 1]))
    >>> found.values.tolist(), found.pictures.tolist(), found.places.tolist(), found.selectivity.classes.tolist()
    ([[5.0, 3.0, 1.0]], [[1, 2, 0]], [[0, 1, 1]], [1])
    """
    kept: dict[LayerEnd, _Kept] = {}
    seen = 0
    for images in batches:
        images = images.detach()
        if not kept:
            kept = {end: _Kept() for end in layers(_with_units(network, images))}
        known = torch.from_numpy(np.asarray(labels[seen : seen + len(images)]))
        with at_ends(network, list(kept), partial(_add, kept, images, seen, known)):
            network(images)
        seen += len(images)
        tick(seen, len(labels))
    return [one.driven(end) for end, one in kept.items()]


def _add(kept: dict[LayerEnd, _Kept], images: Tensor, seen: int, labels: Tensor, end: LayerEnd, output: Tensor) -> None:
    kept[end].add(_as_maps(output, images), seen, labels)


def _with_units(network: nn.Module, images: Tensor) -> list[LayerEnd]:
    """Layers with weights that give something of each picture."""
    ends = layer_ends(network, images[:1])
    shaped = (end for end in ends if end.weighted and end.shape[:1] == (1,))
    return [end for end in shaped if _has_units(end, images)]


def _has_units(end: LayerEnd, images: Tensor) -> bool:
    if len(end.shape) in (2, 4):
        return True
    return len(end.shape) == 3 and maps_layout(torch.empty(end.shape, device="meta"), images[:1]) is not None


def _as_maps(output: Tensor, images: Tensor) -> Tensor:
    """As (n, units, rows, columns), whatever lies where."""
    if output.dim() == 2:
        return output[:, :, None, None]
    as_maps = maps_layout(output, images)
    return output if as_maps is None else as_maps(output)


class _Kept:
    """What is kept of a layer while batches come."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self.sums: dict[int, tuple[Tensor, int]] = {}

    def add(self, maps: Tensor, first: int, labels: Tensor) -> None:
        """Of pictures `first`, `first` + 1, ... the maps (n, U, h, w)."""
        count, units, rows, columns = maps.shape
        flat = maps.detach().float().flatten(2)
        values, places = (each.T.cpu() for each in flat.max(2))
        lowest, means = flat.amin((0, 2)).cpu(), flat.mean(2).double().cpu()
        pictures = torch.arange(first, first + count).expand(units, -1)
        if not self.rows:
            self.rows, self.columns = rows, columns
            self.values, self.pictures, self.places = values[:, :0], pictures[:, :0], places[:, :0]
            self.lowest, self.smallest = lowest, means.amin(0)
            self.all, self.squares, self.count = torch.zeros(units).double(), torch.zeros(units).double(), 0
        both = torch.cat([self.values, values], 1)
        self.values, order = both.topk(min(KEPT, both.shape[1]), 1)
        self.pictures = torch.cat([self.pictures, pictures], 1).gather(1, order)
        self.places = torch.cat([self.places, places], 1).gather(1, order)
        self.lowest, self.smallest = torch.minimum(self.lowest, lowest), torch.minimum(self.smallest, means.amin(0))
        self.all += values.double().sum(1)
        self.squares += values.double().square().sum(1)
        self.count += count
        for number in sorted(set(labels[labels >= 0].tolist())):
            chosen = means[labels == number]
            before, of_class = self.sums.get(number, (torch.zeros(units).double(), 0))
            self.sums[number] = (before + chosen.sum(0), of_class + len(chosen))

    def driven(self, end: LayerEnd) -> Driven:
        """All that was kept, in numbers."""
        mean = self.all / self.count
        spread = (self.squares / self.count - mean.square()).clamp(min=0).sqrt()
        selectivity = selectivity_of(
            {number: (total / count).numpy() for number, (total, count) in sorted(self.sums.items())},
            self.smallest.numpy(),
            ((self.values[:, 0].double() - mean) / spread.clamp(min=1e-12)).numpy(),
        )
        dead = (self.values[:, 0] - self.lowest <= 0).numpy()
        numbers = self.values.numpy(), self.pictures.numpy(), self.places.numpy()
        return Driven(end, self.rows, self.columns, *numbers, dead, selectivity)
