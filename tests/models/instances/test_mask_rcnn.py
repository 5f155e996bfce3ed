"""Mask R-CNN: torchvision's file, boxes, scores and masks; what a mask is to be; a few steps of training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from made_up_truth import MadeUp, learned
from of_others import drawn_for_regions, torchvision_detectors, torchvision_module
from striate.models import INSTANCES, create_model
from striate.models.detection.detector import MOST
from striate.models.detection.proposals import Kept
from striate.models.instances import Instances, MaskRCNN
from striate.models.instances.mask_rcnn import MASK_SIDE, mask_targets
from striate.ops.pasting import pasted

torch.set_num_threads(1)
SIZE = (96, 128)
CLASSES, LEFT = 3, 60


@dataclass(frozen=True)
class Masked(MadeUp):
    masks: Tensor


def truth_of(boxes: list[list[float]], picture: list[int], pictures: int) -> Masked:
    """Boxes of classes 0, 1, 2, 0, ..., and of each as its mask the ellipse in it."""
    edges = torch.tensor(boxes).reshape(-1, 4)
    y, x = torch.meshgrid(torch.arange(SIZE[0]) + 0.5, torch.arange(SIZE[1]) + 0.5, indexing="ij")
    middle, half = (edges[:, :2] + edges[:, 2:]) / 2, (edges[:, 2:] - edges[:, :2]) / 2
    across = ((x - middle[:, 0, None, None]) / half[:, 0, None, None]) ** 2
    down = ((y - middle[:, 1, None, None]) / half[:, 1, None, None]) ** 2
    number = torch.arange(len(edges))
    return Masked(
        edges, number % CLASSES, torch.tensor(picture, dtype=torch.int64), number < 0, pictures,
        (across + down < 1).to(torch.uint8),
    )  # fmt: skip


def pictures(count: int) -> Tensor:
    return torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_objects_and_masks_are_torchvisions(tmp_path: Path) -> None:
    theirs, state = torchvisions()
    torch.save(state, tmp_path / "mask_rcnn.pth")
    ours = create_model("mask_rcnn_resnet50_fpn", weights=tmp_path / "mask_rcnn.pth").eval()
    assert isinstance(ours, MaskRCNN)
    assert ours.classes == CLASSES
    ours.rpn.in_testing = Kept(1000, LEFT)
    images = pictures(1)
    (expected,) = theirs(list(images))
    found = Instances.of(ours(images))
    objects, masks = found.objects[0], found.masks[0]
    there = objects[:, 4] > 0
    assert there.sum() == len(expected["scores"]) > 40
    torch.testing.assert_close(objects[there, 4], expected["scores"], rtol=0, atol=1e-4)
    pixels = objects[there, :4] * torch.tensor(SIZE).flip(0).repeat(2)
    torch.testing.assert_close(pixels, expected["boxes"], rtol=0, atol=1e-3)
    assert objects[there, 5].tolist() == (expected["labels"] - 1).tolist()
    assert expected["masks"].std() > 0.05
    torch.testing.assert_close(masks[there], expected["masks"][:, 0], rtol=0, atol=1e-4)
    assert not masks[~there].any()


def torchvisions() -> tuple[nn.Module, dict[str, Tensor]]:
    """torchvision's network with held norms and seeded weights, and these under the names of its published file."""
    detectors = torchvision_detectors()
    backbones = torchvision_module("torchvision.models.detection.backbone_utils")
    backbone = backbones.resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5)
    network = detectors.MaskRCNN(
        backbone, CLASSES + 1, min_size=SIZE[0], max_size=SIZE[1], image_mean=[0.0] * 3, image_std=[1.0] * 3,
        rpn_post_nms_top_n_test=LEFT,
    ).eval()  # fmt: skip
    network.transform.postprocess = lambda found, *_: found  # masks as the network has them
    state = drawn_for_regions(network.state_dict())
    network.load_state_dict(state)
    old = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if "inner_blocks" in name or "layer_blocks" in name:
            del parts[-2]
        elif name.startswith("rpn.head.conv."):
            del parts[-3:-1]
        elif name.startswith("roi_heads.mask_head."):
            parts[-3:-1] = [f"mask_fcn{int(parts[-3]) + 1}"]
        old[".".join(parts)] = tensor
    assert "roi_heads.mask_head.mask_fcn4.bias" in old
    return network, old


def test_parameters_are_those_that_torchvision_documents() -> None:
    with torch.device("meta"):
        assert sum(each.numel() for each in create_model("mask_rcnn_resnet50_fpn").parameters()) == 44_401_393


def test_what_a_mask_is_to_be_is_pasted_back_as_the_mask() -> None:
    truth = truth_of([[20.0, 10, 90, 80], [3, 5, 40, 30]], [0, 0], 1)
    wanted = mask_targets(truth.masks, truth.boxes, torch.arange(2))
    assert wanted.shape == (2, MASK_SIDE, MASK_SIDE)
    torch.testing.assert_close(wanted.mean((1, 2)), torch.full((2,), torch.pi / 4), rtol=0.02, atol=0)
    again = pasted(wanted, truth.boxes, SIZE) > 0.5
    same = (again & (truth.masks > 0)).sum((1, 2)) / (again | (truth.masks > 0)).sum((1, 2))
    assert same.min() > 0.97


def test_a_part_of_a_box_has_that_part_of_the_mask() -> None:
    truth = truth_of([[20.0, 10, 90, 80]], [0], 1)
    (whole,) = mask_targets(truth.masks, truth.boxes, torch.tensor([0]))
    (left,) = mask_targets(truth.masks, torch.tensor([[20.0, 10, 55, 80]]), torch.tensor([0]))
    torch.testing.assert_close(left.reshape(28, 14, 2).mean(2), whole[:, :14], rtol=0, atol=0.3)
    beside = mask_targets(truth.masks, torch.tensor([[95.0, 10, 120, 80]]), torch.tensor([0]))
    assert not beside.any()


@pytest.mark.parametrize("name", [name for name in INSTANCES if "resnet50" not in name])
def test_every_parameter_learns_and_losses_fall_in_a_few_steps(name: str) -> None:
    torch.manual_seed(0)
    network = create_model(name, classes=CLASSES)
    truth = truth_of([[10.0, 20, 60, 70], [70, 15, 120, 90], [12, 22, 40, 60]], [0, 0, 1], 3)
    images = pictures(3)
    for losses in learned(network, images, truth):
        assert list(losses) == ["objectness", "rpn_box", "class", "box", "mask"]
    nothing = network.losses(images, truth_of([], [], 3))
    assert all(loss.isfinite() for loss in nothing.values())
    assert nothing["mask"] == 0


@pytest.mark.parametrize("name", INSTANCES)
def test_shapes_need_no_numbers(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, classes=CLASSES)
        found = Instances.of(network(torch.empty(2, 3, *network.preprocess.size)))
        assert (found.objects.shape, found.masks.shape) == ((2, MOST, 6), (2, MOST, MASK_SIDE, MASK_SIDE))
        network.reset_classifier(7)
        assert network.classes == 7
        assert network.roi_heads["mask_predictor"].mask_fcn_logits.out_channels == 8
