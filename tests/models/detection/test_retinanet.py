"""RetinaNet: torchvision's file, numbers and losses; the focal loss by hand; pictures without objects."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from made_up_truth import MadeUp, truth_of
from of_others import torchvision_detectors
from striate.models import create_model
from striate.models.detection.retinanet import RetinaNet
from striate.ops.focal_loss import sigmoid_focal_loss

torch.set_num_threads(1)
SIZE = (128, 160)


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """Torchvision's network, whose seeded weights are scaled so that scores and codes are as if they were learned."""
    torch.manual_seed(0)
    network = torchvision_detectors().retinanet_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=7, min_size=128, image_mean=[0.0] * 3, image_std=[1.0] * 3
    )
    images = torch.randn(2, 3, *SIZE)
    network.eval()
    for layer, part, bias, spread in (
        (network.head.classification_head.cls_logits, "cls_logits", -2.0, 2.0),
        (network.head.regression_head.bbox_reg, "bbox_regression", 0.0, 0.3),
    ):
        with torch.no_grad():
            found = network.head(list(network.backbone(images).values()))[part]
            layer.weight *= spread / found.std()
            layer.bias.fill_(bias)
    return network


@pytest.fixture(scope="module")
def file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "retinanet.pth"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def ours(file: Path) -> RetinaNet:
    network = create_model("retinanet_resnet50_fpn", weights=file)
    assert isinstance(network, RetinaNet)
    assert network.classes == 7
    return network


def truth_for_both() -> tuple[MadeUp, list[dict[str, Tensor]]]:
    rows = [[(10, 20, 60, 70, 1), (80, 15, 150, 120, 3), (12, 22, 40, 60, 0)], []]
    truth = truth_of(*rows)
    split = [truth.picture == number for number in range(2)]
    return truth, [{"boxes": truth.boxes[here], "labels": truth.labels[here]} for here in split]


@torch.no_grad()
def test_objects_are_torchvisions(theirs: nn.Module, ours: RetinaNet) -> None:
    torch.manual_seed(1)
    images = torch.randn(2, 3, *SIZE)
    height, width = SIZE
    for found, expected in zip(ours.eval()(images), theirs.eval()(list(images)), strict=True):
        assert len(expected["scores"]) > 100  # they answer with up to 300
        pixels = found[:, :4] * torch.tensor([width, height, width, height])
        torch.testing.assert_close(found[:, 4], expected["scores"][:100], rtol=0, atol=1e-4)
        torch.testing.assert_close(pixels, expected["boxes"][:100], rtol=0, atol=1e-3)
        assert found[:, 5].tolist() == expected["labels"][:100].tolist()


@torch.no_grad()
def test_losses_are_torchvisions(theirs: nn.Module, ours: RetinaNet) -> None:
    torch.manual_seed(2)
    images = torch.randn(2, 3, *SIZE)
    truth, targets = truth_for_both()
    levels = list(theirs.backbone(images).values())
    anchors = theirs.anchor_generator(type("Images", (), {"tensors": images, "image_sizes": [SIZE] * 2}), levels)
    expected = theirs.compute_loss(targets, theirs.head(levels), anchors)
    found = ours.losses(images, truth)
    torch.testing.assert_close(found["focal"], expected["classification"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["box"], expected["bbox_regression"], rtol=1e-4, atol=1e-5)


def test_the_published_file_has_other_names(theirs: nn.Module, tmp_path: Path) -> None:
    """No groups around convolutions, and no counters of batches: torchvision 0.8 wrote it."""
    old = {}
    for name, tensor in theirs.state_dict().items():
        parts = name.split(".")
        if "inner_blocks" in name or "layer_blocks" in name:
            del parts[-2]
        elif ".conv." in name and name.startswith("head."):
            parts[-3:] = [str(2 * int(parts[-3])), parts[-1]]
        if not name.endswith("num_batches_tracked"):
            old[".".join(parts)] = tensor
    assert "head.regression_head.conv.6.weight" in old
    assert "backbone.fpn.layer_blocks.2.bias" in old
    torch.save(old, tmp_path / "old.pth")
    network = create_model("retinanet_resnet50_fpn", weights=tmp_path / "old.pth")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, theirs.state_dict()[name])


def test_a_file_of_other_classes_fills_all_but_the_last_layer(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "striate"):
        network = create_model("retinanet_resnet50_fpn", classes=3, weights=file)
    assert network.classes == 3
    last = "head.classification_head.cls_logits"
    assert [record.getMessage() for record in caplog.records] == [
        f"retinanet_resnet50_fpn: {last} has 7 classes in {file}; its 3-class head starts fresh"
    ]
    layer = network.get_classifier()
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    assert (layer.out_channels, layer.kernel_size) == (9 * 3, (3, 3))
    torch.testing.assert_close(layer.bias.sigmoid(), torch.full((27,), 0.01))  # section 3.3


def test_parameters_are_those_that_torchvision_documents() -> None:
    with torch.device("meta"):
        network = create_model("retinanet_resnet50_fpn")
    assert sum(each.numel() for each in network.parameters()) == 34014999


def test_focal_loss_by_hand() -> None:
    """At p = 1/2: a quarter of a quarter of ln 2 where it is there, and three quarters of a quarter where not."""
    ln2 = torch.tensor(2.0).log()
    found = sigmoid_focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(found, torch.stack([0.25 * 0.25 * ln2, 0.75 * 0.25 * ln2]))


def test_focal_loss_of_gamma_0_is_half_of_cross_entropy() -> None:
    torch.manual_seed(0)
    logits, truth = torch.randn(4, 5), torch.randint(0, 2, (4, 5)).float()
    expected = nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") / 2
    torch.testing.assert_close(sigmoid_focal_loss(logits, truth, 0.5, 0.0), expected)


def test_focal_loss_is_torchvisions_and_keeps_its_slope_at_the_ends() -> None:
    torchvision_detectors()
    from torchvision.ops import sigmoid_focal_loss as their_loss

    logits = torch.tensor([-100.0, -2.0, 0.5, 3.0, 100.0, -100.0], requires_grad=True)
    truth = torch.tensor([0.0, 1, 0, 1, 1, 1])
    torch.testing.assert_close(sigmoid_focal_loss(logits, truth), their_loss(logits, truth))
    sigmoid_focal_loss(logits, truth).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
