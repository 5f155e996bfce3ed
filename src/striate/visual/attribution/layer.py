"""The layer whose maps are read: which one, what it gives, and the gradients there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, unknown_name
from striate.models.network import Network
from striate.models.own.stages import stages_of
from striate.models.own.walk import walk
from striate.models.places import places_of
from striate.visual.attribution.asked import Asked, require_gradients
from striate.visual.attribution.score import CannotShow

BEFORE_THE_PLACES = (0, 1, 2, 5)
"""Tokens that stand for no place in a transformer: none, a class's, a distilled one besides, four registers."""


class NoMaps(CannotShow):
    """A network of which no stage has places."""


class Read(NamedTuple):
    """What a layer gives, and the gradient of the score there; both float (N, C, h, w)."""

    maps: Tensor
    gradients: Tensor


def read_layer(asked: Asked) -> Read:
    """The layer that was asked for. Raises StriateError for one that is not there, not called, or gives no maps."""
    paths = [path for path, _ in asked.network.named_modules() if path]
    if asked.layer not in paths:
        raise unknown_name(f"layer of {asked.name}", asked.layer, paths)
    kept, gradients = _with_gradients(asked, [asked.layer])
    if asked.layer not in kept:
        raise StriateError(
            f"layer {asked.layer!r} of {asked.name} is not called when it answers, so nothing can be read there"
        )
    if asked.layer not in gradients:
        raise CannotShow(f"no gradient of the answer of {asked.name} reaches layer {asked.layer!r}; name another layer")
    as_maps = maps_layout(kept[asked.layer], asked.images)
    if as_maps is None:
        shape = tuple(kept[asked.layer].shape)
        raise NoMaps(f"layer {asked.layer!r} of {asked.name} gives {shape}, no maps of places; name another layer")
    return Read(as_maps(kept[asked.layer]).detach().float(), as_maps(gradients[asked.layer]).float())


def last_layer_of_maps(asked: Asked) -> str:
    """Path of the last stage with more than one place at whose places the score has a gradient; or simply the last.

    The answer of a transformer reads one token of its last block, so there the block before is taken.
    Raises NoMaps where no stage has places.
    """
    stages = stage_paths(asked.network, asked.images)
    kept, gradients = _with_gradients(asked, stages)
    found = [(path, maps_layout(kept[path], asked.images)) for path in reversed(stages) if path in gradients]
    with_places = [(path, as_maps) for path, as_maps in found if as_maps is not None]
    if not with_places:
        raise NoMaps(f"{asked.name} has no stage of maps with more than one place, so nothing shows where")
    matters = (path for path, as_maps in with_places if as_maps(gradients[path]).any())
    return next(matters, with_places[0][0])


def stage_paths(network: nn.Module, images: Tensor) -> list[str]:
    """Paths of the ends of stages, lowest first."""
    size = (images.shape[2], images.shape[3])
    if isinstance(network, Network):
        return [feature.name for feature in network.features_info]
    try:
        calls = walk(network, (images.shape[1], *size)).calls
    except Exception:  # whatever a person's code raises on two pictures of noise; it has answered these before
        return []
    return [feature.name for feature in stages_of(calls, size, "")]


def _with_gradients(asked: Asked, paths: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What modules gave in their last call, those that were called, and the gradients of the score there."""
    with kept_outputs(asked.network, paths) as kept:
        score = asked.score(asked.images.detach().clone().requires_grad_())
    require_gradients(asked, score)
    paths = [path for path, output in kept.items() if output.requires_grad]
    found = torch.autograd.grad(score.sum(), [kept[path] for path in paths], materialize_grads=True) if paths else ()
    return kept, dict(zip(paths, found, strict=True))


@contextmanager
def kept_outputs(network: nn.Module, paths: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """What modules give while the context lasts, by path: the last call of each; what is none of maps is left out."""
    kept: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for path in paths:

            def keep(module: nn.Module, given: Any, output: Any, path: str = path) -> Any:
                if isinstance(output, Tensor):
                    kept[path] = output
                    return output.clone()  # what follows may change it in place
                if isinstance(output, tuple) and output and isinstance(output[0], Tensor) and type(output) is tuple:
                    kept[path] = output[0]
                    return (output[0].clone(), *output[1:])
                return output

            hooks.callback(network.get_submodule(path).register_forward_hook(keep).remove)
        yield kept


def maps_layout(output: Tensor, images: Tensor) -> Callable[[Tensor], Tensor] | None:
    """How what a layer gives, or its gradient, is laid out as maps (N, C, h, w); None where it has no places."""
    size = (images.shape[2], images.shape[3])
    if output.shape[:1] != images.shape[:1]:
        return None
    if output.dim() == 4:
        axes = places_of(output.shape, size)
        if max(output.shape[axis] for axis in axes) < 2:
            return None
        return (lambda maps: maps.permute(0, 3, 1, 2)) if axes == (1, 2) else (lambda maps: maps)
    if output.dim() == 3:
        return _as_grid(output.shape[1], size)
    return None


def _as_grid(tokens: int, size: tuple[int, int]) -> Callable[[Tensor], Tensor] | None:
    """The tokens of a transformer, (N, T, C), as a grid in the proportions of the picture."""
    for before in BEFORE_THE_PLACES:
        rows = round(math.sqrt(max(0, tokens - before) * size[0] / size[1]))
        columns = round(rows * size[1] / size[0])
        if rows * columns == tokens - before and max(rows, columns) > 1:
            return (
                lambda maps, before=before, rows=rows: (  # type: ignore[misc]
                    maps[:, before:].unflatten(1, (rows, -1)).permute(0, 3, 1, 2)
                )
            )
    return None
