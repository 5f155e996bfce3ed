"""The formats of exported files: how each is made of a network's operators, and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.extras import require_packages
from striate.deploy.export.int8 import graph_in
from striate.deploy.export.onnx_file import write_onnx
from striate.deploy.export.openvino_file import openvino_model, write_openvino
from striate.deploy.export.pictures import Pictures
from striate.deploy.export.pt2_file import torch_program, write_pt2
from striate.deploy.export.traced import Traced
from striate.deploy.export_record import ExportRecord


@dataclass(frozen=True)
class Format:
    """A format as a record of functions.

    ending: of its files; what a file needs besides has the endings `beside`. engine: what runs it, of
    `striate.deploy.engines`. packages: that writing and trying it take. precisions: that it has; remark: why no
    others. made: in a precision, of operators, what messages call the network, and pictures to calibrate int8 on.
    write: what was made, with what it says of itself, to a path.
    """

    name: str
    ending: str
    engine: str
    packages: tuple[str, ...]
    precisions: tuple[str, ...]
    remark: str
    made: Callable[[str, Traced, str, Pictures | None], Any]
    write: Callable[[Any, ExportRecord, Path], None]
    beside: tuple[str, ...] = ()

    def require(self, precision: str) -> None:
        """Raise StriateError, with what to install, unless all packages are there."""
        quantiser = ("onnxruntime",) if precision == "int8" else ()
        require_packages(f"{self.name} files need", *dict.fromkeys((*self.packages, *quantiser)))


FORMATS = {
    each.name: each
    for each in (
        Format(
            "onnx",
            ".onnx",
            "onnxruntime",
            ("onnx", "onnxscript", "onnxruntime"),
            ("fp32", "int8"),
            "ONNX Runtime has no bf16 on the processor",
            graph_in,
            write_onnx,
        ),
        Format(
            "openvino",
            ".xml",
            "openvino",
            ("onnx", "onnxscript", "openvino"),
            ("fp32", "bf16", "int8"),
            "",
            openvino_model,
            write_openvino,
            (".bin",),
        ),
        Format(
            "pt2",
            ".pt2",
            "torch",
            (),
            ("fp32", "bf16"),
            "torch's exported programs compute in floating-point numbers",
            torch_program,
            write_pt2,
        ),
    )
}
