"""What is compiled for a training: batch norms and convolutions, and the step where torch.compile pays within the run.

A whole network takes torch.compile from half a minute to many minutes. One convolution with its norm says as much about
the gain, in a process of its own, which can be stopped when it takes too long.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated

import torch
from msgspec import Meta
from torch import nn

from striate.analysis.readers import rectified_norms
from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.data.cache import cache_root
from striate.kernels.compile import Kernels, load_kernels
from striate.kernels.fused_norm import fused_norms
from striate.kernels.max_pool import quick_max_pools
from striate.kernels.winograd import FEWEST_CHANNELS, gains, have_winograd, winograd_convolutions
from striate.models import Network
from striate.runtime.runtime import Runtime

REPEATS = 7


@dataclass(frozen=True)
class Compiling:
    """seconds_per_layer: to compile one convolution with its norm. speedup: of a step, above 1 when compiled is faster.

    >>> Compiling(seconds_per_layer=2.0, speedup=1.25).pays(layers=20, seconds_left=100)
    False
    >>> Compiling(seconds_per_layer=2.0, speedup=1.25).pays(layers=20, seconds_left=300)
    True
    """

    seconds_per_layer: Annotated[float, Meta(ge=0, le=1e9)]
    speedup: Annotated[float, Meta(gt=0, le=1e9)]

    def pays(self, layers: int, seconds_left: float) -> bool:
        """Whether a run of `seconds_left` without compiling ends earlier with it."""
        return seconds_left * (1 - 1 / self.speedup) > layers * self.seconds_per_layer


@cache
def kernels() -> Kernels | None:
    """Compiled batch norms and transforms, from the cache folder or compiled now; None where that cannot be done."""
    user = f"-{os.getuid()}" if os.name == "posix" else ""  # a cache may be shared; machine code is not
    return load_kernels(cache_root() / f"kernels{user}")


@contextmanager
def kernels_of(runtime: Runtime, network: Network) -> Iterator[None]:
    """The context in which a network's batch norms and convolutions train as the runtime says.

    Raises StriateError when they should be compiled and cannot be.
    """
    if not (runtime.fused_norms or runtime.winograd):
        yield
        return
    loaded = kernels()
    if loaded is None:
        raise StriateError(
            "the settings ask for compiled batch norms or convolutions, which need Linux and a C++ compiler, and there "
            "is none or it failed; install g++ or clang++, or start a run with --no-fused-norms --no-winograd"
        )
    if runtime.winograd and not have_winograd(loaded):
        raise StriateError(
            "the settings ask for Winograd's convolutions, which need a processor that multiplies bf16 (AVX-512 BF16); "
            "start a run with --no-winograd"
        )
    with ExitStack() as stack:
        if runtime.fused_norms:
            shape = (network.preprocess.channels, *network.preprocess.size)
            rectifying = rectified_norms(network, network.training_logits, shape)
            stack.enter_context(fused_norms(network, loaded, rectifying))
            stack.enter_context(quick_max_pools(network, loaded))  # to the bit what torch gives: no setting of its own
        if runtime.winograd:
            stack.enter_context(winograd_convolutions(network, loaded))
        yield


def idle_kernels(runtime: Runtime, network: nn.Module) -> str | None:
    """What to say where the runtime asks for kernels that would find nothing to do; None where all would act.

    >>> runtime = Runtime("cpu", "fp32", channels_last=True, threads=1, fused_norms=True)
    >>> idle_kernels(runtime, nn.BatchNorm2d(3)) is None, idle_kernels(runtime, nn.ReLU()) is None
    (True, False)
    """
    where = "maps with the channels last (--layout channels-last) on a processor without --compile; leave it out"
    if runtime.fused_norms and not norms_suit(runtime, network):
        return f"--fused-norms would do nothing: it is for batch norms of {where}"
    if runtime.winograd and not winograd_suits(runtime, network):
        return (
            f"--winograd would do nothing: it is for 3x3 convolutions of stride 1 and {FEWEST_CHANNELS} channels or "
            f"more in bf16, of {where}"
        )
    return None


def norms_suit(runtime: Runtime, network: nn.Module) -> bool:
    """Whether there are batch norms that compiled kernels could take over, if there are any."""
    return _layout_suits(runtime) and any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def winograd_suits(runtime: Runtime, network: nn.Module) -> bool:
    """Whether there are convolutions that gain from minimal filtering, in a precision that it is written for."""
    return _layout_suits(runtime) and runtime.precision == "bf16" and any(map(gains, network.modules()))


def _layout_suits(runtime: Runtime) -> bool:
    return runtime.channels_last and runtime.device == "cpu" and not runtime.compiled


def compiler_is_there(device: str) -> bool:
    """Whether torch.compile can work: a C++ compiler for the processor, Triton for a GPU."""
    if device != "cpu":
        return importlib.util.find_spec("triton") is not None
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++"))


def try_compiler(runtime: Runtime, limit_s: float) -> Compiling | None:
    """Compile a convolution with its norm and time it; None when that fails or takes longer than `limit_s` seconds."""
    command = [sys.executable, "-m", "striate.training.speed.compiling", json.dumps(asdict(runtime))]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=limit_s, check=True).stdout
        return decoded(answer.splitlines()[-1], Compiling, "the trial")
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, TypeError):
        return None


def measure(runtime: Runtime) -> Compiling:
    """The trial itself: convolution, norm and ReLU, forward and backward, as they are and compiled."""
    layers = nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
    network = runtime.network(nn.Sequential(*layers)).train()
    images = runtime.images(torch.randn(16, 64, 56, 56, device=runtime.device)).requires_grad_()
    compiled = torch.compile(network)
    with runtime.processor_threads():
        first = _seconds(compiled, images, runtime)
        plain, fast = zip(
            *((_seconds(network, images, runtime), _seconds(compiled, images, runtime)) for _ in range(REPEATS)),
            strict=True,
        )
    return Compiling(first, statistics.median(plain) / statistics.median(fast))


def _seconds(network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, runtime: Runtime) -> float:
    start = time.perf_counter()
    with runtime.autocast():
        outputs = network(images)
    outputs.float().mean().backward()  # type: ignore[no-untyped-call]
    if runtime.on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(asdict(measure(decoded(sys.argv[1].encode(), Runtime, "the settings")))))
