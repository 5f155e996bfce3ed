"""An evaluation of detection on a few drawn pictures, with errors of every kind in known places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from striate.data.dataset import Dataset
from striate.data.sources import open_data
from striate.tasks.detection.metric import DetectionEvaluation, DetectionMetric

SIZE = (120, 160)  # height, width
ANT, BEE, CAT, DOG = (10, 10, 50, 50), (70, 10, 110, 50), (10, 70, 50, 110), (70, 70, 110, 110)
EMPTY, ABOVE = (125, 70, 155, 100), (125, 10, 155, 40)
SHIFTED = (20, 20, 60, 60)  # an IoU of 0.39 with ANT
NAMES = ("ant", "bee", "cat")
THERE = {
    "a": [("ant", ANT), ("bee", BEE)],
    "b": [("ant", ANT), ("bee", BEE)],
    "c": [("ant", ANT), ("bee", BEE), ("cat", CAT)],
    "d": [("ant", ANT), ("ant", DOG)],
    "f": [("ant", ANT), ("ant", DOG), ("bee", BEE), ("bee", CAT), ("cat", EMPTY), ("cat", ABOVE)],
}
FOUND = {
    "a": [("ant", ANT, 0.9), ("bee", BEE, 0.8)],
    "b": [("bee", ANT, 0.85), ("bee", BEE, 0.7), ("bee", BEE, 0.6)],  # wrong class; twice
    "c": [("ant", SHIFTED, 0.75), ("bee", BEE, 0.65), ("cat", EMPTY, 0.55)],  # badly placed; nothing there; missed cat
    "d": [("bee", SHIFTED, 0.5), ("ant", ANT, 0.95)],  # both; missed ant
    "f": [(label, box, 0.4) for label, box in THERE["f"]],
}


def drawn_data(folder: Path) -> Dataset:
    """Pictures as files, and a table of what is in them."""
    folder.mkdir(parents=True, exist_ok=True)
    random, rows = np.random.default_rng(0), ["path,label,x0,y0,x1,y1"]
    for name, objects in THERE.items():
        pixels = random.normal(100, 8, (*SIZE, 3)).clip(0, 255).astype(np.uint8)
        for label, (left, top, right, bottom) in objects:
            pixels[top:bottom, left:right, NAMES.index(label)] = 220
            rows.append(f"{name}.png,{label},{left},{top},{right},{bottom}")
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "boxes.csv").write_text("\n".join(rows))
    return open_data(folder / "boxes.csv", task="detection")


def evaluated(data: Dataset, names: tuple[str, ...] = NAMES) -> tuple[DetectionEvaluation, np.ndarray]:
    """What FOUND comes to, and the numbers of its pictures. names: of the classes, if they are called otherwise."""
    stems = [Path(data.pictures.name(index)).stem for index in range(len(data.targets))]
    order = np.array([stems.index(name) for name in THERE if name in stems])
    output = torch.zeros(len(order), 100, 6)
    for place, index in enumerate(order):
        for row, (label, box, score) in enumerate(sorted(FOUND[stems[index]], key=lambda each: -each[2])):
            edges = torch.tensor(box) / torch.tensor([SIZE[1], SIZE[0]] * 2)
            output[place, row] = torch.tensor([*edges, score, data.targets.names.index(label)])
    metric = DetectionMetric(names)
    metric.add(output, data.targets.take(order))
    return metric.result(), order
