"""One contract for all networks that find objects: a new one is tested by being listed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from made_up_truth import MadeUp, learned, truth_of
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import DETECTORS, INSTANCES, create_model
from striate.models.detection import Detector
from striate.models.detection.detector import MOST

torch.set_num_threads(1)
CLASSES = 3
SMALL = [name for name in DETECTORS if name.startswith(("sliding_window", "rcnn", "fast", "retinanet"))]
LIGHT = [name for name in DETECTORS if not name.endswith(("_overfeat", "_vgg16", "_alexnet", "yolo_v1"))]
"""The parts of the others stand in these; they have 137 million weights, or thousands of regions of 227 px."""


def built(name: str) -> tuple[Detector, Tensor, MadeUp]:
    """A network, two pictures of its smallest sensible size, and their truth: three boxes, one ignored, and none."""
    torch.manual_seed(0)
    network = create_model(name, classes=CLASSES)
    assert isinstance(network, Detector)
    height, width = (128, 96) if name in SMALL else network.preprocess.size
    images = torch.randn(2, 3, height, width)
    shares = [(0.1, 0.2, 0.6, 0.7, 1), (0.5, 0.1, 0.9, 0.5, 2), (0.0, 0.7, 0.3, 1.0, 0)]
    rows = [(a * width, b * height, c * width, d * height, label) for a, b, c, d, label in shares]
    return network, images, truth_of(rows, [], ignored=[2])


@pytest.mark.parametrize("name", LIGHT)
def test_every_parameter_learns_and_losses_fall_in_a_few_steps(name: str) -> None:
    network, images, truth = built(name)
    for losses in learned(network, images, truth):
        assert all(loss.shape == () and loss.isfinite() and loss > 0 for loss in losses.values())


@pytest.mark.parametrize("name", LIGHT)
@torch.no_grad()
def test_pictures_without_objects_have_losses(name: str) -> None:
    network, images, _ = built(name)
    losses = network.train().losses(images, truth_of([], []))
    assert all(loss.isfinite() and loss >= 0 for loss in losses.values())


@pytest.mark.parametrize("name", LIGHT)
@torch.no_grad()
def test_answers_are_rows_of_shares_best_first(name: str) -> None:
    network, images, _ = built(name)
    found = network.eval()(images)
    assert found.shape == (2, MOST, 6)
    edges, scores, labels = found[..., :4], found[..., 4], found[..., 5]
    assert ((edges >= 0) & (edges <= 1)).all()
    assert (edges[..., :2] <= edges[..., 2:]).all()
    assert (scores.diff(dim=1) <= 0).all()
    assert ((labels >= 0) & (labels < CLASSES) & (labels == labels.floor())).all()
    assert (found[scores == 0] == 0).all()


@pytest.mark.parametrize("name", DETECTORS)
def test_shapes_need_no_numbers(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, classes=CLASSES)
        assert network(torch.empty(2, 3, *network.preprocess.size)).shape == (2, MOST, 6)
        assert len(network.training_logits(torch.empty(1, 3, *network.preprocess.size))) == 1


@pytest.mark.parametrize("name", DETECTORS)
def test_classes_can_be_others(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, classes=CLASSES)
        assert network.classes == CLASSES
        network.reset_classifier(5)
        assert network.classes == 5
        assert create_model(name, classes=5).state_dict().keys() == network.state_dict().keys()
        with pytest.raises(StriateError, match="classes must be at least 1, got 0"):
            network.reset_classifier(0)


@pytest.mark.parametrize("name", [*DETECTORS, *INSTANCES])
def test_pictures_of_a_few_pixels_are_refused(name: str) -> None:
    refused = "a 31x64 picture is too small: .*; the smallest that works is 32x32|and no others, got 31x64"
    with pytest.raises(StriateError, match=refused):
        blueprint(lambda: create_model(name, classes=CLASSES, size=(31, 64)))
