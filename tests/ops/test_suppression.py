"""Suppression against the paper's few lines written out, box by box."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops import suppression
from striate.ops.boxes import box_iou, pairwise_iou
from striate.ops.suppression import classwise_nms, detections, distinct, gaussian, linear, nms, soft_nms

FEW = settings(max_examples=60, deadline=None, derandomize=True)


def overlapping(count: int, seed: int = 0, side: float = 100.0) -> torch.Tensor:
    """Boxes (count, 4) around a few places, so that many suppress many."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(max(1, count // 12), 2, generator=generator) * side
    middle = places[torch.randint(len(places), (count,), generator=generator)]
    middle = middle + torch.randn(count, 2, generator=generator) * 4
    half = torch.rand(count, 2, generator=generator) * 12 + 2
    return torch.cat([middle - half, middle + half], 1)


def of_scores(count: int, seed: int = 1) -> torch.Tensor:
    """Scores with ties."""
    return torch.randint(1, 40, (count,), generator=torch.Generator().manual_seed(seed)) / 40


def one_by_one(boxes, scores, labels, threshold: float) -> list[int]:
    order = sorted(range(len(boxes)), key=lambda place: -float(scores[place]))  # stable
    kept: list[int] = []
    for place in order:
        rivals = [other for other in kept if labels[other] == labels[place]]
        if all(float(box_iou(boxes[place], boxes[other])) <= threshold for other in rivals):
            kept.append(place)
    return kept


@FEW
@given(st.integers(0, 60), st.integers(0, 5), st.sampled_from([0.0, 0.3, 0.5, 0.75, 1.0]))
def test_as_written_out_box_by_box(count, seed, threshold):
    boxes, scores, labels = overlapping(count, seed), of_scores(count), torch.arange(count) % 3
    assert nms(boxes, scores, threshold).tolist() == one_by_one(boxes, scores, [0] * count, threshold)
    expected = one_by_one(boxes, scores, labels, threshold)
    assert classwise_nms(boxes, scores, labels, threshold).tolist() == expected
    assert classwise_nms(boxes, scores, labels, threshold, 5).tolist() == expected[:5]


@pytest.mark.parametrize("threshold", [0.25, 0.5])
def test_boxes_of_whole_numbers_at_the_threshold_itself_are_kept(threshold):
    one = torch.tensor([[0.0, 0, 4, 4]])
    for right, overlap in ((2, 0.5), (1, 0.25)):  # of 4
        both = torch.cat([one, torch.tensor([[0.0, 0, right, 4]])])
        assert len(nms(both, torch.tensor([0.9, 0.8]), threshold)) == (2 if overlap <= threshold else 1)


@pytest.mark.parametrize("at_once", [1, 7, 128])
@pytest.mark.parametrize("pairs", [1, 1000, 1 << 20])
def test_the_size_of_the_steps_changes_nothing(monkeypatch, at_once, pairs):
    boxes, scores, labels = overlapping(300), of_scores(300), torch.arange(300) % 2
    expected = classwise_nms(boxes, scores, labels, 0.4).tolist()
    monkeypatch.setattr(suppression, "AT_ONCE", at_once)
    monkeypatch.setattr(suppression, "PAIRS_AT_ONCE", pairs)
    assert classwise_nms(boxes, scores, labels, 0.4).tolist() == expected
    assert 20 < len(expected) < 200


def test_a_chain_of_which_each_box_suppresses_the_next_keeps_every_second():
    left = torch.arange(200.0)
    chain = torch.stack([left * 2, left * 0, left * 2 + 6, left * 0 + 1], 1)  # IoU 4 / 8 with the next, 2 / 10 beyond
    assert nms(chain, -left, 0.3).tolist() == list(range(0, 200, 2))


@FEW
@given(st.integers(1, 80), st.integers(0, 5), st.sampled_from([0.3, 0.6]))
def test_what_is_kept_is_apart_and_what_is_not_lies_on_a_better_one(count, seed, threshold):
    boxes, scores = overlapping(count, seed), of_scores(count)
    kept = nms(boxes, scores, threshold)
    among = pairwise_iou(boxes[kept], boxes[kept]).fill_diagonal_(0)
    assert float(among.max()) <= threshold
    gone = sorted(set(range(count)) - set(kept.tolist()))
    for place in gone:
        better = kept[scores[kept] >= scores[place]]
        assert float(pairwise_iou(boxes[better], boxes[place][None]).max()) > threshold
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    distinct_scores = scores + torch.arange(count) / 1e4  # without ties the order of boxes means nothing
    again = order[nms(boxes[order], distinct_scores[order], threshold)]
    assert again.tolist() == nms(boxes, distinct_scores, threshold).tolist()


def test_empty_boxes_and_none_at_all():
    empty = torch.tensor([[3.0, 3, 3, 3], [3, 3, 3, 3], [0, 0, 9, 9], [5, 5, 2, 2]])
    assert nms(empty, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.1).tolist() == [0, 1, 2, 3]
    assert nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


def soft_one_by_one(boxes, scores, least: float, weight) -> tuple[list[int], list[float]]:
    """Figure 3 of the paper."""
    left, places, found = [float(score) for score in scores], [], []
    rest = list(range(len(left)))
    while rest:
        best = max(rest, key=lambda place: left[place])
        rest.remove(best)
        if left[best] < least:
            break
        places.append(best)
        found.append(left[best])
        for place in rest:
            left[place] *= weight(float(box_iou(boxes[best], boxes[place])))
    return places, found


@FEW
@given(st.integers(0, 25), st.integers(0, 5), st.sampled_from([0.001, 0.2]))
def test_soft_suppression_as_in_the_papers_figure(count, seed, least):
    boxes, scores = overlapping(count, seed).double(), of_scores(count).double()
    ways = (
        (linear(0.3), lambda iou: 1 - iou if iou > 0.3 else 1),
        (gaussian(0.5), lambda iou: math.exp(-iou * iou / 0.5)),
    )
    for ours, theirs in ways:
        places, found = soft_nms(boxes, scores, ours, least)
        expected, expected_scores = soft_one_by_one(boxes, scores, least, theirs)
        assert found.tolist() == pytest.approx(expected_scores, abs=1e-12)
        assert len(set(places.tolist())) == len(expected)


def rows_one_by_one(boxes, scores, iou_threshold: float, score_threshold: float, most: int) -> list[list[float]]:
    """One picture's: boxes (A, K, 4), scores (A, K)."""
    anchors, classes = scores.shape
    pairs = [(a, k) for a in range(anchors) for k in range(classes) if float(scores[a, k]) > score_threshold]
    chosen = [boxes[a, k] for a, k in pairs]
    kept = one_by_one(chosen, [scores[a, k] for a, k in pairs], [k for _, k in pairs], iou_threshold)
    rows = [[*boxes[pairs[i]].tolist(), float(scores[pairs[i]]), float(pairs[i][1])] for i in kept[:most]]
    return rows + [[0.0] * 6] * (most - len(rows))


@pytest.mark.parametrize("by_class", [False, True])
def test_the_rows_of_a_batch_are_those_of_each_picture_written_out(by_class):
    scores = torch.stack([of_scores(120, 3).view(40, 3), of_scores(120, 4).view(40, 3), torch.zeros(40, 3)])
    boxes = torch.stack([overlapping(120, seed).view(40, 3, 4) for seed in range(3)]) / 100
    if not by_class:
        boxes = boxes[:, :, :1]
    given = boxes if by_class else boxes[:, :, 0]
    found = detections(given, scores, iou_threshold=0.4, score_threshold=0.31, candidates=200, most=90)
    assert found.shape == (3, 90, 6)
    for picture in range(3):
        wide = boxes[picture].expand(40, 3, 4)
        assert found[picture].tolist() == rows_one_by_one(wide, scores[picture], 0.4, 0.31, 90)
        alone = detections(given[[picture]], scores[[picture]], iou_threshold=0.4, score_threshold=0.31, most=90)
        assert torch.equal(alone[0], found[picture])
    assert 0 < int((found[0, :, 4] > 0).sum()) < 90
    assert not found[2].any()


def test_only_the_best_candidates_are_looked_at():
    boxes = torch.tensor([[[0.0, 0, 1, 1], [0, 0, 1, 1], [0.5, 0.5, 0.6, 0.6]]])
    scores = torch.tensor([[[0.9], [0.8], [0.7]]])
    assert detections(boxes, scores, candidates=2, most=2)[0, :, 4].tolist() == pytest.approx([0.9, 0])
    assert detections(boxes, scores, candidates=3, most=2)[0, :, 4].tolist() == pytest.approx([0.9, 0.7])
    assert detections(boxes, scores, candidates=500, most=1)[0, :, 4].tolist() == pytest.approx([0.9])


def test_more_rows_than_candidates_are_zeros():
    found = distinct(torch.rand(2, 3, 4), torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64), 0.5, 7)
    assert found.shape == (2, 7, 6)
    assert not found.any()


def test_under_every_mode_and_on_tensors_without_numbers():
    boxes, scores = overlapping(50).view(1, 50, 4), of_scores(100).view(1, 50, 2)
    expected = detections(boxes, scores)
    with torch.inference_mode():
        assert torch.equal(detections(boxes, scores), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(detections(boxes, scores), expected)
        low = detections(boxes.bfloat16(), scores.bfloat16())
    assert low.dtype == torch.float32
    assert torch.equal(detections(boxes.requires_grad_(), scores.requires_grad_()), expected)
    assert detections(boxes.to("meta"), scores.to("meta"), most=7).shape == (1, 7, 6)


def test_scores_that_are_no_numbers_are_seen_and_take_no_other_row():
    boxes = torch.tensor([[[0.0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]])
    rows = detections(boxes, torch.tensor([[[0.5], [math.nan], [0.75]]]), most=4)[0]
    assert math.isnan(rows[0, 4])
    assert rows[1:, 4].tolist() == [0.75, 0.5, 0.0]
