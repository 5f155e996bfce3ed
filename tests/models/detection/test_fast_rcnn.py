"""Fast R-CNN: one pass gives what a pass over each crop gives; windows that are slid; what is learned from."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from made_up_truth import truth_of
from striate.core.errors import StriateError
from striate.core.records import Feature, Preprocess
from striate.models import create_model
from striate.models.detection.fast_rcnn import SIDE, FastRCNN, above_a_tenth, windows
from striate.models.detection.one_map import OneMap, PoolOneMap
from striate.models.detection.proposals import Proposed
from striate.models.detection.regions import TwoDense, all_regions, region_losses
from striate.ops.boxes import pairwise_iou

torch.set_num_threads(1)
STRIDE = 8


def without_padding() -> FastRCNN:
    """Every place of its map sees 8x8 pixels of its own, so a crop has the same maps as its part of the picture."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.ReLU(), nn.Conv2d(8, 6, 2, stride=2))
    head = TwoDense(6 * SIDE**2, 20)
    network = FastRCNN(OneMap(body, (Feature("2", 6, STRIDE),)), PoolOneMap(STRIDE), head, 20, classes=4)
    network.preprocess = Preprocess((96, 128), (96, 128))
    return network.eval()


@torch.no_grad()
def test_one_pass_gives_what_a_pass_over_each_crop_gives() -> None:
    network, images = without_padding(), torch.randn(2, 3, 96, 128)
    proposed = windows(images)
    logits, codes = network.said_of(network.backbone(images), regions := all_regions(proposed))
    seen = 0
    for number in range(0, len(regions.boxes), 7):
        first = (regions.boxes[number] / STRIDE + 0.5).floor().long().tolist()
        left, top, right, bottom = (edge * STRIDE for edge in first)  # of the first and the last place that it covers
        if right + STRIDE > 128 or bottom + STRIDE > 96:
            continue
        crop = images[regions.picture[number], None, :, top : bottom + STRIDE, left : right + STRIDE]
        features = F.adaptive_max_pool2d(network.backbone(crop)[0], SIDE)
        alone = network.roi_heads["box_predictor"](network.roi_heads["box_head"](features))
        torch.testing.assert_close(logits[number], alone[0][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(codes[number], alone[1][0], rtol=1e-4, atol=1e-5)
        seen += 1
    assert seen > 10


@torch.no_grad()
def test_proposals_that_are_given_are_those_that_are_answered() -> None:
    network, images = without_padding(), torch.randn(1, 3, 96, 128)
    nothing = Proposed(torch.zeros(1, 5, 4), torch.zeros(1, 5, dtype=torch.bool))
    assert not network(images, nothing).any()
    some = Proposed(torch.tensor([[[8.0, 8, 72, 72]] * 2]), torch.tensor([[True, False]]))
    found = network(images, some)[0]
    assert 0 < (found[:, 4] > 0).sum() <= 4  # at most once for each class
    torch.testing.assert_close(found[:, 4].sum(), torch.tensor(1.0), rtol=0.5, atol=0)  # of one region, without nothing


def test_windows_reach_every_box_of_their_sizes() -> None:
    found = windows(torch.zeros(1, 3, 200, 240)).boxes[0]
    sizes = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 100 + 32
    corner = torch.rand(50, 2, generator=torch.Generator().manual_seed(1)) * (torch.tensor([240.0, 200]) - sizes)
    wanted = torch.cat([corner, corner + sizes], 1)
    assert pairwise_iou(wanted, found).amax(1).min() > 0.35
    assert (found[:, 2:] > found[:, :2]).all()


def test_near_misses_are_learned_from_and_far_ones_not() -> None:
    iou = torch.tensor([[0.5, 0.49, 0.1, 0.09], [0.2, 0.3, 0.05, 0.0]])
    assert above_a_tenth(iou).tolist() == [0, -1, -1, -2]


def test_losses_by_hand() -> None:
    """Two regions of the first picture, one of the second: each picture's mean, then the mean of both."""
    network = without_padding()
    truth = truth_of([(0, 0, 40, 40, 2)], [])
    proposed = Proposed(torch.tensor([[[0.0, 0, 40, 40], [0, 0, 40, 10]], [[0.0, 0, 8, 8]] * 2]),
                        torch.tensor([[True, True], [True, False]]))  # fmt: skip
    drawn = network.draw(proposed, truth)
    assert drawn.regions.picture.tolist() == [0, 0, 0, 1]  # the box itself is a proposal too
    assert drawn.matches.tolist() == [0, -1, 0, -1]
    logits = torch.tensor([[0.0, 0, 0, 9, 0]] * 3 + [[9.0, 0, 0, 0, 0]])
    codes = torch.zeros(4, 5, 4)
    codes[0, 3, 0] = 3.0  # linear beyond 1: 2.5
    found = region_losses(logits, codes, drawn, truth, beta=1.0)
    right = F.cross_entropy(logits[:1], torch.tensor([3]))
    wrong = F.cross_entropy(logits[1:2], torch.tensor([0]))
    torch.testing.assert_close(found["class"], ((2 * right + wrong) / 3 + right) / 2)
    torch.testing.assert_close(found["box"], torch.tensor(2.5 / 3 / 2))


@pytest.mark.parametrize("name", ["fast_rcnn_vgg16", "faster_rcnn_vgg16"])
def test_the_papers_form_begins_with_the_dense_layers_of_vgg16_too(name: str) -> None:
    with torch.device("meta"):
        network, tensors = create_model(name, classes=3), create_model("vgg16").state_dict()
    network.begin_with(tensors)
    assert network.features_info[-1].stride == 16
    with pytest.raises(StriateError, match=r"the vgg16 given are not those of .*missing fc7.weight"):
        network.begin_with({name: tensor for name, tensor in tensors.items() if not name.startswith("classifier.3")})


def test_a_small_form_begins_with_the_packaged_network() -> None:
    packaged = create_model("quick_regnet26", weights="embedded").state_dict()
    network = create_model("fast_rcnn_quick_regnet26", classes=3, weights="embedded")
    found = network.state_dict()
    for name in ("conv1.weight", "layer3.2.bn3.running_var"):
        assert torch.equal(found[f"backbone.body.{name}"], packaged[name])
    assert not [name for name in found if "layer4" in name]


@torch.no_grad()
def test_the_benchmark_of_crops_against_one_map_in_small(monkeypatch) -> None:
    """Both ways give features of all proposals; where nothing is padded they are the same."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    benchmark = importlib.import_module("rcnn")
    network, regions = without_padding(), benchmark.proposals(64, 5)
    images = torch.randn(1, 3, 64, 64)
    assert benchmark.per_crop(network, images, regions).shape == benchmark.pooled(network, images, regions).shape
    assert benchmark.largest_difference(benchmark.some_boxes(64, 20), 64) < 1e-5
