"""The operators of a training step, timed one by one and sorted into parts, with the bytes and FLOPs each asks for.

Used by where_time_goes.py. Below autograd every operator of torch passes a dispatch mode, which takes its time; our
compiled kernels are called through a stand-in for their library, which does the same.
"""

from __future__ import annotations

import math
import mmap
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import CDLL, c_long
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from striate.analysis.timing import convolution_ceiling
from striate.meta.weightless import tensors_in

BANDWIDTH_BYTES, PRODUCT_SIDE, PAGE = 2**27, 2048, 4096
FORWARD, TO_MAPS, TO_FILTERS = "convolutions, forward", "convolutions, to maps", "convolutions, to filters"
NORMS, ELEMENTWISE, DENSE = "norms", "elementwise", "dense layers"
LAYOUT, WEIGHTS, POOLS = "copies, casts and layouts of maps", "casts of weights and their gradients", "pools and sums"
ALLOCATION, FAULTS = "allocation", "page faults"
DATA, AUGMENTATION, OPTIMISER = "data", "augmentation", "optimiser"
PARTS = (
    FORWARD, TO_MAPS, TO_FILTERS, NORMS, ELEMENTWISE, POOLS, LAYOUT, WEIGHTS, DENSE, OPTIMISER, AUGMENTATION, DATA,
    ALLOCATION, FAULTS,
)  # fmt: skip
# Operators that torch does not mark as pointwise.
ALSO_ELEMENTWISE = ("add", "sub", "mul", "div", "lerp", "where", "masked_fill", "native_dropout")
COPIES = ("_to_copy", "copy_", "clone", "cat", "stack", "constant_pad_nd", "index", "index_put_")
EMPTY = ("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided")
SUMMING = ("sum", "mean", "var_mean", "amax", "argmax", "topk", "sort", "cumsum")
# Of compiled kernels, by the beginning of their names: the part, and how many times the numbers of the maps they touch.
KERNELS = {
    "forward": (NORMS, 2.0), "backward": (NORMS, 3.0), "pool_forward": (POOLS, 1.25), "pool_backward": (POOLS, 1.25),
}  # fmt: skip
BYTES = {"bf16": 2, "fp32": 4}


CLOCKS: list[Callable[[], float]] = [time.perf_counter]
"""The newest is read."""


@dataclass
class Cost:
    """Of a part of a step: seconds, bytes read and written, FLOPs, page faults, and the seconds that it has to take."""

    seconds: float = 0.0
    bytes: int = 0
    flop: int = 0
    faults: int = 0
    floor: float = 0.0


@dataclass(frozen=True)
class Machine:
    """What bounds every operator. In bytes and FLOPs a second; fault: seconds of a page fault."""

    bytes: float
    flop: float
    fault: float


def faults() -> int:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def part_of(name: str, pointwise: bool, result: Any, weights: frozenset[tuple[int, ...]]) -> str:
    """The part that an operator of torch belongs to, by its name. weights: shapes of convolutions and dense layers.

    >>> part_of("relu_", True, None, frozenset()), part_of("max_pool2d_with_indices", False, None, frozenset())
    ('elementwise', 'pools and sums')
    """
    if name == "convolution":
        return FORWARD
    if "batch_norm" in name or "layer_norm" in name or "group_norm" in name:
        return NORMS
    if name in ("mm", "addmm", "bmm", "baddbmm"):
        return DENSE
    if name in COPIES:
        return WEIGHTS if isinstance(result, Tensor) and tuple(result.shape) in weights else LAYOUT
    if name in EMPTY:
        return ALLOCATION
    if "pool" in name or "upsample" in name or name in SUMMING:
        return POOLS
    return ELEMENTWISE if pointwise or name.rstrip("_") in ALSO_ELEMENTWISE else POOLS


def bytes_of(tensor: Tensor) -> int:
    """What a tensor takes in memory; what is expanded takes no more than it did before.

    >>> bytes_of(torch.zeros(4, 1).expand(4, 100))
    16
    """
    count = tensor.element_size()
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= length if stride else min(length, 1)
    return count


def flop_of(operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> int:
    """Two for each multiply-accumulate of a convolution, of either of its gradients, or of a product of matrices."""
    name = operator._schema.name
    if name.startswith("aten::convolution"):  # torch's own count forgets the groups of a gradient to filters
        made, taken, weight = (result, *args[:2]) if name == "aten::convolution" else args[:3]
        transposed = args[6 if name == "aten::convolution" else 7]
        return 2 * (taken if transposed else made).numel() * weight[0].numel()
    count = flop_registry.get(operator.overloadpacket)
    return count(*args, **kwargs, out_val=result) if count else 0


class Parts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Costs by part, of all that is computed in its context. weights: shapes of the network's filters."""

    def __init__(self, machine: Machine, weights: frozenset[tuple[int, ...]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.machine, self.weights = machine, weights
        self.costs = {part: Cost() for part in PARTS}
        self.phase: str | None = None

    @contextmanager
    def all_in(self, part: str, *, seconds: bool) -> Iterator[None]:
        """The context in which all costs go to one part. seconds: those too, with what lies between operators."""
        self.phase, watch = part, Watch()
        try:
            yield
        finally:
            self.phase, cost = None, self.costs[part]
            if seconds:
                cost.seconds, cost.faults = cost.seconds + watch.seconds(), cost.faults + watch.faults()

    def add(self, part: str, spent: tuple[float, int], moved: int, flop: int) -> None:
        """Count an operator. spent: seconds and page faults, which in the context of `all_in` are counted there."""
        cost = self.costs[self.phase or part]
        if self.phase is None:
            cost.seconds, cost.faults = cost.seconds + spent[0], cost.faults + spent[1]
        cost.bytes, cost.flop = cost.bytes + moved, cost.flop + flop
        cost.floor += max(moved / self.machine.bytes, flop / self.machine.flop)

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operator; the gradients of a convolution apart."""
        name, kwargs = operator._schema.name.rpartition("::")[2], kwargs or {}
        if operator.is_view or operator.namespace != "aten" or name == "detach":
            return operator(*args, **kwargs)
        if name != "convolution_backward":
            return self._run(operator, args, kwargs)
        to_maps, *to_filters = args[-1]
        maps = self._run(operator, (*args[:-1], [to_maps, False, False]), kwargs, TO_MAPS) if to_maps else [None]
        if not any(to_filters):
            return maps[0], None, None
        return maps[0], *self._run(operator, (*args[:-1], [False, *to_filters]), kwargs, TO_FILTERS)[1:]

    def _run(self, operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], part: str | None = None) -> Any:
        read = sum(map(bytes_of, tensors_in(args)))
        watch = Watch()
        result = operator(*args, **kwargs)
        spent = watch.seconds(), watch.faults()
        name = operator._schema.name.rpartition("::")[2]
        part = part or part_of(name, torch.Tag.pointwise in operator.tags, result, self.weights)
        moved = 0 if part == ALLOCATION else read + sum(map(bytes_of, tensors_in((result,))))
        self.add(part, spent, moved, flop_of(operator, args, kwargs, result))
        return result


class Watch:
    """Seconds and page faults since it was made."""

    def __init__(self) -> None:
        self._faults, self._since = faults(), CLOCKS[-1]()

    def seconds(self) -> float:
        """So far."""
        return CLOCKS[-1]() - self._since

    def faults(self) -> int:
        """So far."""
        return faults() - self._faults


class TimedLibrary:
    """Stands for the library of our compiled kernels, whose calls are counted in `parts` once that is set."""

    def __init__(self, library: CDLL) -> None:
        self.library, self.parts = library, None

    def __getattr__(self, name: str) -> Callable[..., None]:
        function = getattr(self.library, name)
        if self.parts is None:
            return function
        return partial(self._timed, self.parts, name, function)

    @staticmethod
    def _timed(parts: Parts, name: str, function: Callable[..., None], *args: Any) -> None:
        watch = Watch()
        function(*args)
        spent = watch.seconds(), watch.faults()
        way, _, number = name.rpartition("_")
        part, times = KERNELS[way]
        numbers = math.prod(size.value for size in args if isinstance(size, c_long))
        parts.add(part, spent, round(times * numbers * BYTES[number]), 0)


def best(work: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the fastest of some times."""
    taken = []
    for _ in range(times):
        watch = Watch()
        work()
        taken.append(watch.seconds())
    return min(taken)


def bounds_of(rates: dict[str, float], dtype: torch.dtype) -> Machine:
    """What bounds operators on numbers of a type; the rates themselves are noted."""
    name, threads = str(dtype).removeprefix("torch."), torch.get_num_threads()
    if "copy" not in rates:
        here, there = torch.ones(2, BANDWIDTH_BYTES // 4)
        rates["copy"] = 2 * BANDWIDTH_BYTES / best(lambda: there.copy_(here))
        rates["read"] = BANDWIDTH_BYTES / best(here.sum)
        rates["fault"] = fault_seconds()
    if (product := f"product {name}, {threads} threads") not in rates:
        one, other = torch.ones(2, PRODUCT_SIDE, PRODUCT_SIDE, dtype=dtype)
        rates[product] = 2 * PRODUCT_SIDE**3 / best(lambda: one @ other)
        rates[f"convolution {name}, {threads} threads"] = 1e9 * convolution_ceiling(dtype, threads)
    flop = max(rates[product], rates[f"convolution {name}, {threads} threads"])
    return Machine(max(rates["copy"], rates["read"]), flop, rates["fault"])


def fault_seconds() -> float:
    """Of a fresh page's first touch, less that of a later one."""
    pages = range(0, BANDWIDTH_BYTES, PAGE)
    with mmap.mmap(-1, BANDWIDTH_BYTES) as memory:
        numbers = np.frombuffer(memory, np.uint8)[::PAGE]
        watch = Watch()
        numbers.sum()
        first, made = watch.seconds(), watch.faults()
        later = best(numbers.sum)
        del numbers
    return max(0.0, first - later) / max(1, made) if made > len(pages) // 1000 else 0.0
