"""Which box an anchor learns, and which anchors are learned from: torchvision's rules, and cases by hand."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from made_up_truth import truth_of
from of_others import torchvision_module
from striate.models.detection.matcher import (
    BETWEEN,
    NEGATIVE,
    hardest_negatives,
    match,
    match_best_per_box,
    match_low_quality,
    match_pictures,
    sample,
)

torch.set_num_threads(1)
# tenths, so that there are ties and numbers that are a threshold; above 0, where torchvision has the same rule
overlaps = st.integers(1, 5).flatmap(
    lambda boxes: st.lists(
        st.lists(st.integers(1, 10).map(lambda tenth: tenth / 10), min_size=boxes, max_size=boxes),
        min_size=1,
        max_size=12,
    )
).map(lambda columns: torch.tensor(columns).T)  # fmt: skip


@given(overlaps)
def test_matches_are_torchvisions(iou: Tensor) -> None:
    others = torchvision_module("torchvision.models.detection._utils")
    assert match(iou, 0.4, 0.5).tolist() == others.Matcher(0.5, 0.4)(iou).tolist()
    assert match_low_quality(iou, 0.4, 0.5).tolist() == others.Matcher(0.5, 0.4, True)(iou).tolist()


@given(overlaps)
def test_best_per_box_is_torchvisions(iou: Tensor) -> None:
    others = torchvision_module("torchvision.models.detection._utils")
    ours, theirs = match_best_per_box(iou, 0.5), others.SSDMatcher(0.5)(iou)
    best = iou.max(1).indices
    alone = torch.ones(iou.shape[1], dtype=torch.bool)
    shared = (best[:, None] == best[None]).sum(1) > 1
    alone[best[shared]] = False  # which of two boxes wins is not defined there
    assert ours[alone].tolist() == theirs[alone].tolist()
    assert ours[best].min() >= 0


def test_a_box_that_no_anchor_touches_makes_no_positives() -> None:
    iou = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.2, 0.0]])
    assert match_low_quality(iou, 0.4, 0.5).tolist() == [NEGATIVE, 1, NEGATIVE]


ANCHORS = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]])


def of(low: float, high: float):
    return lambda iou: match(iou, low, high)


def test_matches_of_pictures_number_all_boxes() -> None:
    truth = truth_of([(0, 0, 10, 10, 1)], [], [(40, 0, 50, 10, 2), (60, 0, 70, 9, 0)])
    found = match_pictures(truth, ANCHORS.expand(3, 4, 4), of(0.4, 0.5))
    assert found.tolist() == [[0, -1, -1, -1], [-1, -1, -1, -1], [-1, -1, 1, 2]]


def test_what_is_ignored_is_neither_positive_nor_negative() -> None:
    """A crowd over two anchors and half of another, one of which has a box of its own."""
    truth = truth_of([(20, 0, 30, 10, 1), (18, 0, 65, 10, 0)], [(0, 0, 10, 10, 0)], ignored=[1])
    found = match_pictures(truth, ANCHORS.expand(2, 4, 4), of(0.4, 0.5))
    assert found.tolist() == [[NEGATIVE, 0, BETWEEN, BETWEEN], [2, NEGATIVE, NEGATIVE, NEGATIVE]]


@given(st.integers(0, 2**31), st.integers(1, 40), st.sampled_from([0.25, 0.5, 1.0]))
def test_samples_have_torchvisions_numbers(seed: int, size: int, share: float) -> None:
    torch.manual_seed(seed)
    matches = torch.randint(-2, 3, (3, 30))
    matches[0] = matches[0].clamp_max(-1)  # a picture without positives
    positive, negative = sample(matches, size, share)
    others = torchvision_module("torchvision.models.detection._utils").BalancedPositiveNegativeSampler(size, share)
    theirs = others(
        [torch.where(row >= 0, row + 1, -1 - row.clamp_max(-1)).where(row != BETWEEN, -1) for row in matches]
    )
    assert [positive.sum(1).tolist(), negative.sum(1).tolist()] == [
        [int(mask.sum()) for mask in masks] for masks in theirs
    ]
    assert not (positive & (matches < 0)).any()
    assert not (negative & (matches != NEGATIVE)).any()


def test_samples_differ_and_repeat_with_the_seed() -> None:
    matches = torch.full((1, 1000), NEGATIVE)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(sample(matches, 10, 0.5)[1].nonzero()[:, 1].tolist())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("positives", [0, 1, 2, 9])
def test_hard_negatives_are_three_for_each_positive_and_the_hardest(positives: int) -> None:
    torch.manual_seed(0)
    loss, matches = torch.rand(1, 12), torch.full((1, 12), NEGATIVE)
    matches[0, :positives] = 0
    matches[0, 11] = BETWEEN
    loss[0, 11] = 9
    chosen = hardest_negatives(loss, matches)[0]
    of_negatives = loss[0, positives:11].sort(descending=True).values[: 3 * positives]
    assert sorted(loss[0, chosen].tolist(), reverse=True) == of_negatives.tolist()
