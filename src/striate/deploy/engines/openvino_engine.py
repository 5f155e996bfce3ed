"""OpenVINO's and ONNX files by OpenVINO, on the processor."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.processor import cores, threads_beside_others
from striate.deploy.engines.quiet_openvino import openvino, read_model
from striate.deploy.engines.signal_stack import signal_stack_kept
from striate.deploy.export_record import KEY

SHAPES = 2  # that are compiled for: a full batch, and the last one or a single picture

TO_LAST = (0, 2, 3, 1)
CAPABILITIES = "OPTIMIZATION_CAPABILITIES"

Shape = tuple[int, ...]
Asked = tuple[Shape | None, bool, bool]
"""Shape of images, None for any, whether their channels lie last, and whether all threads compute one batch."""


class OpenVinoEngine:
    """A file in OpenVINO. Raises StriateError for one that it does not take.

    precision: "bf16" or "fp32"; what the file was made for when not given, as OpenVINO by itself takes bf16 wherever
    the processor has it.
    """

    def __init__(self, path: Path, precision: str | None = None) -> None:
        _require_its_own(path)
        ov = openvino()
        self._path, self._core = path, ov.Core()
        with self._named_errors(), signal_stack_kept():
            self._model = read_model(self._core, path)
            self.record: str | None = _record(self._model)
            has_bf16 = "BF16" in self._core.get_property("CPU", CAPABILITIES)
        self.words = f"OpenVINO {ov.__version__.split('-')[0]}"
        wanted = precision or _precision(self.record)
        self._precision = "bf16" if wanted == "bf16" and has_bf16 else "f32"
        self._compiled: dict[Asked, Any] = {}
        self._compiling, self._of_thread = threading.Lock(), threading.local()

    def __call__(self, images: Any, threads: int = 1) -> Any:
        """The first output for images as the file takes them; channels that lie last in memory are not moved."""
        last = not images.flags.c_contiguous and images.transpose(TO_LAST).flags.c_contiguous
        given = images.transpose(TO_LAST) if last else np.ascontiguousarray(images)
        request = self._request((images.shape, last, threads > 1), given)
        with self._named_errors():
            request.infer([given], share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)

    def _request(self, asked: Asked, given: Any) -> Any:
        """What computes images of a shape for the thread that asks."""
        with self._compiling:
            compiled = self._compiled_for(asked, given)
        requests: dict[int, Any] = self._of_thread.__dict__.setdefault("requests", {})
        if id(compiled) not in requests:
            requests[id(compiled)] = compiled.create_infer_request()
        return requests[id(compiled)]

    def _compiled_for(self, asked: Asked, given: Any) -> Any:
        """Compiled for a shape, which is faster, or after SHAPES of them for any; and run once.

        Two threads in their first runs of a process wait for each other without end (OpenVINO 2026.4): one has the
        interpreter's lock, the other that of what both of them prepare.
        """
        _, last, alone = asked
        key = asked if asked in self._compiled or len(self._compiled) < SHAPES else (None, last, alone)
        if key not in self._compiled:
            with self._named_errors(), signal_stack_kept():
                model = self._model.clone()
                if key[0] is not None:
                    model.reshape(list(key[0]))
                if last:
                    model = _taking_channels_last(model)
                compiled = self._core.compile_model(model, "CPU", self._settings(alone))
                request = compiled.create_infer_request()
                request.infer([given], share_inputs=True)
                np.array(request.get_output_tensor(0).data, np.float32)
                self._compiled[key] = compiled
        return self._compiled[key]

    def _settings(self, alone: bool) -> dict[str, Any]:
        """Of all threads on one batch, or of one on each of as many batches as there are threads."""
        threads = threads_beside_others(cores()) if alone else cores()
        return {
            "PERFORMANCE_HINT": "LATENCY" if alone else "THROUGHPUT",
            "NUM_STREAMS": 1 if alone else threads,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": self._precision,
        }

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # RuntimeError with many lines, and others
            raise StriateError(f"{self._path} cannot be run by OpenVINO: {last_words(error)}") from error


def _require_its_own(path: Path) -> None:
    """Raise StriateError for a .xml file without weights, or that is none: OpenVINO would try its other formats."""
    with path.open("rb") as file:
        is_xml = file.read(1) == b"<"
    if path.suffix.lower() == ".xml" and not is_xml:
        raise StriateError(f"{path} is no file of OpenVINO's: it does not begin as XML")
    if path.suffix.lower() == ".xml" and not path.with_suffix(".bin").is_file():
        raise StriateError(f"{path.with_suffix('.bin')} is missing; it has the weights of {path} and belongs beside it")


def _taking_channels_last(model: Any) -> Any:
    """The same model for images (N, H, W, C)."""
    layouts = openvino().preprocess.PrePostProcessor(model)
    layouts.input().tensor().set_layout(openvino().Layout("NHWC"))
    layouts.input().model().set_layout(openvino().Layout("NCHW"))
    return layouts.build()


def _record(model: Any) -> str | None:
    if model.has_rt_info([KEY]):
        return str(model.get_rt_info([KEY]).value)
    onnx = ["framework", KEY]  # where it keeps what an ONNX file says of itself
    return str(model.get_rt_info(onnx).value) if model.has_rt_info(onnx) else None


def _precision(record: str | None) -> str | None:
    try:
        precision = json.loads(record or "{}").get("precision")
    except (ValueError, AttributeError):  # a damaged record is refused, in words, by who reads it
        return None
    return precision if isinstance(precision, str) else None


def last_words(error: Exception) -> str:
    """What OpenVINO's errors say in their last line, behind where in its source they were raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
