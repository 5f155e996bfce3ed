"""What runs an exported network: one file per engine, each imported only where it is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from striate.core.errors import StriateError, unknown_name
from striate.core.extras import installed, require_packages

ENGINES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "torch"}
"""Engines by the name that a person gives, which is that of their package, and what they are called."""
RUN_BY = {".onnx": ("onnxruntime", "openvino"), ".xml": ("openvino",), ".pt2": ("torch",)}
"""Endings of exported files, and which engines run them: the first that is installed."""


class Engine(Protocol):
    """A network in an engine.

    words: what computes, and in which precision, as a person reads it. record: what the file says of itself, as text;
    None: nothing. Called with images (N, C, H, W), as the file takes them, it gives its first output, float32. Several
    threads may call it at once. threads: that compute it; 1, or more for all that there are.
    """

    words: str
    record: str | None

    def __call__(self, images: Any, threads: int = 1) -> Any:
        """The network's answer."""


def is_exported(path: str | Path) -> bool:
    """Whether a name is that of an exported file, by its ending.

    >>> is_exported("cats.onnx"), is_exported("runs/cats")
    (True, False)
    """
    return Path(path).suffix.lower() in RUN_BY


def open_engine(path: Path, engine: str | None = None, precision: str | None = None) -> Engine:
    """An exported file in an engine: the named one, or the first of those that run it which is installed.

    precision: in which OpenVINO computes, "bf16" or "fp32"; when not given, and for the others, what the file is in.

    Raises StriateError where none is, and for a file that is missing or damaged.
    """
    suitable = RUN_BY[path.suffix.lower()]
    if engine is not None and engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if engine is not None and engine not in suitable:
        runs = " or ".join(ENGINES[name] for name in suitable)
        raise StriateError(f"{path} is run by {runs}, not by {ENGINES[engine]}")
    wanted = (engine,) if engine is not None else suitable
    found = next((name for name in wanted if installed(name)), wanted[0])
    require_packages(f"{path} needs", found)
    if not path.is_file():
        raise StriateError(f"{path}: no such file")
    return _opener(found, precision)(path)


def _opener(engine: str, precision: str | None) -> Callable[[Path], Engine]:
    if engine == "onnxruntime":
        from striate.deploy.engines.onnxruntime_engine import OnnxRuntimeEngine

        return OnnxRuntimeEngine
    if engine == "openvino":
        from striate.deploy.engines.openvino_engine import OpenVinoEngine

        return partial(OpenVinoEngine, precision=precision)
    from striate.deploy.engines.torch_engine import TorchEngine

    return TorchEngine
