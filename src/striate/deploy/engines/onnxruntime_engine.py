"""ONNX files by ONNX Runtime, on the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError, first_line
from striate.core.processor import cores, threads_beside_others
from striate.deploy.export_record import KEY


class OnnxRuntimeEngine:
    """An ONNX file in ONNX Runtime, as the file says: on the processor it has no bf16.

    Raises StriateError for a file that it does not take.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads_beside_others(cores())
        options.log_severity_level = 3  # errors, which are raised anyway
        self._path = path
        with self._named_errors():
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.record: str | None = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self.words = f"ONNX Runtime {onnxruntime.__version__}"
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()][:1]

    def __call__(self, images: Any) -> Any:
        """The first output for images as the file takes them."""
        with self._named_errors():
            return self._session.run(self._outputs, {self._input: np.ascontiguousarray(images)})[0]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # its own kinds, which are no common class
            raise StriateError(f"{self._path} cannot be run by ONNX Runtime: {first_line(error)}") from error
