"""ONNX files by ONNX Runtime, on the processor."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from striate.core.errors import StriateError, first_line
from striate.deploy.export_record import KEY

CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
NO_ONNX = ("Protobuf parsing failed", "No graph was found in the protobuf")


class OnnxRuntimeEngine:
    """An ONNX file in ONNX Runtime, as the file says: on the processor it has no bf16.

    Raises StriateError for a file that it does not take.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._path, self._opening = path, threading.Lock()
        self._sessions: dict[int, Any] = {}
        session = self._session(1)
        self.record: str | None = session.get_modelmeta().custom_metadata_map.get(KEY)
        self.words = f"ONNX Runtime {onnxruntime.__version__}"
        self._input = session.get_inputs()[0].name
        self._outputs = [output.name for output in session.get_outputs()][:1]

    def __call__(self, images: Any, threads: int = 1) -> Any:
        """The first output for images as the file takes them."""
        session = self._session(threads)
        with self._named_errors():
            return session.run(self._outputs, {self._input: np.ascontiguousarray(images)})[0]

    def _session(self, threads: int) -> Any:
        """What computes with so many threads, that of the caller among them."""
        import onnxruntime

        with self._opening:
            if threads not in self._sessions:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = threads
                options.log_severity_level = 3  # errors, which are raised anyway
                with self._named_errors():
                    self._sessions[threads] = onnxruntime.InferenceSession(
                        self._path, options, providers=["CPUExecutionProvider"]
                    )
        return self._sessions[threads]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # its own kinds, which are no common class
            reason = CODE.sub("", first_line(error))
            if any(words in reason for words in NO_ONNX):
                raise StriateError(f"{self._path} is damaged or no ONNX file") from error
            raise StriateError(f"{self._path} cannot be run by ONNX Runtime: {reason}") from error
