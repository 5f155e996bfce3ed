"""Machine code for training on a processor, compiled from the C++ files here with the compiler that is there.

Once per machine, in two seconds; where there is no compiler, everything stays as torch has it.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from striate.core.errors import StorageError, StriateError
from striate.core.files import is_own, write_bytes
from striate.core.reading import read_file

SOURCES = tuple(Path(__file__).with_name(name) for name in ("fused_norm.cpp", "max_pool.cpp", "winograd.cpp"))
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC", "-std=c++17")
COMPILE_SECONDS = 60
OPENMP = ("torch/lib/libgomp*.so*", "torch.libs/libgomp*.so*")
COMPILERS = ("g++", "clang++")
HASH = ".sha256"


@dataclass(frozen=True)
class Kernels:
    """The loaded machine code; copies of a network share it."""

    library: ctypes.CDLL

    def __deepcopy__(self, memo: dict[int, Any]) -> Kernels:
        return self


def load_kernels(folder: Path) -> Kernels | None:
    """The compiled kernels, from `folder` or newly compiled into it; None where that cannot be done.

    Only on Linux, and only against the OpenMP library that torch itself runs on: two would fight over the cores. And
    only from a folder, made where it is missing, and a file that are this user's and that nobody else may write: the
    names can be guessed, and whoever could put a file there would have it executed.
    """
    site = Path(torch.__file__).parent.parent
    openmp = next((path for places in OPENMP for path in site.glob(places)), None)
    if platform.system() != "Linux" or openmp is None:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not is_own(folder):
        return None
    target = folder / f"kernels-{_fingerprint()}.so"
    if is_own(target) and _is_whole(target):
        with suppress(OSError):
            return Kernels(ctypes.CDLL(str(target)))
    try:
        _compile(target, openmp)
        return Kernels(ctypes.CDLL(str(target)))
    except (OSError, StorageError, subprocess.SubprocessError):
        return None


def _is_whole(target: Path) -> bool:
    """Whether a library is as it was compiled; a damaged one would end the process when it is called."""
    try:
        stated = read_file(target.with_suffix(HASH), most_bytes=100).decode("ascii", "replace")
        return hashlib.sha256(read_file(target)).hexdigest() == stated
    except StriateError:
        return False


def _fingerprint() -> str:
    """Of the sources, torch and the processor's abilities, which all decide the machine code."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="ascii", errors="replace").splitlines() if info.exists() else []
    abilities = [line for line in lines if line.startswith(("flags", "Features", "model name"))][:2]
    code = [source.read_text(encoding="utf-8") for source in SOURCES]
    parts = [*code, *FLAGS, torch.__version__, platform.machine(), *abilities]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()


def _compile(target: Path, openmp: Path) -> None:
    compiler = next((name for name in COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise OSError("no C++ compiler")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        output = Path(folder) / "kernels.so"
        objects = [Path(folder) / f"{source.stem}.o" for source in SOURCES]
        # Apart: -fopenmp at linking would take the system's library in place of torch's.
        calls: list[list[str | Path]]
        calls = [["-c", *FLAGS, "-o", *pair] for pair in zip(objects, SOURCES, strict=True)]
        calls += [["-shared", "-o", output, *objects, openmp]]
        for words in calls:
            subprocess.run([compiler, *words], check=True, capture_output=True, timeout=COMPILE_SECONDS)
        code = output.read_bytes()
        write_bytes(target, code)  # on the disk for good: to load half a library ends the process
        write_bytes(target.with_suffix(HASH), hashlib.sha256(code).hexdigest().encode())


def pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    """Where the numbers of tensors begin, as the kernels take them."""
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


def sizes(*numbers: int) -> list[ctypes.c_long]:
    """Whole numbers as the kernels take them."""
    return [ctypes.c_long(number) for number in numbers]
