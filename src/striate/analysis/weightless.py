"""Running a network without its weights: every tensor it owns is replaced by one that has a shape and no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from striate.core.errors import StriateError

META = torch.device("meta")


def twin(tensor: Tensor) -> Tensor:
    """A tensor on the meta device with the shape, type and gradient flag of another; it takes no memory.

    >>> twin(torch.zeros(2, 3)).device, twin(torch.zeros(2, 3)).shape
    (device(type='meta'), torch.Size([2, 3]))
    """
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=META, requires_grad=tensor.requires_grad)


@contextmanager
def weightless(model: nn.Module, *, training: bool) -> Iterator[dict[str, Tensor]]:
    """Put meta twins in the place of all parameters and buffers, in training or evaluation mode; afterwards undo it.

    Yields the twins of the parameters by name, a shared parameter once. Whatever the forward pass sets on a module
    (modes, counters, buffers) is undone as well, also when it raises: each module gets its attributes back.
    Raises StriateError for a lazy module, whose shapes are not yet known.
    """
    before = [(module, dict(vars(module))) for module in model.modules()]
    names = dict(model.named_parameters())
    if any(is_lazy(parameter) for parameter in names.values()):
        raise StriateError(
            f"{type(model).__name__} has lazy layers, whose shapes are not known yet; run it once on a real batch first"
        )
    twins: dict[int, Tensor] = {}

    def replaced(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else twins.setdefault(id(tensor), twin(tensor))

    try:
        for module, attributes in before:
            for store in ("_parameters", "_buffers"):
                vars(module)[store] = {name: replaced(tensor) for name, tensor in attributes[store].items()}
            if isinstance(module, nn.RNNBase):  # it keeps a second list of its weights
                vars(module)["_flat_weights"] = [replaced(tensor) for tensor in attributes["_flat_weights"]]
        model.train(training)
        yield {name: twins[id(parameter)] for name, parameter in names.items()}
    finally:
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


class MetaMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator that runs, and runs it on meta tensors only.

    A tensor that the network made elsewhere (a constant kept as an attribute) is replaced by its twin. The shapes of
    a few frequent operators are known without asking: their meta kernels are Python and take 100 to 700 us each.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strays: dict[int, tuple[Tensor, Tensor]] = {}  # the real one is held so that its id stays its own

    def __torch_dispatch__(
        self, operator: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operator."""
        arguments = tuple(self._on_meta(argument) for argument in args) if _mixed(args) else args
        shortcut = SHORTCUTS.get(operator)
        result = shortcut(*arguments) if shortcut and not kwargs else None
        if result is None:
            result = operator(*arguments, **(kwargs or {}))
        self.ran(operator, arguments, kwargs or {}, result)
        return result

    def ran(self, operator: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        """Called after each operator; a subclass takes its notes here."""

    def _on_meta(self, argument: Any) -> Any:
        if isinstance(argument, Tensor) and argument.device != META:
            return self.strays.setdefault(id(argument), (argument, twin(argument)))[1]
        if isinstance(argument, list | tuple):
            return type(argument)(self._on_meta(part) for part in argument)
        return argument


def tensors_in(arguments: Any) -> Iterator[Tensor]:
    """The tensors among an operator's arguments or results, lists looked into."""
    for argument in arguments:
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from tensors_in(argument)


def _mixed(args: tuple[Any, ...]) -> bool:
    """Whether a meta tensor meets one that is not; operators on real tensors alone (random draws) stay real."""
    meta = real = False
    for tensor in tensors_in(args):
        if tensor.is_meta:
            meta = True
        else:
            real = True
    return meta and real


def _elementwise(first: Any, second: Any, *rest: Any) -> Tensor | None:
    plain = (
        not rest
        and isinstance(second, Tensor)
        and first.is_meta
        and first.shape == second.shape
        and first.dtype == second.dtype
        and first.is_contiguous()
        and second.is_contiguous()
    )
    return torch.empty(first.shape, dtype=first.dtype, device=META) if plain else None


def _batch_norm(image: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, *_: Any) -> Any:
    if not (image.is_meta and image.is_contiguous()):
        return None
    statistics = image.shape[1] if training else 0
    return (
        torch.empty(image.shape, dtype=image.dtype, device=META),
        torch.empty(statistics, device=META),
        torch.empty(statistics, device=META),
    )


SHORTCUTS: dict[OpOverload, Callable[..., Any]] = {
    torch.ops.aten.add.Tensor: _elementwise,
    torch.ops.aten.mul.Tensor: _elementwise,
    torch.ops.aten.native_batch_norm.default: _batch_norm,
}
