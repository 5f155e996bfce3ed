"""Milliseconds in which one picture of 320 px becomes objects: `quick_detector` by every engine, torchvision's SSDLite.

    python benchmarks/detection_inference.py
    python benchmarks/detection_inference.py --threads 1 --turns 50

A picture lies in memory as uint8. "pass" is the network with its suppression, on all threads; "predict" is
`Run.predict_pixels` from the picture to the objects, which has one thread for each picture. Weights are drawn, 80
classes: every score is about the least one that counts, so that suppression has all of its candidates. SSDLite is what
torchvision makes of it, from its own preprocessing on, and from a score above all of its own, so that its suppression
has nothing to do. In turns within one process; the best and the median of all turns, and the fewest milliseconds of
cores: other work only adds time, to the last the least.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import striate
from striate.core.extras import installed
from striate.data.cache import cache_root
from striate.data.picture import to_batch
from striate.deploy.bundle import save_config, save_weights
from striate.deploy.engine_form import EngineForm
from striate.deploy.engines import open_engine
from striate.deploy.run import Run
from striate.models import create_model
from striate.models.detection.dense import as_shares
from striate.models.detection.quick_detector import CANDIDATES, LEAST_SCORE, OVERLAP, QuickDetector
from striate.ops.suppression import detections
from striate.runtime.inference import network_input
from striate.runtime.machine import processor_name
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.program.quick import quick_form

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
CLASSES, SIDE = 80, 320
ENGINES = ("torch", "onnxruntime", "openvino")

Way = Callable[[], object]


def drawn_run(folder: Path) -> Run:
    """`quick_detector` with drawn weights, as a run folder has it."""
    torch.manual_seed(0)
    network = create_model("quick_detector", classes=CLASSES, size=(SIDE, SIDE)).eval()
    folder.mkdir()
    save_weights(folder, network)
    save_config(folder, network, tuple(f"class {number}" for number in range(CLASSES)), {}, "detection")
    return striate.load(folder)


def ways_of_ours(folder: Path, pixels: np.ndarray, engines: Sequence[str]) -> Iterator[tuple[str, Way]]:
    """By name, each engine's pass and its way from the picture to the objects."""
    run = drawn_run(folder / "run")
    runtime, images = run.runtime, network_input(to_batch(pixels[None]), run.preprocess, run.runtime)
    form = quick_form(run.network, run.preprocess)
    yield f"quick_detector as it is, {runtime.precision}, pass", in_precision(run, run.network, images)
    for engine in filter(installed, engines):
        opened = run if engine == "torch" else striate.load(folder / "run")
        opened.choose_engine(engine)  # which writes its file, in the cache, once
        passing: nn.Module = form
        if engine != "torch":
            (file,) = cache_root().glob("engines/*.onnx")
            dtype = torch.bfloat16 if runtime.precision == "bf16" else torch.float32
            passing = EngineForm(form, open_engine(file, engine, runtime.precision), dtype)
        yield f"quick_detector, {engine}, pass", in_precision(run, passing, images)
        yield f"quick_detector, {engine}, predict", lambda run=opened: run.predict_pixels([pixels], ["picture"])
    yield "its suppression alone", suppression(run.network, images)


def in_precision(run: Run, network: nn.Module, images: Tensor) -> Way:
    """A pass in the precision of a run."""

    def way() -> Tensor:
        with run.runtime.autocast():
            answer: Tensor = network(images)
        return answer

    return way


def suppression(network: nn.Module, images: Tensor) -> Way:
    """What is behind the last layers."""
    assert isinstance(network, QuickDetector)
    with torch.inference_mode():
        logits, boxes, _ = network.points(images)
        shares, scores = as_shares(boxes, images), logits.sigmoid()
    settings = {"iou_threshold": OVERLAP, "score_threshold": LEAST_SCORE}
    return lambda: detections(shares, scores, candidates=CANDIDATES, most=100, **settings)


def ways_of_ssdlite(pixels: np.ndarray) -> Iterator[tuple[str, Way]]:
    """torchvision's, as it comes and in bfloat16 with channels last."""
    from of_others import torchvision_detectors

    torch.manual_seed(0)
    network = torchvision_detectors().ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=CLASSES + 1, score_thresh=0.9
    )
    network.eval()
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    yield "SSDLite as it comes", lambda: network([image.float() / 255])
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)

    def in_bf16() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return last([image.float() / 255])

    yield "SSDLite in bf16, channels last", in_bf16


@torch.inference_mode()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    given = parser.parse_args()
    logging.getLogger("striate").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(given.threads)
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder, keep_freed_memory():
        os.environ["STRIATE_CACHE"] = f"{folder}/cache"
        ways = {**dict(ways_of_ours(Path(folder), pixels, given.engines)), **dict(ways_of_ssdlite(pixels))}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(given.turns + 2):  # the first two, in which programs are made, are not counted
            for name, way in ways.items():
                begun, cores = time.perf_counter(), time.process_time()
                way()
                spent = 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - cores)
                taken[name] += [spent] if turn > 1 else []
    print(f"{processor_name()}, {given.threads} threads, torch {torch.__version__}, {given.turns} turns\n")
    print("| | best, ms | median, ms | of cores, ms |\n|---|---:|---:|---:|")
    for name, spent_in_all in taken.items():
        times, of_cores = zip(*spent_in_all, strict=True)
        print(f"| {name} | {min(times):.1f} | {statistics.median(times):.1f} | {min(of_cores):.1f} |")


if __name__ == "__main__":
    main()
