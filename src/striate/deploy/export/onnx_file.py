"""ONNX: the operators of a network as the format that most programs read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from striate.core.errors import StriateError
from striate.core.units import in_bytes
from striate.deploy.export.onnx_operators import translations
from striate.deploy.export.traced import NETWORK, Traced, quietly
from striate.deploy.export_record import IMAGES, KEY, LOGITS, ExportRecord

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
MODULE = "module"
"""Of a node's metadata: the path of the layer that it is of."""
FROM_PIXELS = "from_pixels"
SCOPES = "pkg.torch.onnx.name_scopes"
UNKNOWN = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)'")
SIDES = ("batch", "channels", "height", "width")
MOST_BYTES = 2**31 - 1  # of a protobuf


def onnx_graph(traced: Traced, label: str) -> ModelProto:
    """The network's operators as ONNX has them; each node's metadata names its layer.

    Raises StriateError that names the operator and its layer where ONNX has none of the kind.
    """
    weights = sum(tensor.nbytes for tensor in traced.module.state_dict().values())
    if weights > MOST_BYTES:
        raise StriateError(f"{label} has {in_bytes(weights)} of weights, ONNX files hold 2.14 GB; export it as pt2")
    try:
        with quietly():
            program = torch.onnx.export(
                traced.program,
                dynamo=True,
                opset_version=OPSET,
                input_names=[IMAGES],
                output_names=[LOGITS],
                custom_translation_table=translations(),
                verbose=False,
            )
            model: ModelProto = program.model_proto  # type: ignore[union-attr]
    except torch.onnx.errors.OnnxExporterError as error:
        raise StriateError(_refusal(traced, label, error)) from error
    _tidy(model)
    return model


def layer_in(node: Any) -> str:
    """The path of the layer that a node is of, FROM_PIXELS before the network, "" in its own code."""
    return next((each.value for each in node.metadata_props if each.key == MODULE), "")


def _tidy(model: ModelProto) -> None:
    """Leave what a reader needs: names of the sides, the layer of each node; no paths of this machine."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        for side, name in zip(value.type.tensor_type.shape.dim, SIDES, strict=False):
            if side.dim_param:
                side.dim_param = name
    del graph.value_info[:]
    del graph.metadata_props[:]
    for part in (*graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for node in graph.node:
        path = _layer_of({each.key: each.value for each in node.metadata_props})
        del node.metadata_props[:]
        if path:
            node.metadata_props.add(key=MODULE, value=path)
    model.producer_name, model.doc_string = "striate", ""


def _layer_of(metadata: dict[str, str]) -> str:
    """The path of the layer that a node of torch's exporter is of; "" outside the network."""
    scopes = ast.literal_eval(metadata[SCOPES]) if SCOPES in metadata else []
    if FROM_PIXELS in scopes:
        return FROM_PIXELS
    layers = [scope for scope in scopes[:-1] if scope.startswith(NETWORK)]  # the last one is the operator itself
    return layers[-1].removeprefix(NETWORK) if layers else ""


def write_onnx(model: ModelProto, record: ExportRecord, path: Path) -> None:
    """Write a graph with what it says of itself."""
    kept = [each for each in model.metadata_props if each.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=KEY, value=record.text())
    path.write_bytes(model.SerializeToString())


def _refusal(traced: Traced, label: str, error: BaseException | None) -> str:
    words = ""
    while error is not None:
        words += str(error)
        error = error.__cause__ or error.__context__
    if (operator := UNKNOWN.search(words)) is None:
        return f"{label} cannot be written as ONNX or for OpenVINO: {words.splitlines()[0]}; export it as pt2"
    path = _layer_with(traced, operator[1].rpartition(".")[2])
    where = f" of its layer {path!r}" if path else ""
    named = f"the operator {operator[1]}{where} has no form there"
    return f"{label} cannot be written as ONNX or for OpenVINO: {named}; export it as pt2"


def _layer_with(traced: Traced, operator: str) -> str:
    """The path of the first layer that has an operator of such a name, which may end otherwise where it was traced."""
    nodes = [node for node in traced.program.graph.nodes if operator in str(node.target)]
    return _scope(nodes[0]) if nodes else ""


def _scope(node: Any) -> str:
    paths = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    layers = [path for path in paths if path.startswith(NETWORK)]
    return layers[-1].removeprefix(NETWORK) if layers else ""
