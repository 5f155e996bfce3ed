"""What a network is run on: one picture of a size, or any structure of tensors and shapes."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.meta.shapes import Shape
from striate.meta.stand_ins import StandIn
from striate.models import Network


@dataclass(frozen=True)
class Blank:
    """A tensor that is to be made: its shape, in the number type of the network's weights."""

    shape: Shape


@dataclass(frozen=True)
class Inputs:
    """What `forward` is given: positional and named arguments, with a Tensor or a `Blank` in the place of each tensor.

    are_picture: it is one picture of a size, so there may be a batch of them.
    """

    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    are_picture: bool = False

    def made(self, stand_in: StandIn, dtype: torch.dtype) -> Inputs:
        """With tensors of a kind in the place of all of them."""

        def make(leaf: Any) -> Any:
            return stand_in.blank(leaf.shape, dtype) if isinstance(leaf, Blank) else stand_in.of(leaf)

        return Inputs(_mapped(self.positional, make), _mapped(self.named, make), self.are_picture)

    def tensors(self) -> list[tuple[str, Tensor]]:
        """All tensors, named as one would reach them: 'image', 'batch[0]', "batch['mask']"; '0' is the first."""
        parts = [(str(number), value) for number, value in enumerate(self.positional)]
        return [found for name, value in (*parts, *self.named.items()) for found in _tensors(name, value)]


def picture(shape: Shape, batch: int = 1) -> Inputs:
    """Pictures of `shape` = (C, H, W), or whatever the network takes in its place."""
    return Inputs((Blank((batch, *shape)),), {}, are_picture=True)


def batch_of(inputs: Inputs, batch: int) -> Inputs:
    """A batch of pictures in the place of the one that `picture` gave."""
    return picture(inputs.positional[0].shape[1:], batch)


def given_inputs(model: nn.Module, inputs: Any) -> Inputs:
    """The arguments that `inputs` of `summarize` stands for.

    A tensor or a shape, a tuple or list of whole numbers, is the one argument; else a tuple or list has the positional
    arguments and a dictionary the named ones. In them, tensors and shapes may be nested in tuples, lists and
    dictionaries; everything else (None, True, 0.5, "text") is handed on as it is.
    Raises StriateError when there is no tensor in it, for a side below 1 and for arguments that forward does not take.
    """
    parsed = _parsed(inputs)
    if isinstance(parsed, dict):
        if wrong := [name for name in parsed if not isinstance(name, str)]:
            raise StriateError(f"inputs as a dictionary names arguments of forward; {wrong[0]!r} is no name")
        given = Inputs((), parsed)
    else:
        given = Inputs(tuple(parsed) if isinstance(parsed, list | tuple) else (parsed,), {})
    if not any(isinstance(leaf, Tensor | Blank) for leaf in _leaves((given.positional, given.named))):
        raise StriateError(
            f"inputs has no tensor and no shape in it, got {inputs!r}; give tensors, or shapes with the batch, "
            "such as inputs=(1, 3, 224, 224) or inputs={'image': (1, 3, 224, 224), 'tokens': tensor}"
        )
    check_arguments(model, given)
    return given


def check_arguments(model: nn.Module, given: Inputs) -> None:
    """Raise StriateError, naming what forward takes, where these arguments are too few, too many or others."""
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):  # nobody can say
        return
    try:
        signature.bind(*given.positional, **given.named)
    except TypeError as error:
        raise StriateError(
            f"{type(model).__name__}: forward takes {signature}, {error}; give all of its arguments as inputs=, a "
            "tuple of tensors or shapes, or a dictionary by name"
        ) from error


def picture_size(model: nn.Module, size: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Channels, height, width; what is missing comes from the network: channels, and the size if it is of the zoo.

    size: a whole number is height and width.
    """
    if size is None and not isinstance(model, Network):
        raise StriateError(
            f"{type(model).__name__}: size is missing; give channels, height, width, such as size=(3, 224, 224), or "
            "inputs= for anything else than one picture"
        )
    given = model.preprocess.size if size is None and isinstance(model, Network) else size
    sides = _whole(given if isinstance(given, tuple | list) else (given,))
    if not sides or min(sides) < 1:
        raise StriateError(f"size must be whole numbers of at least 1, as channels, height, width; got {size}")
    if not isinstance(given, tuple | list):
        return (_channels(model, sides[0]), *sides, *sides)
    return (model.in_channels, *sides) if isinstance(model, Network) and len(sides) == 2 else sides


def _channels(model: nn.Module, side: int) -> int:
    """The network's own, or its first convolution's."""
    known = (getattr(module, "in_channels", None) for module in model.modules())
    channels = next((number for number in known if isinstance(number, int)), None)
    if channels is None:
        raise StriateError(
            f"{type(model).__name__}: size={side} is a height and width, but the network does not tell its channels; "
            f"give channels, height, width, such as size=(3, {side}, {side})"
        )
    return channels


def _whole(numbers: Any) -> tuple[int, ...]:
    """Numbers of any whole type; none where one is something else."""
    try:
        return tuple(operator.index(number) for number in numbers)
    except TypeError:
        return ()


def _parsed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _parsed(part) for name, part in value.items()}
    if not isinstance(value, list | tuple):
        return value
    if sides := _whole(value):
        if min(sides) < 1:
            raise StriateError(f"a shape in inputs has whole numbers of at least 1, with the batch; got {sides}")
        return Blank(sides)
    return _like(value, [_parsed(part) for part in value])


def _mapped(value: Any, make: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(part, make) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return _like(value, [_mapped(part, make) for part in value])
    return make(value) if isinstance(value, Tensor | Blank) else value


def _like(value: list[Any] | tuple[Any, ...], parts: list[Any]) -> Any:
    """Parts in a container like another one; a named tuple takes them one by one."""
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _tensors(f"{name}[{key!r}]", part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _tensors(f"{name}[{number}]", part)
