"""Training steps of Faster R-CNN and Mask R-CNN with ResNet-50 and a pyramid, as a ratio to torchvision's own networks.

    python benchmarks/detection_training.py
    python benchmarks/detection_training.py --side 320 --batch 1 --rounds 2 --networks faster_rcnn_resnet50_fpn
    python benchmarks/detection_training.py --side 320 --batch 8 --networks quick_detector --precision bf16

`quick_detector`, as it is, stands beside torchvision's SSDLite on MobileNetV3; the others have held norms. Both have
the same pictures and boxes, SGD, and the same threads. torchvision's compiled operators are used where they load beside
this torch; otherwise its RoIAlign is what it has torch.compile make of its definition in Python, and its suppression
ours. Ours runs channels last, in fp32 and, with --precision bf16, in bf16. Alternating, medians, one process; the first
round, in which it compiles, is not counted. The last column is of core seconds, which other programs lengthen less.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from striate.models import create_model
from striate.ops.suppression import nms
from striate.runtime.runtime import Runtime

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
SSDLITE = "ssdlite320_mobilenet_v3_large"
THEIRS = {"faster_rcnn_resnet50_fpn": "FasterRCNN", "mask_rcnn_resnet50_fpn": "MaskRCNN", "quick_detector": SSDLITE}
CLASSES, OBJECTS = 20, 8  # objects of a picture


@dataclass(frozen=True)
class Truth:
    """See `striate.models.instances.MaskTruth`."""

    boxes: Tensor
    labels: Tensor
    picture: Tensor
    ignored: Tensor
    pictures: int
    masks: Tensor


def made_up(batch: int, side: int) -> tuple[Tensor, Truth]:
    """Pictures of noise, and boxes in them whose masks fill them."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, side, side, generator=generator)
    sides = torch.rand(batch * OBJECTS, 2, generator=generator) * side * 0.4 + 16
    corner = torch.rand(batch * OBJECTS, 2, generator=generator) * (side - sides)
    boxes = torch.cat([corner, corner + sides], 1)
    labels = torch.randint(0, CLASSES, (len(boxes),), generator=generator)
    picture = torch.arange(batch).repeat_interleave(OBJECTS)
    masks = torch.zeros(len(boxes), side, side, dtype=torch.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.long().tolist(), strict=True):
        mask[top:bottom, left:right] = 1
    return images, Truth(boxes, labels, picture, torch.zeros(len(boxes), dtype=torch.bool), batch, masks)


def torchvisions(name: str, side: int) -> nn.Module:
    """torchvision's network, which leaves pictures of this size as they are; of those with ResNet-50, held norms."""
    from of_others import torchvision_module

    detectors = torchvision_module("torchvision.models.detection")
    if not torchvision_module("torchvision.extension")._has_ops():
        torchvision_module("torchvision.ops.boxes").nms = nms
    if THEIRS[name] == SSDLITE:  # of 320 px alone
        light: nn.Module = getattr(detectors, SSDLITE)(weights=None, weights_backbone=None, num_classes=CLASSES + 1)
        return light.train()
    backbones = torchvision_module("torchvision.models.detection.backbone_utils")
    backbone = backbones.resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5)
    network: nn.Module = getattr(detectors, THEIRS[name])(backbone, CLASSES + 1, min_size=side, max_size=side)
    for path, norm in network.named_buffers():
        if path.endswith("bn3.weight"):
            norm.fill_(0.25)  # as ours draws it, or what the stages make of noise overflows
    return network.train()


def steps(name: str, batch: int, side: int, runtime: Runtime) -> dict[str, Callable[[], None]]:
    """A training step of each, by name."""
    images, truth = made_up(batch, side)
    ours, theirs = runtime.network(create_model(name, classes=CLASSES)).train(), torchvisions(name, side)
    of_ours, of_theirs = (torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9) for net in (ours, theirs))
    targets = [
        {"boxes": truth.boxes[here], "labels": truth.labels[here] + 1, "masks": truth.masks[here]}
        for here in (truth.picture == number for number in range(batch))
    ]
    shown = runtime.images(images)

    def our_step() -> None:
        with runtime.autocast():
            losses = ours.losses(shown, truth)
        sum(losses.values(), torch.zeros(())).backward()
        of_ours.step()
        of_ours.zero_grad(set_to_none=True)

    def their_step() -> None:
        sum(theirs(list(images), targets).values(), torch.zeros(())).backward()
        of_theirs.step()
        of_theirs.zero_grad(set_to_none=True)

    return {"ours": our_step, "theirs": their_step}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--side", type=int, default=800, help="height and width of the pictures in pixels")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours; theirs has fp32")
    parser.add_argument("--networks", nargs="+", choices=THEIRS, default=list(THEIRS)[:2])
    asked = parser.parse_args()
    if "quick_detector" in asked.networks and asked.side != 320:
        parser.error("SSDLite is of 320 px: --side 320")
    runtime = Runtime("cpu", asked.precision, True, torch.get_num_threads())
    print(f"{torch.get_num_threads()} threads, {asked.batch} pictures of {asked.side} px, ours in {asked.precision}")
    print("| network | ours, s a picture | torchvision, s a picture | ratio | of cores |\n|---|---:|---:|---:|---:|")
    for name in asked.networks:
        each = steps(name, asked.batch, asked.side, runtime)
        taken: dict[str, list[tuple[float, float]]] = {who: [] for who in each}
        for _ in range(asked.rounds):
            for who, step in each.items():
                start, cores = time.perf_counter(), time.process_time()
                step()
                spent = (time.perf_counter() - start, time.process_time() - cores)
                taken[who].append((spent[0] / asked.batch, spent[1] / asked.batch))
        ours, theirs = ([statistics.median(clock[1:]) for clock in zip(*taken[who], strict=True)] for who in each)
        cells = (f"{ours[0]:.3f}", f"{theirs[0]:.3f}", *(f"{b / a:.2f}" for a, b in zip(ours, theirs, strict=True)))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    from torchvision.extension import _has_ops

    print(f"torchvision's operators: {'compiled' if _has_ops() else 'RoIAlign by torch.compile, suppression ours'}")


if __name__ == "__main__":
    main()
