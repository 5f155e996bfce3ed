"""OpenVINO's files (.xml and .bin), made of the ONNX graph: by its own reader, which takes a third of a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.deploy.engines.openvino_engine import last_words
from striate.deploy.engines.quiet_openvino import openvino, read_model
from striate.deploy.export.int8 import graph_in
from striate.deploy.export.pictures import Pictures
from striate.deploy.export.traced import Traced
from striate.deploy.export_record import KEY, ExportRecord


@dataclass(frozen=True)
class OpenVinoModel:
    """A network as OpenVINO has it, and the ONNX graph that it was made of."""

    model: Any
    graph: Any


def openvino_model(precision: str, traced: Traced, label: str, calibration: Pictures | None) -> OpenVinoModel:
    """Raises StriateError for an operator that ONNX or OpenVINO does not have."""
    graph = graph_in(precision, traced, label, calibration)
    try:
        model = read_model(openvino().Core(), graph.SerializeToString())
    except RuntimeError as error:
        raise StriateError(
            f"{label} cannot be read by OpenVINO: {last_words(error)}; export it as onnx or pt2"
        ) from error
    return OpenVinoModel(model, graph)


def write_openvino(made: OpenVinoModel, record: ExportRecord, path: Path) -> None:
    """Write a model, and its weights beside it; those of a file in bf16 as fp16, which has more digits."""
    made.model.set_rt_info(record.text(), [KEY])
    openvino().save_model(made.model, path, compress_to_fp16=record.precision == "bf16")
