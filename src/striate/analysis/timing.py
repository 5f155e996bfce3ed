"""Measured milliseconds of every layer, and how near that is to the fastest convolution of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from striate.analysis.calls import Forward, evaluating, wrapped_calls
from striate.analysis.inputs import picture_size
from striate.analysis.trace import facts_of
from striate.core.errors import StriateError
from striate.core.units import counted
from striate.meta.weightless import tensors_in

# (maps, side): 3x3 convolutions as they are in the middle of the networks of the zoo; the ceiling is the best of them
CEILING_LAYERS = ((64, 56), (128, 28), (256, 28), (256, 14))


@dataclass(frozen=True)
class TimedRow:
    """One layer call, or one function that a container calls directly.

    macs: multiply-accumulates of the whole batch. forward_ms: median over the repetitions.
    """

    path: str
    kind: str
    macs: int
    forward_ms: float

    @property
    def gflops_per_s(self) -> float:
        """Achieved, 2 FLOPs per multiply-accumulate."""
        return 2 * self.macs / self.forward_ms / 1e6 if self.forward_ms else 0.0


@dataclass(frozen=True)
class Timing:
    """A network's measured inference, layer by layer.

    forward_ms: of the whole forward pass without measuring its layers, median. ceiling_gflops_per_s: of this machine's
    fastest 3x3 convolution with the same number type and threads.
    """

    rows: tuple[TimedRow, ...]
    batch: int
    forward_ms: float
    ceiling_gflops_per_s: float

    def __str__(self) -> str:
        """Slowest first, those above 1 % of the time."""
        total = sum(row.forward_ms for row in self.rows)
        slow = [row for row in sorted(self.rows, key=lambda row: -row.forward_ms) if row.forward_ms > 0.01 * total]
        width = max((len(f"{row.path} {row.kind}") for row in slow), default=5)
        lines = [f"{'layer':<{width}}  {'ms':>9}  {'share':>6}  {'GFLOP/s':>8}  {'of ceiling':>10}"]
        for row in slow:
            part = row.gflops_per_s / self.ceiling_gflops_per_s
            lines.append(
                f"{row.path + ' ' + row.kind:<{width}}  {row.forward_ms:9.3f}  {row.forward_ms / total:6.1%}  "
                f"{row.gflops_per_s:8.1f}  {part:10.0%}"
            )
        return "\n".join(
            [
                *lines,
                f"{counted(len(self.rows) - len(slow), 'row')} of at most 1 % each not shown",
                f"forward pass: {self.forward_ms:.2f} ms for {counted(self.batch, 'picture')}; ceiling of this "
                f"machine, 3x3 convolutions: {self.ceiling_gflops_per_s:.0f} GFLOP/s",
            ]
        )


def time_layers(model: nn.Module, size: tuple[int, ...] | None = None, batch: int = 1, repeats: int = 10) -> Timing:
    """Run a network in evaluation mode, two runs to warm up and then `repeats`, and take each layer's median time.

    size: as in `summarize`. Measures the model as it is: its device (the processor), number type and memory layout.
    Raises StriateError for a model without weights and numbers below 1.
    """
    shape = (batch, *picture_size(model, size))
    if batch < 1 or repeats < 1:
        raise StriateError(f"batch and repeats must be at least 1, got {batch} and {repeats}")
    parameters = list(model.parameters())
    if any(parameter.device.type != "cpu" for parameter in parameters):
        raise StriateError("layers are timed on the processor, with weights in memory; move the model to 'cpu' first")
    dtype = next((p.dtype for p in parameters if p.is_floating_point()), torch.float32)
    images = torch.randn(shape).to(dtype)
    with evaluating(model), torch.no_grad():
        whole = [_ms(lambda: model(images)) for _ in range(2 + repeats)][2:]
        runs = [_timed_run(model, images) for _ in range(2 + repeats)][2:]
    rows = (
        TimedRow(path, kind, macs, median(step[3] for step in steps))
        for steps in zip(*runs, strict=True)
        for path, kind, macs, _ in steps[:1]
    )
    return Timing(tuple(rows), batch, median(whole), convolution_ceiling(dtype, torch.get_num_threads()))


@cache
def convolution_ceiling(dtype: torch.dtype, threads: int) -> float:
    """GFLOP/s of the fastest 3x3 convolution that this machine does, measured once per process, in under a second.

    threads: torch's number of threads at the time, which decides it.
    """
    best = 0.0
    with torch.no_grad():
        for maps, side in CEILING_LAYERS:
            image = torch.randn(8, maps, side, side).to(dtype).contiguous(memory_format=torch.channels_last)
            weight = torch.randn(maps, maps, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
            ms = min(_ms(partial(F.conv2d, image, weight, padding=1)) for _ in range(8))
            best = max(best, 2 * image.numel() * maps * 9 / ms / 1e6)
    return best


Step = tuple[str, str, int, float]
"""Path, kind, multiply-accumulates, milliseconds."""


def _ms(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def _timed_run(model: nn.Module, images: Tensor) -> list[Step]:
    clock = _Clock()
    with clock, wrapped_calls(model, clock.timed):
        model(images)
    return clock.steps


class _Clock(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Times the calls of leaf modules as wholes, and the operators outside them one by one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self.open: list[str] = []
        self.leaf_macs: int | None = None  # so far, of the leaf that is running

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see striate.meta.weightless

    def timed(self, forward: Forward, path: str, kind: str, leaf: bool) -> Forward:
        """The forward function of a module, each call of a leaf timed."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if not leaf or self.leaf_macs is not None:
                self.open.append(path)
                output = forward(*args, **kwargs)
                self.open.pop()
                return output
            self.leaf_macs, start = 0, time.perf_counter()
            output = forward(*args, **kwargs)
            self.steps.append((path, kind, self.leaf_macs, (time.perf_counter() - start) * 1e3))
            self.leaf_macs = None
            return output

        return call

    def __torch_dispatch__(
        self, operator: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operator."""
        name, computes, rule = facts_of(operator)
        start = time.perf_counter()
        result = operator(*args, **(kwargs or {}))
        ms = (time.perf_counter() - start) * 1e3
        shapes = [tuple(tensor.shape) for tensor in tensors_in(args)] if rule else []
        macs = rule(shapes, tuple(next(tensors_in((result,))).shape), args) if rule else 0
        if self.leaf_macs is not None:
            self.leaf_macs += macs
        elif computes:
            self.steps.append((self.open[-1] if self.open else "", name, macs, ms))
        return result
