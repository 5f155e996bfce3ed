"""OpenVINO's and ONNX files by OpenVINO, on the processor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError
from striate.core.processor import cores, threads_beside_others
from striate.deploy.engines.quiet_openvino import openvino
from striate.deploy.export_record import KEY

SHAPES = 2  # that are compiled for: a full batch, and the last one or a single picture

TO_LAST = (0, 2, 3, 1)
CAPABILITIES = "OPTIMIZATION_CAPABILITIES"

Shape = tuple[int, ...]
Asked = tuple[Shape, bool]
"""Shape of images, and whether their channels lie last."""


class OpenVinoEngine:
    """A file in OpenVINO. Raises StriateError for one that it does not take.

    precision: "bf16" or "fp32"; what the file was made for when not given, as OpenVINO by itself takes bf16 wherever
    the processor has it.
    """

    def __init__(self, path: Path, precision: str | None = None) -> None:
        _require_its_own(path)
        ov = openvino()
        self._path, self._core = path, ov.Core()
        with self._named_errors():
            self._model = self._core.read_model(path)
            self.record: str | None = _record(self._model)
        self.words = f"OpenVINO {ov.__version__.split('-')[0]}"
        wanted, has_bf16 = precision or _precision(self.record), "BF16" in self._core.get_property("CPU", CAPABILITIES)
        self._settings = {
            "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
            "INFERENCE_NUM_THREADS": threads_beside_others(cores()),
            "INFERENCE_PRECISION_HINT": "bf16" if wanted == "bf16" and has_bf16 else "f32",
        }
        self._requests: dict[tuple[Shape | None, bool], Any] = {}

    def __call__(self, images: Any) -> Any:
        """The first output for images as the file takes them; channels that lie last in memory are not moved."""
        last = not images.flags.c_contiguous and images.transpose(TO_LAST).flags.c_contiguous
        request = self._request((images.shape, last))
        with self._named_errors():
            request.infer([images.transpose(TO_LAST) if last else np.ascontiguousarray(images)], share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)

    def _request(self, asked: Asked) -> Any:
        """What computes images of a shape: compiled for it, which is faster, or after SHAPES of them for any."""
        shape, last = asked
        key = asked if asked in self._requests or len(self._requests) < SHAPES else (None, last)
        if key not in self._requests:
            with self._named_errors():
                model = self._model.clone()
                if key[0] is not None:
                    model.reshape(list(shape))
                if last:
                    model = _taking_channels_last(model)
                self._requests[key] = self._core.compile_model(model, "CPU", self._settings).create_infer_request()
        return self._requests[key]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # RuntimeError with many lines, and others
            raise StriateError(f"{self._path} cannot be run by OpenVINO: {last_words(error)}") from error


def _require_its_own(path: Path) -> None:
    """Raise StriateError for a .xml file that is none: OpenVINO would offer it to its readers of other formats."""
    with path.open("rb") as file:
        is_xml = file.read(1) == b"<"
    if path.suffix.lower() == ".xml" and not is_xml:
        raise StriateError(f"{path} is no file of OpenVINO's: it does not begin as XML")


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
