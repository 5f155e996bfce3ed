"""How much a map depends on what the network has learned: by drawing its weights anew, layer by layer from the top.

Adebayo et al., "Sanity checks for saliency maps", arXiv:1810.03292, section 3, cascading randomisation. A map that
stays as it was when the upper layers know nothing any more shows the picture, and not the reasons for the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.visual.attribution.asked import Asked, Method
from striate.visual.attribution.score import CannotShow

LEVELS = 4
"""Parts in which the layers are drawn anew, the last layer first and alone."""
ALIKE = 0.5
"""The rank correlation from which on a map counts as not depending on the weights."""
UPPER = 0.5
"""Of the layers; those that know classes and not edges."""
Norm = nn.modules.batchnorm._BatchNorm


@dataclass(frozen=True)
class Dependence:
    """How alike a map stays while the layers are drawn anew.

    layers: path of the lowest layer of each step, from the top. shares: of the layers, how many are drawn anew by then.
    similarities: after each the rank correlation of the absolute map with that of the trained network, the mean over
    pictures; 1 is the same order of all places, 0 none.
    """

    layers: tuple[str, ...]
    shares: tuple[float, ...]
    similarities: tuple[float, ...]

    @property
    def similarity(self) -> float:
        """The mean over the steps that leave the lower half of the layers as learned, at least the first.

        Below, where a network sees edges, every map that is not of the picture alone becomes another.
        """
        upper = [alike for alike, share in zip(self.similarities, self.shares, strict=True) if share <= UPPER]
        return fmean(upper or self.similarities[:1])

    @property
    def depends(self) -> bool:
        """Whether the map tells of the weights more than of the picture."""
        return self.similarity < ALIKE


def dependences(
    methods: Sequence[Method], asked: Asked, told: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Dependence]:
    """Of each method that can be used on the network, by its name. In the context of `in_evaluation`.

    Batch norms among what is drawn anew take the statistics of these pictures, or the signal would die. The network is
    left as it was. told: (done, total) of the maps that are made.
    """
    trained = {method.name: maps for method in methods if (maps := _maps(method, asked)) is not None}
    levels = levels_of(asked)
    found: dict[str, list[float]] = {name: [] for name in trained}
    total, done = len(levels) * len(trained), 0
    with _restored(asked.network):
        for number in range(len(levels)):
            drawn = [path for level in levels[: number + 1] for path in level]
            _draw_anew(asked, levels[number], drawn, asked.seed + number)
            for method in methods:
                if method.name in trained:
                    maps = _maps(method, asked)
                    alike = _alike(trained[method.name], maps) if maps is not None else 0.0
                    found[method.name].append(alike)
                    done += 1
                    told(done, total)
    ends = tuple(level[-1] for level in levels)
    counts = list(accumulate(map(len, levels)))
    shares = tuple(count / counts[-1] for count in counts)
    return {name: Dependence(ends, shares, tuple(similarities)) for name, similarities in found.items()}


def levels_of(asked: Asked, most: int = LEVELS) -> list[list[str]]:
    """Paths of the layers with weights that are called, from the top, in at most so many parts; the last is alone."""
    called: dict[str, None] = {}
    with ExitStack() as hooks, torch.no_grad():
        for path, module in asked.network.named_modules():
            if next(module.parameters(recurse=False), None) is not None:

                def note(module: nn.Module, given: object, path: str = path) -> None:
                    called.pop(path, None)
                    called[path] = None

                hooks.callback(module.register_forward_pre_hook(note).remove)
        asked.score(asked.images)
    top, *rest = reversed(called)
    parts = np.array_split(np.array(rest, dtype=object), min(most - 1, len(rest))) if rest else []
    return [[top], *(part.tolist() for part in parts)]


def rank_correlation(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Spearman's, of all numbers of two arrays; 0 where one is the same everywhere.

    >>> rank_correlation(np.array([1.0, 2, 5]), np.array([10.0, 40, 90])), rank_correlation(np.ones(3), np.arange(3.0))
    (1.0, 0.0)
    """
    from scipy.stats import rankdata

    ranks = [rankdata(values.ravel()) for values in (one, other)]
    first, second = (rank - rank.mean() for rank in ranks)
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / spread) if spread > 0 else 0.0


def _maps(method: Method, asked: Asked) -> Tensor | None:
    try:
        return method.maps(asked)
    except CannotShow:  # said once, where the maps are shown
        return None


def _alike(trained: Tensor, drawn: Tensor) -> float:
    pairs = zip(trained.abs().cpu().numpy(), drawn.abs().cpu().numpy(), strict=True)
    return fmean(rank_correlation(one, other) for one, other in pairs)


def _draw_anew(asked: Asked, level: Sequence[str], drawn: Sequence[str], seed: int) -> None:
    """Layers get their own numbers in another order, so that only what was learned is gone."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path in level:
            for weights in asked.network.get_submodule(path).parameters(recurse=False):
                order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
                weights.copy_(weights.flatten()[order].view_as(weights))
        with ExitStack() as hooks:
            for path in drawn:
                module = asked.network.get_submodule(path)
                if isinstance(module, Norm) and module.running_mean is not None:
                    hooks.callback(module.register_forward_pre_hook(_take_statistics).remove)
            asked.score(asked.images)


def _take_statistics(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
    assert isinstance(norm, Norm)  # noqa: S101 - see above
    assert norm.running_mean is not None  # noqa: S101 - see above
    assert norm.running_var is not None  # noqa: S101 - see above
    values = given[0].transpose(0, 1).flatten(1)
    norm.running_mean.copy_(values.mean(1))
    norm.running_var.copy_(values.var(1, correction=0))


@contextmanager
def _restored(network: nn.Module) -> Iterator[None]:
    tensors = [*network.parameters(), *network.buffers()]
    kept = [tensor.detach().clone() for tensor in tensors]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in zip(tensors, kept, strict=True):
                tensor.copy_(value)
