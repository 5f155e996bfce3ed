"""Sliding windows: one pass says of every window what the classifier says of it alone; which windows are learned."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from made_up_truth import truth_of
from striate.models import create_model
from striate.models.detection.proposals import Proposed
from striate.models.detection.regions import drawn_places
from striate.models.detection.sliding_window import Slid, SlidingWindow, sliding_window_quick
from striate.ops.boxes import pairwise_iou

torch.set_num_threads(1)


def small(classes: int = 2) -> SlidingWindow:
    """The small form, its norms with statistics of their own, on windows of fewer sizes."""
    torch.manual_seed(0)
    network = sliding_window_quick(classes)
    network.slid = Slid(46, 8, (1.0, 0.5), (0.5, 1.0, 2.0))
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2.0)
    return network.eval()


@torch.no_grad()
def test_one_pass_gives_the_scores_of_every_window_alone() -> None:
    network, images = small(), torch.randn(2, 3, 60, 84)
    once, alone = network.logits(images), network.by_windows(images)
    windows = network.slid.windows((60, 84))
    assert once.shape == alone.shape == (2, len(windows), 3)
    assert once.std() > 0.1
    torch.testing.assert_close(once, alone, rtol=1e-5, atol=1e-5)


def test_the_papers_form_by_shapes() -> None:
    """Of 247 px: four windows of 231 px, whose maps are the 6x6 places that the dense layers read."""
    with torch.device("meta"):
        network = create_model("sliding_window_overfeat", classes=2)
        network.slid = Slid(231, 16, (231 / 247,), (1.0,))
        assert network.features(torch.empty(1, 3, 231, 231)).shape == (1, 1024, 6, 6)
        images = torch.empty(1, 3, 247, 247)
        assert network.logits(images).shape == network.by_windows(images).shape == (1, 4, 3)


@torch.no_grad()
def test_a_window_of_the_pictures_own_scale_is_that_part_of_it() -> None:
    network, images = small(), torch.randn(1, 3, 46 + 5 * 8, 46 + 3 * 8)
    network.slid = Slid(46, 8, (46 / 70,), (1.0,))
    windows = network.slid.windows((86, 70))
    torch.testing.assert_close(windows[9], torch.tensor([8.0, 16, 54, 62]))  # the second of the third row of four
    alone = network.classified(images[:, :, 16:62, 8:54])
    torch.testing.assert_close(network.logits(images)[:, 9], alone, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_loss_is_of_windows_that_are_cut_out() -> None:
    """Windows above 0.5 of IoU are of the object's class, others of background; 64 of each picture."""
    network = small()
    images, truth = torch.randn(2, 3, 60, 84), truth_of([(0, 0, 42, 60, 1), (50, 10, 84, 44, 0)], [])
    windows = network.slid.windows((60, 84)).expand(2, -1, -1)
    torch.manual_seed(3)
    loss = network.losses(images, truth)["class"]
    torch.manual_seed(3)
    proposed = Proposed(windows, torch.ones(windows.shape[:2], dtype=torch.bool))
    picture, place, matches = drawn_places(proposed, truth, network.learning)
    most, which = pairwise_iou(truth.boxes, windows[0][place[:64]]).max(0)
    assert torch.equal(matches[:64], which.where(most >= 0.5, -1))
    assert (matches[:64] >= 0).sum() == 16
    labels = torch.where(matches >= 0, truth.labels[matches.clamp_min(0)] + 1, 0)
    torch.testing.assert_close(loss, F.cross_entropy(network.by_windows(images)[picture, place], labels))


@torch.no_grad()
def test_answers_are_windows_and_the_surest_is_kept() -> None:
    network, images = small(), torch.randn(1, 3, 60, 84)
    scores = network.logits(images).softmax(2)[0, :, 1:]
    rows = network(images)[0]
    windows = network.slid.windows((60, 84))
    assert rows[0, 4] == pytest.approx(scores.max().item(), rel=1e-5)
    best = windows[scores.max(1).values.argmax()] / torch.tensor([84.0, 60, 84, 60])
    torch.testing.assert_close(rows[0, :4], best, rtol=0, atol=1e-6)


def test_the_number_of_windows_is_said() -> None:
    with torch.device("meta"):
        network = create_model("sliding_window_quick", classes=2)
        count = network.logits(torch.empty(1, 3, 320, 320)).shape[1]
    assert count == 8844
    assert network.notes() == (
        "sliding_window_quick classifies 8,844 windows of a picture of 320x320 px, of 21 sizes and shapes, each as "
        "46x46 px",
    )
