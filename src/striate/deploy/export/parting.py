"""The layer at which a file parts from its network: what every layer gives, on both sides."""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from striate.deploy.engines.quiet_openvino import openvino, read_model
from striate.deploy.engines.signal_stack import signal_stack_kept
from striate.deploy.export.onnx_file import layer_in
from striate.deploy.export.openvino_file import OpenVinoModel
from striate.deploy.export.pictures import Pictures
from striate.deploy.export.proof import network_images
from striate.deploy.export.traced import Traced
from striate.deploy.export_record import IMAGES

if TYPE_CHECKING:
    from onnx import ModelProto

Maps = dict[str, npt.NDArray[np.float32]]


def parting(traced: Traced, made: Any, pictures: Pictures, close: float) -> str | None:
    """The path of the first layer whose maps differ by more than `close` of their largest number, of some pictures.

    None where no layer does of those that both sides have, and of torch's programs, which are the network's operators.
    """
    if isinstance(made, ExportedProgram):
        return None
    graph = made.graph if isinstance(made, OpenVinoModel) else made
    images = network_images(traced, next(pictures.batches(traced.preprocess)))
    ours = _by_layer(traced, images)
    names = _outputs(graph, set(ours))
    theirs = _of_graph(_giving(graph, list(names.values())), images, in_openvino=isinstance(made, OpenVinoModel))
    for path, maps in ours.items():
        found = theirs.get(names.get(path, ""))
        if found is not None and found.shape == maps.shape:
            reach = close * float(np.abs(maps).max())
            if not bool((np.abs(found - maps) <= reach).all()):
                return path
    return None


@torch.inference_mode()
def _by_layer(traced: Traced, images: Tensor) -> Maps:
    """What each layer without layers of its own gives, in the order of the network; of those that are called once."""
    found: Maps = {}
    calls: Counter[str] = Counter()
    with ExitStack() as hooks:
        for path, layer in traced.module.network.named_modules():
            if path and not list(layer.children()):

                def note(_layer: nn.Module, _inputs: Any, output: Any, path: str = path) -> None:
                    calls[path] += 1
                    if isinstance(output, Tensor):
                        found[path] = output.float().numpy().copy()  # at once: what follows may write over it

                hooks.callback(layer.register_forward_hook(note).remove)
        traced.module(images)
    return {path: maps for path, maps in found.items() if calls[path] == 1}


def _outputs(graph: ModelProto, paths: set[str]) -> dict[str, str]:
    """By the path of a layer, the name of what its last operator gives."""
    names = {}
    for node in graph.graph.node:
        if (path := layer_in(node)) in paths:
            names[path] = node.output[0]
    return names


def _giving(graph: ModelProto, names: list[str]) -> ModelProto:
    """A copy of a graph whose outputs are what some of its operators give."""
    from onnx import ValueInfoProto

    copied = copy.deepcopy(graph)
    del copied.graph.output[:]
    copied.graph.output.extend(ValueInfoProto(name=name) for name in names)
    return copied


def _of_graph(graph: ModelProto, images: Tensor, *, in_openvino: bool) -> Maps:
    names = [output.name for output in graph.graph.output]
    content = graph.SerializeToString()
    if in_openvino:
        core = openvino().Core()
        with signal_stack_kept():
            compiled = core.compile_model(read_model(core, content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        results = compiled(images.numpy())
        return {name: results[place] for place, name in enumerate(names)}
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return dict(zip(names, session.run(names, {IMAGES: images.numpy()}), strict=True))
