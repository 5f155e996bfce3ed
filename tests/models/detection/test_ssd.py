"""SSD: torchvision's file, numbers and loss; the layers that it takes of VGG-16; a size that it cannot take."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from made_up_truth import truth_of
from of_others import torchvision_detectors
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.detection.ssd import SSD
from striate.models.detection.ssd_backbones import OnQuickRegNet, SSDOnVGG16

torch.set_num_threads(1)
SIZE = 300


@pytest.fixture(scope="module")
def images() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(1, 3, SIZE, SIZE)


@pytest.fixture(scope="module")
def theirs(images: Tensor) -> nn.Module:
    """Torchvision's network, whose seeded weights are scaled so that scores and codes are as if they were learned."""
    torch.manual_seed(0)
    network = torchvision_detectors().ssd300_vgg16(
        weights=None, weights_backbone=None, num_classes=4, image_mean=[0.0] * 3, image_std=[1.0] * 3
    )
    network.eval()
    with torch.no_grad():
        maps = list(network.backbone(images).values())
        for head, spread in ((network.head.classification_head, 1.5), (network.head.regression_head, 1.0)):
            for layer, each in zip(head.module_list, maps, strict=True):
                layer.weight *= spread / layer(each).std()
    return network


@pytest.fixture(scope="module")
def ours(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> SSD:
    path: Path = tmp_path_factory.mktemp("weights") / "ssd.pth"
    torch.save(theirs.state_dict(), path)
    network = create_model("ssd300_vgg16", weights=path)
    assert isinstance(network, SSD)
    assert network.classes == 3
    return network


@torch.no_grad()
def test_objects_are_torchvisions(theirs: nn.Module, ours: SSD, images: Tensor) -> None:
    (found,), (expected,) = ours.eval()(images), theirs.eval()(list(images))
    assert len(expected["scores"]) == 200  # of which COCO counts 100
    torch.testing.assert_close(found[:, 4], expected["scores"][:100], rtol=0, atol=1e-4)
    torch.testing.assert_close(found[:, :4] * SIZE, expected["boxes"][:100], rtol=0, atol=1e-3)
    assert (found[:, 5] + 1).tolist() == expected["labels"][:100].tolist()  # theirs has the background first


def test_losses_are_torchvisions_and_reach_every_parameter(theirs: nn.Module, ours: SSD, images: Tensor) -> None:
    """Of one picture; those of a batch are divided by all its positives there, by each picture's here."""
    truth = truth_of([(10, 20, 90, 130, 1), (150, 15, 280, 220, 2), (12, 22, 40, 60, 0)])
    with torch.no_grad():
        expected = theirs.train()(list(images), [{"boxes": truth.boxes, "labels": truth.labels + 1}])
    found = ours.train().losses(images, truth)
    torch.testing.assert_close(found["confidence"], expected["classification"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["localisation"], expected["bbox_regression"], rtol=1e-4, atol=1e-5)
    sum(found.values(), torch.zeros(())).backward()
    assert [path for path, each in ours.named_parameters() if each.grad is None] == []


def test_a_batch_in_parts_has_the_losses_of_a_whole_one() -> None:
    torch.manual_seed(0)
    network = create_model("ssd320_quick_regnet26", classes=2).eval()
    assert isinstance(network, SSD)
    images, first, second = torch.randn(2, 3, 320, 320), [(10, 10, 90, 90, 0)], [(40, 40, 300, 200, 1)]
    with torch.no_grad():
        whole = network.losses(images, truth_of(first, second))
        parts = [network.losses(images[:1], truth_of(first)), network.losses(images[1:], truth_of(second))]
    for name, loss in whole.items():
        torch.testing.assert_close(loss, (parts[0][name] + parts[1][name]) / 2)


def test_it_has_8732_default_boxes_on_six_maps() -> None:
    """Section 3.1 and figure 2, whose "Detections: 8732 per class" is 38² 4 + 19² 6 + 10² 6 + 5² 6 + 3² 4 + 4."""
    with torch.device("meta"):
        network = create_model("ssd300_vgg16")
        assert isinstance(network, SSD)
        blank = torch.empty(1, 3, SIZE, SIZE)
        assert [each.shape[2] for each in network.backbone(blank)] == [38, 19, 10, 5, 3, 1]
        assert network.said(blank).boxes.shape == (8732, 4)
        small = create_model("ssd320_quick_regnet26")
        assert isinstance(small.backbone, OnQuickRegNet)
        assert [each.shape[2] for each in small.backbone(torch.empty(1, 3, 320, 320))] == [40, 20, 10, 5, 3, 1]


@torch.no_grad()
def test_it_begins_with_the_layers_of_vgg16_every_fourth_unit_of_the_dense_ones() -> None:
    vgg = {name: torch.randn(shape) for name, shape in shapes_of("vgg16").items()}
    network = create_model("ssd300_vgg16", classes=2)
    assert isinstance(network, SSDOnVGG16)
    network.begin_with(vgg)
    own = network.state_dict()
    assert torch.equal(own["backbone.features.21.weight"], vgg["features.21.weight"])
    assert torch.equal(own["backbone.extra.0.5.bias"], vgg["features.28.bias"])
    fc6 = vgg["classifier.0.weight"].reshape(4096, 512, 7, 7)
    assert torch.equal(own["backbone.extra.0.7.1.weight"][3, :, 2, 1], fc6[12, :, 6, 3])
    assert torch.equal(own["backbone.extra.0.7.3.weight"][5, 7, 0, 0], vgg["classifier.3.weight"][20, 28])
    del vgg["features.7.weight"]
    with pytest.raises(StriateError, match=r"is to come from VGG-16's features.7.weight, which is missing"):
        network.begin_with(vgg)


def shapes_of(name: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in create_model(name).state_dict().items()}


def test_another_size_is_one_sentence() -> None:
    words = "ssd300_vgg16 takes pictures of 300x300 px and no others, got 320x256: leave the size out"
    with torch.device("meta"):
        with pytest.raises(StriateError, match=words):
            create_model("ssd300_vgg16", size=(320, 256))
        with pytest.raises(StriateError, match=words):
            create_model("ssd300_vgg16")(torch.empty(1, 3, 320, 256))
