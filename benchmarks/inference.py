"""Images per second of a network's pass, through every engine that is here, in turns within one run.

    python benchmarks/inference.py                          # four networks at 224 px, batches of 1 and 16
    python benchmarks/inference.py --networks quick_fcn fcn8s --size 360 480 --batches 1
    python benchmarks/inference.py --networks resnet50 --batches 16 --turns 20 --json

Beside Striate's forms stand the loops by hand: torch as it comes, in bf16 and channels last, compiled by torch.compile
with its weights frozen, ONNX Runtime, OpenVINO. Weights are drawn; images are normalised and lie in memory, so that a
pass and nothing else is measured. Every number is the best of all turns: other work on the machine only adds time.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor

from striate.core.extras import installed
from striate.deploy.engine_form import EngineForm
from striate.deploy.engines import open_engine
from striate.deploy.engines.quiet_openvino import openvino
from striate.deploy.export.asked import Asked, export_named
from striate.deploy.export.ends import answering
from striate.deploy.export.exporting import Audience
from striate.deploy.export.int8 import int8_graph
from striate.deploy.export.pictures import drawn
from striate.deploy.export.traced import traced
from striate.models import Network, create_model
from striate.runtime.machine import processor_name
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.program.quick import QuickForm, quick_form
from striate.runtime.runtime import has_fast_bf16

NETWORKS = ("resnet50", "resnet18", "vgg16", "quick_regnet26")
PASSES = 3  # of a turn, after one that is not timed
PRECISION = "bf16" if has_fast_bf16("cpu") else "fp32"

Pass = Callable[[], object]


def within() -> torch.autocast:
    """The precision that this processor computes fastest in."""
    return torch.autocast("cpu", torch.bfloat16, enabled=PRECISION == "bf16")


def passes(name: str, size: tuple[int, int], batch: int, folder: Path, compiled: bool) -> Iterator[tuple[str, Pass]]:
    """Every engine by name, with a pass of one batch."""
    torch.manual_seed(0)
    network = create_model(name, size=size).eval()
    images = torch.randn(batch, 3, *size)
    yield "torch plain", lambda: network(images)

    by_hand = create_model(name, size=size).eval().to(memory_format=torch.channels_last)
    by_hand.load_state_dict(network.state_dict())
    last = images.contiguous(memory_format=torch.channels_last)
    form = quick_form(by_hand, network.preprocess.at(size))
    yield f"torch {PRECISION} channels last", lambda: autocast(by_hand, last)
    if compiled:
        yield f"torch.compile frozen {PRECISION}", frozen(by_hand, last)
    yield "striate torch", lambda: autocast(form, last)

    file = folder / f"{name}.onnx"
    if not file.exists():
        torch.manual_seed(0)
        export_named(name, Asked(file), Audience())
    if installed("onnxruntime"):
        yield "onnxruntime fp32", onnxruntime_loop(file, images)
    if installed("openvino"):
        yield f"openvino {PRECISION}", openvino_loop(file, images)
        yield "striate openvino", through(form, file, PRECISION, last)
        yield "striate openvino int8", through(form, int8_of(file, network), "int8", last)


def autocast(network: torch.nn.Module, images: Tensor) -> Tensor:
    """A pass in the fastest precision."""
    with within():
        return network(images)


def frozen(network: torch.nn.Module, images: Tensor) -> Pass:
    """Compiled with the weights as constants, so that they are laid out and folded once."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    torch._dynamo.reset()
    compiled = torch.compile(network)
    return lambda: autocast(compiled, images)


def onnxruntime_loop(file: Path, images: Tensor) -> Pass:
    """As its documents have it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    given = {"images": images.numpy()}
    return lambda: session.run(None, given)


def openvino_loop(file: Path, images: Tensor) -> Pass:
    """As its documents have it, for one batch after another of one shape."""
    ov = openvino()
    model = ov.Core().read_model(file)
    model.reshape(list(images.shape))
    settings = {"INFERENCE_PRECISION_HINT": PRECISION.replace("fp", "f"), "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
    array = images.numpy()
    return lambda: request.infer([array], share_inputs=True)


def through(form: QuickForm, file: Path, precision: str, images: Tensor) -> Pass:
    """OpenVINO as `predict --engine openvino`, or as `predict FILE.onnx --engine openvino`, has it."""
    number_type = torch.bfloat16 if PRECISION == "bf16" else torch.float32
    engine = EngineForm(form, open_engine(file, "openvino", precision), number_type)
    return lambda: autocast(engine, images)


def int8_of(file: Path, network: Network) -> Path:
    """A file in int8, calibrated on drawn pictures, for its speed: its accuracy is `striate export`'s to measure."""
    import onnx

    quantised = file.with_suffix(".int8.onnx")
    if not quantised.exists():
        pictures = drawn(network.preprocess)
        found = traced(answering(network, network.preprocess, with_preprocessing=False), network.preprocess, file.stem)
        onnx.save(int8_graph(onnx.load(file), found, pictures), quantised)
    return quantised


@torch.inference_mode()
def measured(
    name: str, size: tuple[int, int], batch: int, turns: int, folder: Path, compiled: bool
) -> list[dict[str, object]]:
    """Rows of one network and batch."""
    ways = dict(passes(name, size, batch, folder, compiled))
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(turns):
        for engine, run in ways.items():
            with keep_freed_memory() if engine.startswith("striate") else nullcontext():  # as `predict` does
                run()
                for _ in range(PASSES):
                    begun = time.perf_counter()
                    run()
                    best[engine] = min(best[engine], time.perf_counter() - begun)
    return [
        {"network": name, "batch": batch, "engine": engine, "images_per_s": round(batch / seconds, 1)}
        for engine, seconds in best.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--batches", nargs="+", type=int, default=(1, 16))
    parser.add_argument("--size", nargs=2, type=int, default=(224, 224), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out, which takes a minute each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.getLogger("striate").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.networks:
            for batch in given.batches:
                found = measured(name, tuple(given.size), batch, given.turns, Path(folder), not given.no_compile)
                rows += found
                if not given.json:
                    show(found)
    if given.json:
        here = {"processor": processor_name(), "threads": torch.get_num_threads()}
        print(json.dumps([{**row, **here} for row in rows], indent=2))
    else:
        print(f"{processor_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}")


def show(rows: list[dict[str, object]]) -> None:
    """One line per engine."""
    for row in rows:
        print(f"{row['network']:16} {row['batch']:3} {row['engine']:32} {row['images_per_s']:8} images/s", flush=True)


if __name__ == "__main__":
    main()
