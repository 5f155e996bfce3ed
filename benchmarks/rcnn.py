"""R-CNN against Fast R-CNN: the same picture, proposals and layers, cut out and warped or pooled from one map.

    python benchmarks/rcnn.py [--counts 500 1000 2000] [--threads 1] [--size 320]

The packaged network up to stride 8 and a head of two dense layers, fp32, the packaged weights below; the
proposals of selective search on a picture of shapes (`striate.data.shapes`), drawn again in turn where it has fewer.
R-CNN's way sends each as 56 px through the layers, whose 7x7 places are what Fast R-CNN pools of each from the map of
the whole picture. Seconds of a core for a picture, of one map the median of TIMES; searching for proposals is in
neither.

Then how far features agree where nothing is padded: layers without padding, the pooled region of a box against those
layers on that crop, the largest difference as a share of the largest feature.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from sliding_detector import timed  # beside this file
from torch import Tensor, nn

from striate.data.proposals import proposals_of
from striate.data.shapes import scene
from striate.models import create_model
from striate.models.detection.fast_rcnn import SIDE, FastRCNN
from striate.models.detection.rcnn import AT_ONCE_PX, warped
from striate.models.detection.regions import Regions
from striate.ops.roi import roi_pool

TIMES, STRIDE = 3, 8
CROP_PX = SIDE * STRIDE


def per_crop(network: FastRCNN, images: Tensor, regions: Regions) -> Tensor:
    """Features of regions, (R, units), each cut out, warped and sent through all layers; R-CNN's way."""
    found = []
    for part in zip(*(each.split(AT_ONCE_PX // CROP_PX**2) for each in regions), strict=True):
        maps = network.backbone(warped(images, Regions(*part), CROP_PX, 0))[0]
        found.append(network.roi_heads["box_head"](maps))
    return torch.cat(found)


def pooled(network: FastRCNN, images: Tensor, regions: Regions) -> Tensor:
    """The same of one pass over the picture; Fast R-CNN's way."""
    return network.roi_heads["box_head"](network.pool(network.backbone(images), regions, SIDE))  # type: ignore[no-any-return]


def proposals(size: int, count: int) -> Regions:
    """So many boxes of selective search, drawn again in turn where there are fewer."""
    boxes = torch.from_numpy(proposals_of(scene(4, size_px=size).pixels))
    return Regions(boxes[torch.arange(count) % len(boxes)], torch.zeros(count, dtype=torch.int64))


def largest_difference(boxes: Sequence[tuple[int, int, int, int]], size: int) -> float:
    """How far features of crops and of the whole picture's map lie apart in layers without padding, as a share.

    boxes: in places of the map, of STRIDE px each; right and bottom belong to the box.
    """
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 32, 4, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 2, stride=2), nn.ReLU())
    image = torch.randn(1, 3, size, size)
    maps, apart, most = layers(image), 0.0, 0.0
    for left, top, right, bottom in boxes:
        crop = image[:, :, top * STRIDE : (bottom + 1) * STRIDE, left * STRIDE : (right + 1) * STRIDE]
        alone = F.adaptive_max_pool2d(layers(crop), SIDE)
        box = torch.tensor([[left, top, right, bottom]]).float() * STRIDE
        together = roi_pool(maps, box, torch.tensor([0]), (SIDE, SIDE), 1 / STRIDE)
        apart = max(apart, float((alone - together).abs().max()))
        most = max(most, float(alone.abs().max()))
    return apart / most


def some_boxes(size: int, count: int) -> list[tuple[int, int, int, int]]:
    """Boxes in places of the map, drawn by seed 0, from one place to all of it."""
    random = np.random.default_rng(0)
    ends = np.sort(random.integers(0, size // STRIDE, (count, 2, 2)), axis=2)
    return [(int(x[0]), int(y[0]), int(x[1]), int(y[1])) for x, y in ends]


@torch.no_grad()
def main() -> None:
    """Print the table of detection.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 2000])
    for name, value in (("threads", 1), ("size", 320)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    network = create_model("fast_rcnn_quick_regnet26", classes=20, weights="embedded").eval()
    assert isinstance(network, FastRCNN)
    images = torch.randn(1, 3, asked.size, asked.size, generator=torch.Generator().manual_seed(0))
    print("| proposals | one by one, s | from one map, s | times faster |")
    print("|---:|---:|---:|---:|")
    for count in asked.counts:
        regions = proposals(asked.size, count)
        _, slow = timed(lambda regions=regions: per_crop(network, images, regions), 1)
        _, fast = timed(lambda regions=regions: pooled(network, images, regions), TIMES)
        print(f"| {count:,} | {slow:.2f} | {fast:.3f} | {slow / fast:.0f} |", flush=True)
    print(f"largest difference without padding: {largest_difference(some_boxes(asked.size, 200), asked.size):.1e}")


if __name__ == "__main__":
    main()
