"""How much each layer's answer changes when the picture moves a little, beside how much the pixels change.

The measurements of Zeiler and Fergus, arXiv:1311.2901, figure 5, for every layer; and what pooling and strides do to
them: LeCun et al. (1998), section II.A; Zhang, "Making convolutional networks shift-invariant again", arXiv:1904.11486.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from striate.analysis.calls import evaluating
from striate.core.errors import StriateError
from striate.models.stages import is_one
from striate.ops.motions import rotated, scaled_about_centre, shifted, warped
from striate.visual.layer_ends import only_changes

PIXELS = "pixels"
TOO_FEW = "stability needs at least two pictures: what changes is held against another picture"
Key = tuple[str, float]
"""A motion and its strength."""


class Motion(NamedTuple):
    """name, unit: as a person reads them. strengths: ascending. move: images and a strength to images."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    move: Callable[[Tensor, float], Tensor]


MOTIONS = (
    Motion("shift", "px", (1, 2, 4, 8), lambda images, px: shifted(images, int(px), int(px))),
    Motion("warp", "px", (1, 2, 4), warped),
    Motion("scale", "%", (5, 10, 20), lambda images, percent: scaled_about_centre(images, 1 + percent / 100)),
    Motion("rotation", "degrees", (5, 10, 20), rotated),
)


@dataclass(eq=False)
class Sums:
    """Of what a layer gives: summed squares of differences, by motion and strength, and to other pictures."""

    moved: dict[Key, float] = field(default_factory=dict)
    to_others: float = 0.0

    def change(self, key: Key) -> float:
        """0 where a motion changes nothing, 1 where it changes as much as another picture would."""
        return (self.moved[key] / self.to_others) ** 0.5 if self.to_others else 0.0


@dataclass(frozen=True, eq=False)
class LayerChange:
    """How much a layer changes. name: its path. kind: of the module. maps: shape of what it gives of one picture.

    before: of pooling and strides, what they read; None of all others.
    """

    name: str
    kind: str
    maps: tuple[int, ...]
    after: Sums
    before: Sums | None = None


class _Given(NamedTuple):
    name: str
    kind: str
    gave: Tensor
    read: Tensor | None


def layer_changes(
    network: nn.Module, batches: Iterable[Tensor], motions: Iterable[Motion] = MOTIONS
) -> tuple[list[LayerChange], list[LayerChange]]:
    """Changes of the pixels and of every layer in the order of their calls; and of all that pools or has a stride.

    batches: images (N, C, H, W), normalised, N at least 2: to a layer, one picture's change is held against the
    difference to the next picture. Norms, activations and dropout count to the layer before them. Pooling is found
    however it is called. Raises StriateError for a single picture, and where the layers that are called change with
    the picture.
    """
    layers: list[LayerChange] = []
    pooling: list[LayerChange] = []
    keys = [(motion, strength) for motion in motions for strength in motion.strengths]
    with evaluating(network):
        for images in batches:
            if len(images) < 2:
                raise StriateError(TOO_FEW)
            outputs, pools = _everything(network, images)
            for into, given in ((layers, outputs), (pooling, pools)):
                if not into:
                    into += [_empty(each) for each in given]
                _require_same(into, given)
                for layer, each in zip(into, given, strict=True):
                    _add(layer, each, _others(each))
            for motion, strength in keys:
                moved_outputs, moved_pools = _everything(network, motion.move(images, strength))
                for into, was, given in ((layers, outputs, moved_outputs), (pooling, pools, moved_pools)):
                    _require_same(into, given)
                    for layer, before, now in zip(into, was, given, strict=True):
                        _add(layer, before, now, (motion.name, strength))
    if not layers:
        raise StriateError(TOO_FEW)
    return layers, pooling


def _empty(given: _Given) -> LayerChange:
    return LayerChange(
        given.name, given.kind, tuple(given.gave.shape[1:]), Sums(), None if given.read is None else Sums()
    )


def _require_same(layers: list[LayerChange], given: list[_Given]) -> None:
    if [layer.name for layer in layers] != [each.name for each in given]:
        raise StriateError(
            f"of some pictures {len(given)} layers are called, of the first {len(layers)}, or others, so their changes "
            "cannot be compared"
        )


def _others(given: _Given) -> _Given:
    """What the next picture gives, in the place of each."""
    return given._replace(gave=given.gave.roll(1, 0), read=None if given.read is None else given.read.roll(1, 0))


def _add(layer: LayerChange, was: _Given, now: _Given, key: Key | None = None) -> None:
    for sums, one, other in ((layer.after, was.gave, now.gave), (layer.before, was.read, now.read)):
        if sums is None or one is None or other is None:
            continue
        apart = float((one - other).square().sum(dtype=torch.float64))
        if key is None:
            sums.to_others += apart
        else:
            sums.moved[key] = sums.moved.get(key, 0.0) + apart


@torch.inference_mode()
def _everything(network: nn.Module, images: Tensor) -> tuple[list[_Given], list[_Given]]:
    """The pixels and what the layers give; and what is pooled or read at a stride."""
    found = [(_Given(PIXELS, "", images.clone(), None), images)]
    inside: list[str] = []
    pools = _Pools(inside, len(images))
    with ExitStack() as stack:
        for path, module in network.named_modules():
            if path and is_one(module):
                stack.callback(module.register_forward_pre_hook(lambda *_, path=path: inside.append(path)).remove)
                note = _noting(found, inside, path, len(images))
                stack.callback(module.register_forward_hook(note).remove)
        stack.enter_context(pools)
        network(images)
    return _numbered([given for given, _ in found]), _numbered(pools.found)


def _noting(
    found: list[tuple[_Given, Tensor]], inside: list[str], path: str, pictures: int
) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
    def note(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        inside.pop()
        if isinstance(module, nn.Flatten) or not isinstance(output, Tensor):
            return
        if output.dim() < 2 or len(output) != pictures or not output.is_floating_point():
            return
        name, kind = path, type(module).__name__
        last, tensor = found[-1]
        if len(found) > 1 and given[:1] and given[0] is tensor and only_changes(module, output, tensor):
            found.pop()
            name, kind = last.name, last.kind
        found.append((_Given(name, kind, output.float().clone(), None), output))

    return note


def _numbered(given: list[_Given]) -> list[_Given]:
    """Names of layers that are called several times, told apart."""
    times: dict[str, int] = {}
    named = []
    for each in given:
        times[each.name] = times.get(each.name, 0) + 1
        named.append(each._replace(name=f"{each.name} ({times[each.name]})") if times[each.name] > 1 else each)
    return named


class _Pools(TorchFunctionMode):
    """Notes what is pooled, and convolutions with a stride, in whatever way they are called."""

    KINDS = (("max_pool", "max pooling"), ("avg_pool", "average pooling"), ("conv", "convolution"), ("mean", "mean"))

    def __init__(self, inside: list[str], pictures: int) -> None:
        super().__init__()
        self.inside, self.pictures, self.found = inside, pictures, list[_Given]()
        self.deep = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function of torch, and note it where places become fewer."""
        outermost, self.deep = not self.deep, True
        try:
            output = func(*args, **(kwargs or {}))
        finally:
            self.deep = self.deep and not outermost
        name = getattr(func, "__name__", "")
        kind = next((kind for part, kind in self.KINDS if part in name), "")
        read = args[0] if args else None
        if outermost and kind and isinstance(read, Tensor) and isinstance(output, Tensor):
            self._note(name, kind, read, output)
        return output

    def _note(self, name: str, kind: str, read: Tensor, output: Tensor) -> None:
        """Note what makes fewer places of maps; of a convolution, what a stride does, not an edge that is left out."""
        of_maps = read.dim() == 4 and output.dim() in (2, 4) and len(read) == len(output) == self.pictures
        height, height_after = read.shape[2] if of_maps else 0, output.shape[2] if output.dim() == 4 else 1
        fewer = height_after < height and (kind != "convolution" or 2 * height_after <= height + 1)
        if not fewer:
            return
        if height_after == 1 and kind in ("average pooling", "mean"):
            kind = "mean over all places"
        elif kind == "convolution":
            kind = "convolution at a stride"
        path = self.inside[-1] if self.inside else name
        self.found.append(_Given(path, kind, output.float().clone(), read.float().clone()))
