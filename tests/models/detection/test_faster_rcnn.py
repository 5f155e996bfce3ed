"""Faster R-CNN: torchvision's file, numbers and losses; what proposals are, what is learned from, and what is not."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from made_up_truth import MadeUp, truth_of
from of_others import drawn_for_regions, torchvision_detectors, torchvision_module
from striate.models import create_model
from striate.models.detection import proposals
from striate.models.detection.faster_rcnn import AlignPyramid, FasterRCNN
from striate.models.detection.proposals import Kept, Proposed
from striate.models.detection.regions import Regions, with_truth

torch.set_num_threads(1)
SIZE = (96, 128)
CLASSES, LEFT, LEARNED = 3, 1000, 120  # proposals that go on, in use and to be learned from


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """torchvision's network with held norms, its seeded weights scaled so that scores and boxes are as if learned."""
    torchvision_detectors()
    backbones = torchvision_module("torchvision.models.detection.backbone_utils")
    backbone = backbones.resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5)
    network = torchvision_detectors().FasterRCNN(
        backbone, CLASSES + 1, min_size=SIZE[0], max_size=SIZE[1], image_mean=[0.0] * 3, image_std=[1.0] * 3,
        rpn_post_nms_top_n_test=LEFT, rpn_post_nms_top_n_train=LEARNED,
    )  # fmt: skip
    state = drawn_for_regions(network.state_dict())
    network.load_state_dict(state)
    return network


@pytest.fixture(scope="module")
def file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "faster_rcnn.pth"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def ours(file: Path) -> FasterRCNN:
    network = create_model("faster_rcnn_resnet50_fpn", weights=file)
    assert isinstance(network, FasterRCNN)
    assert network.classes == CLASSES
    network.rpn.in_training, network.rpn.in_testing = Kept(2000, LEARNED), Kept(1000, LEFT)
    return network


def pictures(count: int) -> Tensor:
    return torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_objects_are_torchvisions(theirs: nn.Module, ours: FasterRCNN) -> None:
    images = pictures(1)
    for found, expected in zip(ours.eval()(images), theirs.eval()(list(images)), strict=True):
        there = found[found[:, 4] > 0]
        assert len(there) == len(expected["scores"]) > 50
        torch.testing.assert_close(there[:, 4], expected["scores"], rtol=0, atol=1e-4)
        pixels = there[:, :4] * torch.tensor(SIZE).flip(0).repeat(2)
        torch.testing.assert_close(pixels, expected["boxes"], rtol=0, atol=1e-3)
        assert there[:, 5].tolist() == (expected["labels"] - 1).tolist()


def truth_for_both() -> tuple[MadeUp, list[dict[str, Tensor]]]:
    truth = truth_of([(10, 20, 60, 70, 1), (70, 15, 120, 90, 2), (12, 22, 40, 60, 0)])
    return truth, [{"boxes": truth.boxes, "labels": truth.labels + 1}]


def test_losses_are_torchvisions(theirs: nn.Module, ours: FasterRCNN, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both learn from all that there is, for they draw from it in other ways."""
    all_of_them = 10**6
    monkeypatch.setattr(proposals, "SAMPLED", all_of_them)
    monkeypatch.setattr(ours, "learning", replace(ours.learning, size=all_of_them))
    for part in (theirs.rpn, theirs.roi_heads):
        monkeypatch.setattr(part.fg_bg_sampler, "batch_size_per_image", all_of_them)
    truth, targets = truth_for_both()
    images = pictures(1)
    expected = theirs.train()(list(images), targets)
    found = ours.train().losses(images, truth)
    names = {
        "objectness": "loss_objectness", "rpn_box": "loss_rpn_box_reg", "class": "loss_classifier",
        "box": "loss_box_reg",
    }  # fmt: skip
    assert list(found) == list(names)
    for name, their_name in names.items():
        torch.testing.assert_close(found[name], expected[their_name], rtol=1e-4, atol=1e-5)
    for path in ("backbone.body.layer2.0.conv1.weight", "rpn.head.conv.0.0.weight", "roi_heads.box_head.fc6.weight"):
        slopes = [
            torch.autograd.grad(sum(losses.values()), network.get_parameter(path), retain_graph=True)[0]
            for network, losses in ((theirs, expected), (ours, found))
        ]
        torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-3, atol=1e-3 * float(slopes[0].abs().max()))


def test_the_published_file_has_other_names(theirs: nn.Module, tmp_path: Path) -> None:
    """No groups around convolutions: torchvision 0.3 wrote it."""
    old = {}
    for name, tensor in theirs.state_dict().items():
        parts = name.split(".")
        if "inner_blocks" in name or "layer_blocks" in name:
            del parts[-2]
        elif name.startswith("rpn.head.conv."):
            del parts[-3:-1]
        old[".".join(parts)] = tensor
    assert {"rpn.head.conv.weight", "backbone.fpn.layer_blocks.3.bias"} <= old.keys()
    torch.save(old, tmp_path / "old.pth")
    network = create_model("faster_rcnn_resnet50_fpn", weights=tmp_path / "old.pth")
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])


def test_a_file_of_other_classes_fills_all_but_the_last_layers(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "striate"):
        network = create_model("faster_rcnn_resnet50_fpn", classes=5, weights=file)
    assert network.classes == 5
    assert [record.getMessage() for record in caplog.records] == [
        f"faster_rcnn_resnet50_fpn: roi_heads.box_predictor.cls_score has 3 classes in {file}; its 5-class head starts "
        "fresh"
    ]


def test_parameters_are_those_that_torchvision_documents() -> None:
    with torch.device("meta"):
        assert sum(each.numel() for each in create_model("faster_rcnn_resnet50_fpn").parameters()) == 41_755_286


def test_held_norms_stay_in_training(ours: FasterRCNN) -> None:
    before = {name: tensor.clone() for name, tensor in ours.backbone.body.state_dict().items() if ".bn" in name}
    ours.train().losses(pictures(1), truth_for_both()[0])
    after = ours.backbone.body.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@torch.no_grad()
def test_proposals_lie_in_the_picture_and_apart_on_their_level(ours: FasterRCNN) -> None:
    images = pictures(2)
    scored = ours.eval().rpn(images, ours.backbone(images))
    found = ours.rpn.proposals(images, scored)
    assert found.boxes.shape == (2, LEFT, 4)
    assert found.there.any(1).all()
    assert (found.boxes[~found.there] == 0).all()
    there = found.boxes[found.there]
    assert (there[:, 2:] > there[:, :2]).all()
    assert (there >= 0).all()
    assert (there <= torch.tensor(SIZE).flip(0).repeat(2)).all()


def test_boxes_to_be_found_are_proposals_too_unless_ignored() -> None:
    truth = truth_of([(0, 0, 4, 4, 0), (1, 1, 5, 5, 0)], [], [(2, 2, 6, 6, 1)], ignored=[1])
    proposed = Proposed(torch.full((3, 1, 4), 9.0), torch.tensor([[True], [False], [True]]))
    found = with_truth(proposed, truth)
    assert found.there.tolist() == [[True, True], [False, False], [True, True]]
    assert found.boxes[:, 1].tolist() == [[0, 0, 4, 4], [0, 0, 0, 0], [2, 2, 6, 6]]
    nothing = with_truth(proposed, truth_of([], [], []))
    assert nothing.boxes.shape == (3, 1, 4)


def test_regions_are_read_from_the_level_of_their_size() -> None:
    levels = [torch.full((1, 2, 224 // stride, 224 // stride), float(stride)) for stride in (4, 8, 16, 32)]
    boxes = torch.tensor([[0.0, 0, 16, 16], [0, 0, 112, 112], [0, 0, 224, 224]])
    found = AlignPyramid((4, 8, 16))(levels, Regions(boxes, torch.zeros(3, dtype=torch.int64)), 2)
    assert found[:, 0, 0, 0].tolist() == [4.0, 8.0, 16.0]


def test_what_is_drawn_follows_the_seed() -> None:
    torch.manual_seed(0)
    network = create_model("faster_rcnn_quick_regnet26_fpn", classes=2)
    truth = truth_of([(10, 20, 60, 70, 1)])
    seen = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        seen.append(network.train().losses(pictures(1), truth)["objectness"].item())
    assert seen[0] == seen[1] != seen[2]
