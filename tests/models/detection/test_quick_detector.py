"""Our own detector: what it answers, what it learns from, and that it begins with the packaged weights."""

from __future__ import annotations

import pytest
import torch

from made_up_truth import truth_of
from striate.answers.classes import NO_NUMBERS
from striate.answers.detections import read
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.detection.detector import MOST
from striate.models.detection.quick_detector import STRIDES, QuickDetector
from striate.models.for_tasks import beginning_with, task_of
from striate.recipes.chosen import recipe_of
from striate.tasks.detection import DETECTION
from striate.training.weights_named import with_weights

torch.set_num_threads(1)


@pytest.fixture
def network() -> QuickDetector:
    torch.manual_seed(0)
    network = create_model("quick_detector", classes=2, size=(64, 96))
    assert isinstance(network, QuickDetector)
    return network


def test_every_cell_of_three_strides_says_something(network) -> None:
    found = network.eval().points(torch.zeros(1, 3, 64, 96))
    cells = [(64 // stride) * (96 // stride) for stride in STRIDES]
    assert found.logits.shape == (1, sum(cells), 2)
    assert found.boxes.shape == (1, sum(cells), 4)
    assert found.places[0].tolist() == [4, 4]
    assert found.places[cells[0]].tolist() == [8, 8]
    assert found.places[-1].tolist() == [80, 48]


def test_boxes_are_around_their_points(network) -> None:
    _, boxes, places = network.eval().points(torch.randn(2, 3, 64, 96))
    assert (boxes[..., :2] < places).all()
    assert (boxes[..., 2:] > places).all()


def test_before_anything_is_learned_nothing_is_likely(network) -> None:
    with torch.inference_mode():
        logits = network.eval().points(torch.zeros(1, 3, 64, 96)).logits
    assert logits.sigmoid().median() < 0.1


def test_the_answer_has_rows_best_first_inside_the_picture(network) -> None:
    for head in network.heads:
        torch.nn.init.zeros_(head.score.bias)
    with torch.inference_mode():
        rows = network.eval()(torch.randn(2, 3, 64, 96))
    assert rows.shape == (2, MOST, 6)
    assert (rows[..., 4].diff(dim=1) <= 0).all()
    assert rows[:, 0, 4].min() > 0
    assert rows[..., :4].min() >= 0
    assert rows[..., :4].max() <= 1
    assert set(rows[..., 5].unique().tolist()) <= {0.0, 1.0}


def test_a_size_that_is_too_small_is_named(network) -> None:
    with pytest.raises(StriateError, match="the smallest that works is 32x32"):
        network(torch.zeros(1, 3, 16, 64))


def test_every_weight_learns_from_boxes(network) -> None:
    truth = truth_of([(8.0, 8, 40, 40, 0)], [(0, 0, 96, 64, 1), (50, 20, 60, 34, 1)])
    for block in network.backbone.modules():
        if hasattr(block, "bn3"):
            torch.nn.init.ones_(block.bn3.weight)  # blocks that begin as the identity have weights without a gradient
    losses = network.train().losses(torch.randn(2, 3, 64, 96), truth)
    assert set(losses) == {"class", "box"}
    sum(losses.values()).backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_pictures_without_boxes_teach_background(network) -> None:
    losses = network.train().losses(torch.randn(2, 3, 64, 96), truth_of([], []))
    assert losses["class"] > 0
    assert losses["box"] == 0


def test_a_picture_counts_alike_however_many_it_is_learned_with(network) -> None:
    images, boxes = torch.randn(2, 3, 64, 96), ([(8.0, 8, 40, 40, 0)], [(50.0, 20, 60, 34, 1), (0, 0, 20, 20, 0)])
    network.eval()  # batch norms look at the whole batch in training
    both = network.losses(images, truth_of(*boxes))
    alone = [network.losses(images[n : n + 1], truth_of(boxes[n])) for n in range(2)]
    for name, loss in both.items():
        torch.testing.assert_close(loss, (alone[0][name] + alone[1][name]) / 2)


def test_it_begins_with_the_packaged_stages_alone() -> None:
    network = create_model("quick_detector", classes=4, weights="embedded")
    packaged = create_model("quick_regnet26", weights="embedded").state_dict()
    assert torch.equal(network.state_dict()["backbone.layer3.0.conv1.weight"], packaged["layer3.0.conv1.weight"])
    assert network.classes == 4
    assert len(network.preprocess.mean) == 3


def test_another_network_for_the_stages_is_refused(network) -> None:
    with pytest.raises(StriateError, match="missing"):
        network.begin_with({})


def test_boxes_alone_choose_it_and_its_recipe() -> None:
    name, recipe, _ = recipe_of(None, {}, DETECTION)
    assert (name, recipe.model, recipe.weights) == ("quick_detector", "quick_detector", "embedded")
    assert task_of("quick_detector") == "detection"
    assert beginning_with("quick_regnet26", "detection") == "quick_detector"
    assert with_weights({"weights": "embedded"}, "detection")["model"] == "quick_detector"


def test_a_network_that_is_broken_says_so_instead_of_finding_nothing(network) -> None:
    torch.nn.init.constant_(network.heads[0].score.bias, float("nan"))
    with torch.inference_mode():
        rows = network.eval()(torch.zeros(1, 3, 64, 96)).numpy()
    (answer,) = read(rows, ("ant", "bee"), ["a.png"], 1)
    assert answer.problem == NO_NUMBERS
