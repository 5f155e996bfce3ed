"""quick_fcn: the packaged network inside it, its sums by hand, and any height and width."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.deploy.run import load
from striate.models import create_model
from striate.models.quick_regnet import QuickRegNet
from striate.models.segmentation.quick_fcn import QuickFCN
from striate.models.stages import groups_of
from striate.models.upward import WIDTH, Merge
from striate.recipes.chosen import recipe_of
from striate.tasks.segmentation import SEGMENTATION
from striate.training.weights_named import with_weights

torch.set_num_threads(1)


def begun() -> QuickFCN:
    network = create_model("quick_fcn", classes=4, weights="embedded").eval()
    assert isinstance(network, QuickFCN)
    return network


def test_parameters_by_hand(parameters_of: Callable[[str], int]) -> None:
    backbone = parameters_of("quick_regnet26") - (384 + 1) * 200
    merges = sum(WIDTH * channels + 9 * WIDTH * WIDTH + 4 * WIDTH for channels in (96, 192, 384))
    assert parameters_of("quick_fcn") == backbone + (384 + 1) * WIDTH + merges + (WIDTH + 1) * 11


@torch.no_grad()
def test_the_packaged_stages_are_inside_it() -> None:
    network, whole = begun(), create_model("quick_regnet26", weights="embedded").eval()
    assert isinstance(whole, QuickRegNet)
    images = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(network.backbone(images), whole.forward_features(images))
    assert (network.preprocess.mean, network.preprocess.std) == (whole.preprocess.mean, whole.preprocess.std)
    assert network.preprocess.size == (360, 480)
    assert network.class_names == ()  # those of the packaged network are of whole pictures


def test_masks_are_learned_by_it_unless_another_network_is_named(embedded: Path) -> None:
    for given, expected in (
        ({}, ("quick_fcn", "quick_fcn", "embedded")),
        ({"weights": "embedded"}, ("quick_fcn", "quick_fcn", "embedded")),
        ({"weights": str(embedded)}, ("quick_fcn", "quick_fcn", str(embedded))),
        ({"model": "fcn8s"}, ("segmentation", "fcn8s", None)),
    ):
        name, recipe, _ = recipe_of(None, with_weights(given, "segmentation"), SEGMENTATION)
        assert (name, recipe.model, recipe.weights) == expected


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StriateError, match="are those of quick_regnet26, not of unet"):
        create_model("unet", weights="embedded")
    with pytest.raises(StriateError, match=r"weights in quick_regnet26 .*missing layer1\.0\.conv1"):
        begun().begin_with({"conv1.weight": torch.zeros(48, 3, 4, 4)})
    with pytest.raises(StriateError, match=r"conv1.weight is \(48, 3, 4, 4\), the network has \(48, 1, 4, 4\)"):
        create_model("quick_fcn", in_channels=1, weights="embedded")


def test_scores_are_not_drawn_small() -> None:
    """Of N(0, 0.01), as other heads are, the first epochs under Muon went into their growth."""
    network = begun()
    for classes in (4, 6):
        network.reset_classifier(classes)
        assert network.score.weight.std().item() == pytest.approx((2 / classes) ** 0.5, rel=0.2)


@torch.no_grad()
def test_a_merge_is_a_sum_then_a_convolution() -> None:
    merge = Merge(channels=8).eval()
    nn.init.constant_(merge.across.weight, 0.25)
    nn.init.zeros_(merge.conv.weight)
    merge.conv.weight[:, :, 1, 1] = torch.eye(WIDTH)
    below = torch.arange(WIDTH * 2.0).view(1, WIDTH, 1, 2) - 50
    expected = F.relu(2 + F.interpolate(below, (2, 4), mode="bilinear"))  # 8 maps of 1, times 0.25
    torch.testing.assert_close(merge(torch.ones(1, 8, 2, 4), below), expected, rtol=1e-4, atol=1e-2)


@torch.no_grad()
def test_what_the_whole_picture_shows_reaches_every_pixel() -> None:
    network = begun()
    images = torch.zeros(1, 3, 64, 512)
    changed = images.clone()
    changed[..., :16] = 3.0
    difference: Tensor = (network(images) - network(changed)).abs().amax(1)[0]
    assert difference.min().item() > 0


def test_a_lower_rate_is_for_the_packaged_stages() -> None:
    """The way up is the head, so that `layer_decay` and frozen stages leave it as it is."""
    with torch.device("meta"):
        groups = groups_of(create_model("quick_fcn"))
    assert list(groups) == ["head", "backbone.layer4", "backbone.layer3", "backbone.layer2", "backbone.layer1"]
    assert {path.partition(".")[0] for path in groups["head"]} == {
        "avgpool",
        "whole",
        "merge4",
        "merge3",
        "merge2",
        "score",
    }


def test_a_file_of_weights_segments_all_of_a_picture(tmp_path: Path) -> None:
    """A weight file says neither its task nor its preprocessing: both are the network's."""
    file = tmp_path / "weights.pth"
    torch.save(create_model("quick_fcn", classes=3).state_dict(), file)
    run = load(file, model="quick_fcn", precision="fp32")
    assert (run.task_name, run.preprocess.fit, run.preprocess.resize) == ("segmentation", "stretch", (360, 480))
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    (answer,) = run.predict(picture)
    assert answer.mask.shape == (360, 480)
    assert sum(answer.shares.values()) == pytest.approx(1)
