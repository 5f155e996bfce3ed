"""OpenVINO without its telemetry: imported here, and nowhere else."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, cast

TELEMETRY = "openvino_telemetry"


def openvino() -> Any:
    """The module openvino, which on import would report to its makers; without that package it has a stub instead.

    What a program imported before itself stays as it is.
    """
    if "openvino" not in sys.modules and TELEMETRY not in sys.modules:
        # Importing it raises ImportError now, which OpenVINO is prepared for.
        sys.modules[TELEMETRY] = cast(ModuleType, None)
    import openvino

    return openvino


def read_model(core: Any, source: Any) -> Any:
    """A file's path or its bytes as a model, in which of equal numbers the first is the first, as ONNX has it.

    OpenVINO's reader of ONNX leaves their order open, and a detector's rows would come in another one.
    """
    model = core.read_model(source)
    for node in model.get_ops():
        if node.get_type_name() == "TopK" and node.get_attributes()["sort"] != "none":
            node.set_attribute("stable", True)
    return model
