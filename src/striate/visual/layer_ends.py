"""At which call of which module a layer has given what the next one reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models.stages import is_one

LEAST_KERNEL_AXES = 2  # of weights that connect units with others; norms have one number per map


class LayerEnd(NamedTuple):
    """layer: path of what a layer begins with. module, call: what it ends with, and its how many-th call, from 0.

    shape: of what it gives. visible: path of the last module of the layer with weights, whose channels are the same but
    for what an activation makes of them. weighted: whether a module of the layer has weights.
    """

    layer: str
    module: str
    call: int
    shape: tuple[int, ...]
    visible: str
    weighted: bool


def only_changes(module: nn.Module, output: Tensor, came: Tensor) -> bool:
    """Whether a module changes each number, or each map, for itself."""
    connects = any(weight.dim() >= LEAST_KERNEL_AXES for weight in module.parameters(recurse=False))
    return output.shape == came.shape and not connects


def layer_ends(network: nn.Module, image: Tensor) -> list[LayerEnd]:
    """The layers of a network, in the order of their calls for one image (1, C, H, W).

    Norms, activations and dropout count to the layer before them, where nothing has changed what it gave.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> [(end.layer, end.module, end.visible) for end in layer_ends(network.eval(), torch.zeros(1, 1, 4, 4))]
    [('0', '2', '1'), ('4', '4', '4')]
    """
    ends: list[tuple[LayerEnd, Tensor, int]] = []
    times = Counter[str]()

    def note(path: str, module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        call, times[path] = times[path], times[path] + 1
        if isinstance(module, nn.Flatten) or not isinstance(output, Tensor):
            return
        weighted = any(True for _ in module.parameters(recurse=False))
        end = LayerEnd(path, path, call, tuple(output.shape), path, weighted)
        if ends and inputs and inputs[0] is ends[-1][1] and only_changes(module, output, ends[-1][1]):
            before, came, version = ends[-1]
            if version == (came._version - 1 if output is came else came._version):
                ends.pop()
                visible = path if weighted else before.visible
                end = end._replace(layer=before.layer, visible=visible, weighted=before.weighted or weighted)
        ends.append((end, output, output._version))

    with _hooks(network, [path for path, module in network.named_modules() if path and is_one(module)], note):
        network(image)
    return [end for end, _, _ in ends]


@contextmanager
def at_ends(network: nn.Module, ends: Sequence[LayerEnd], take: Callable[[LayerEnd, Tensor], None]) -> Iterator[None]:
    """The context of one answer of the network, in which what each layer gives is taken.

    Raises StriateError where one of them is not called.
    """
    wanted = {(end.module, end.call): end for end in ends}
    times = Counter[str]()

    def note(path: str, module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        end = wanted.pop((path, times[path]), None)
        times[path] += 1
        if end is not None and isinstance(output, Tensor):
            take(end, output)

    with _hooks(network, sorted({end.module for end in ends}), note):
        yield
    if wanted:
        missing = next(iter(wanted.values()))
        raise StriateError(
            f"layer {missing.layer!r} was called for the first picture and is not for others, so nothing is said of it"
        )


@contextmanager
def _hooks(network: nn.Module, paths: Sequence[str], note: Callable[..., None]) -> Iterator[None]:
    with ExitStack() as hooks, torch.no_grad():
        for path in paths:

            def call(module: nn.Module, inputs: tuple[Any, ...], output: Any, path: str = path) -> None:
                note(path, module, inputs, output)

            hooks.callback(network.get_submodule(path).register_forward_hook(call).remove)
        yield
