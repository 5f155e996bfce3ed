"""Where and in which numbers a network runs: device, precision, memory layout, threads."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from msgspec import Meta
from torch import Tensor, nn

from striate.core.bounds import BATCH_PICTURES, THREADS
from striate.core.errors import StriateError, unknown_name
from striate.core.processor import threads_beside_others
from striate.core.units import counted
from striate.ops.threads import torch_threads

Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}

# Multiply-accumulates per picture below which bf16 gains nothing (benchmarks/precision.md) and one thread is enough:
# the network trains in seconds either way, and on a busy machine threads that wait for each other are slower than one.
LARGE_FROM_MACS = 10_000_000


@dataclass(frozen=True)
class Runtime:
    """Device, precision, layout and threads of the processor; what training adds to them.

    A run writes all of it down and reads it again: a new setting needs a default, which older runs then have.

    device: "cpu", "cuda", which is the current GPU, or one by its number, "cuda:1". micro_batch: pictures that go
    through the network at once where a batch does not fit into memory; None: all.
    compiled: whether torch.compile translates the training step. fused_norms: whether batch norms train in the compiled
    kernels of `striate.kernels.fused_norm`. winograd: whether convolutions train by `striate.kernels.winograd`.
    threads_by_load: whether fewer threads are used while other programs need the cores, else always as many.

    >>> Runtime("cpu", "fp32", channels_last=False, threads=1).move(torch.zeros(1)).device.type
    'cpu'
    """

    device: str
    precision: Precision
    channels_last: bool
    threads: Annotated[int, Meta(ge=THREADS[0], le=THREADS[1])]
    micro_batch: Annotated[int, Meta(ge=BATCH_PICTURES[0], le=BATCH_PICTURES[1])] | None = None
    compiled: bool = False
    fused_norms: bool = False
    winograd: bool = False
    threads_by_load: bool = False

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU."""
        return torch.device(self.device).type == "cuda"

    def at_once(self, pictures: int) -> int:
        """How many of so many pictures go through the network at once, at the most."""
        return min(pictures, self.micro_batch or pictures)

    def threads_now(self) -> int:
        """This many, or those for which other programs leave a core; looking may take a tenth of a second."""
        return threads_beside_others(self.threads) if self.threads_by_load else self.threads

    def processor_threads(self) -> AbstractContextManager[None]:
        """The context in which torch uses `threads_now`; its number is restored afterwards."""
        return torch_threads(self.threads_now())

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which the network runs forward."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=HALVES[self.precision])

    def loss_scaler(self) -> torch.amp.GradScaler:
        """What keeps small gradients from becoming zero in fp16; it does nothing in other precisions.

        Source: Micikevicius et al., "Mixed precision training", arXiv:1710.03740, section 3.2.
        """
        return torch.amp.GradScaler(torch.device(self.device).type, enabled=self.precision == "fp16")

    def move(self, tensor: Tensor) -> Tensor:
        """A tensor on the device; from pinned memory it travels while the program goes on."""
        return tensor.to(self.device, non_blocking=True)

    def images(self, images: Tensor) -> Tensor:
        """Pictures in the layout of the network's weights."""
        if self.channels_last:
            return images.contiguous(memory_format=torch.channels_last)
        # Of one channel both layouts are one in memory, and the strides alone would say which the next layer writes in.
        return images.contiguous().flatten().view(images.shape)

    def network(self, network: nn.Module) -> nn.Module:
        """The network itself, moved and laid out."""
        layout = torch.channels_last if self.channels_last else torch.preserve_format
        return network.to(self.device, memory_format=layout)  # type: ignore[call-overload, no-any-return]


def describe(runtime: Runtime) -> str:
    """Settings as a person reads them.

    >>> describe(Runtime("cpu", "bf16", True, 2, micro_batch=16))
    'bf16 channels last 2 threads, 16 pictures at once'
    """
    text = f"{runtime.precision} {'channels last' if runtime.channels_last else 'contiguous'}"
    if runtime.device == "cpu":
        text += f" {counted(runtime.threads, 'thread')}"
    text += " fused norms" if runtime.fused_norms else ""
    text += " Winograd" if runtime.winograd else ""
    text += f", {counted(runtime.micro_batch, 'picture')} at once" if runtime.micro_batch else ""
    return text + (", compiled" if runtime.compiled else "")


def has_fast_bf16(device: str) -> bool:
    """Whether the processor multiplies bf16 natively."""
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def fast_half(device: str) -> Precision | None:
    """The 16-bit precision that a device multiplies natively, bf16 rather than fp16; None where there is none."""
    if has_fast_bf16(device):
        return "bf16"
    return "fp16" if device != "cpu" and torch.cuda.get_device_capability()[0] >= 7 else None  # from Volta on


def in_precision(runtime: Runtime, precision: str) -> Runtime:
    """The same runtime in another precision. Raises StriateError for one that is not known."""
    return replace(runtime, precision=default_runtime(precision, 0, runtime.device).precision)


def natively(precision: str, device: str) -> Precision:
    """A precision, or fp32 in the place of one that is not known or that the device only imitates, slowly."""
    if precision == "bf16" and has_fast_bf16(device):
        return "bf16"
    return "fp16" if precision == "fp16" and device != "cpu" else "fp32"


def devices() -> list[str]:
    """The devices that are there, by name."""
    numbers = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    return ["cpu", *(["cuda"] if numbers else []), *(f"cuda:{number}" for number in numbers)]


def device_named(name: str) -> str:
    """A device that is there; "auto" is the GPU if there is one, else the CPU.

    Raises StriateError, with those that are there, for any other.

    >>> device_named("tpu")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    striate.core.errors.StriateError: there is no device 'tpu' here; there are auto, cpu...
    """
    if name == "auto":
        return default_device()
    if name not in devices():
        raise StriateError(f"there is no device {name!r} here; there are {', '.join(['auto', *devices()])}")
    return name


def as_current(device: str) -> AbstractContextManager[object]:
    """The context in which whatever asks for the current GPU is told of this one."""
    return torch.cuda.device(device) if ":" in device else nullcontext()


def default_device() -> str:
    """The GPU if there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def default_runtime(precision: str, macs: int, device: str | None = None) -> Runtime:
    """The fastest correct setting for a network of `macs` multiply-accumulates per picture.

    precision: "auto", "bf16", "fp16" or "fp32". Raises StriateError for another one.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    device = device or default_device()
    large = macs >= LARGE_FROM_MACS
    if precision == "auto":
        precision = (fast_half(device) if large else None) or "fp32"
    threads = torch.get_num_threads() if large else 1
    return Runtime(device, precision, channels_last=True, threads=threads, threads_by_load=device == "cpu")  # type: ignore[arg-type]
