"""Figures of segmentation: worked by hand, against scikit-learn, and as sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from striate.ops.boundary import boundary_f1
from striate.ops.pixels import (
    IGNORED,
    bootstrap_interval,
    class_accuracy,
    constant_iou,
    dice_per_class,
    iou_per_class,
    mean_dice,
    mean_iou,
    median_frequency_weights,
    overlap,
    pixel_accuracy,
    pixel_confusion,
)

CLASSES = 5


def drawn(pictures: int = 3, ignored: float = 0.2, classes: int = CLASSES) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, classes, (2, pictures, 9, 7), np.uint8)
    truth[random.random(truth.shape) < ignored] = IGNORED
    return torch.from_numpy(truth), torch.from_numpy(predicted)


def test_confusion_iou_and_dice_agree_with_scikit_learn_over_the_labelled_pixels():
    truth, predicted = drawn()
    asked = truth != IGNORED
    confusion = pixel_confusion(truth, predicted, CLASSES)
    for picture in range(3):
        true, found = truth[picture][asked[picture]], predicted[picture][asked[picture]]
        assert (confusion[picture].numpy() == confusion_matrix(true, found, labels=range(CLASSES))).all()
    pixels, both = overlap(confusion.sum(0)), (truth[asked].numpy(), predicted[asked].numpy())
    np.testing.assert_allclose(iou_per_class(pixels), jaccard_score(*both, average=None))
    np.testing.assert_allclose(dice_per_class(pixels), f1_score(*both, average=None))


def test_what_stands_at_ignored_pixels_decides_nothing():
    truth, predicted = drawn()
    other = predicted.where(truth != IGNORED, (predicted + 1) % CLASSES)
    assert (pixel_confusion(truth, predicted, CLASSES) == pixel_confusion(truth, other, CLASSES)).all()


def test_figures_by_hand():
    # class 0: 3 right, 1 taken for 1; class 1: 2 right; class 2 is neither there nor predicted
    pixels = overlap(torch.tensor([[3, 1, 0], [0, 2, 0], [0, 0, 0]]))
    assert iou_per_class(pixels)[:2].tolist() == [3 / 4, 2 / 3]
    assert math.isnan(iou_per_class(pixels)[2])
    assert float(mean_iou(pixels)) == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert float(mean_dice(pixels)) == pytest.approx((6 / 7 + 4 / 5) / 2)
    assert float(pixel_accuracy(pixels)) == pytest.approx(5 / 6)
    assert float(class_accuracy(pixels)) == pytest.approx((3 / 4 + 2 / 2) / 2)


def test_a_class_that_is_only_predicted_has_no_intersection():
    assert iou_per_class(overlap(torch.tensor([[1, 1], [0, 0]]))).tolist() == [0.5, 0.0]


def test_figures_of_a_data_set_are_of_summed_counts_in_any_parts():
    truth, predicted = drawn(4)
    parts = [pixel_confusion(*part, CLASSES).sum(0) for part in zip(truth.split(3), predicted.split(3), strict=True)]
    whole = overlap(pixel_confusion(truth, predicted, CLASSES).sum(0))
    assert float(mean_iou(overlap(sum(parts)))) == float(mean_iou(whole))
    assert float(mean_iou(whole)) != float(mean_iou(overlap(parts[0])) + mean_iou(overlap(parts[1]))) / 2


def test_an_interval_holds_its_figure_is_repeatable_and_narrows_with_more_pictures():
    few, many = (overlap(pixel_confusion(*drawn(pictures), CLASSES)) for pictures in (10, 160))
    widths = []
    for pictures in (few, many):
        low, high = bootstrap_interval(pictures, mean_iou)
        assert low < float(mean_iou(type(pictures)(*(each.sum(0) for each in pictures)))) < high
        assert bootstrap_interval(pictures, mean_iou) == (low, high) != bootstrap_interval(pictures, mean_iou, seed=1)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2  # a quarter, by the square root of 16
    assert all(map(math.isnan, bootstrap_interval(type(few)(*(each[:0] for each in few)), mean_iou)))


def test_the_interval_of_a_share_is_that_of_its_standard_error():
    hits = (torch.arange(400)[:, None] % 5 == 0).long()  # one pixel a picture, a fifth of them right
    pictures = overlap(torch.stack([torch.cat([hits, 1 - hits], 1), torch.zeros(400, 2, dtype=torch.long)], 1))
    low, high = bootstrap_interval(pictures, pixel_accuracy)
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(0.2 * 0.8 / 400), rel=0.1)


def test_the_best_constant_answer_is_what_answering_it_gives():
    truth, _ = drawn()
    confusions = [pixel_confusion(truth, torch.full_like(truth, number), CLASSES).sum(0) for number in range(CLASSES)]
    best = max(float(mean_iou(overlap(confusion))) for confusion in confusions)
    assert constant_iou(confusions[0].sum(1)) == pytest.approx(best)


def test_weights_by_median_frequency_by_hand():
    # frequencies where shown: 10/20, 15/40 (both pictures), 15/20; the median is that of class 0
    weights = median_frequency_weights(torch.tensor([[10, 10, 0], [0, 5, 15]]))
    assert weights.tolist() == pytest.approx([1.0, 0.5 / (15 / 40), 0.5 / 0.75])


def square(left: int, side: int = 40) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    mask[10:30, left : left + 20] = 1
    return mask


def test_boundaries_by_hand():
    truth = np.zeros((5, 9), np.uint8)
    truth[:, 4:] = 1
    predicted = np.roll(truth, 2, axis=1)
    predicted[:, :2] = 0
    # outlines stand two columns apart
    assert boundary_f1(truth, predicted, 3, 1.0)[:2].tolist() == [0, 0]
    assert boundary_f1(truth, predicted, 3, 2.0)[:2].tolist() == [1, 1]
    assert np.isnan(boundary_f1(truth, predicted, 3)[2])


def test_half_of_an_outline_has_the_precision_of_the_whole_and_half_the_recall():
    truth = np.zeros((8, 40), np.uint8)
    truth[:, 10:30] = 1  # two edges
    predicted = np.zeros((8, 40), np.uint8)
    predicted[:, 10:] = 1  # one of them
    assert boundary_f1(truth, predicted, 2, 0.0).tolist() == pytest.approx([2 * 0.5 / 1.5] * 2)


def test_boundaries_see_what_iou_does_not_and_nothing_of_ignored_pixels():
    truth, near, far = square(10), square(11), square(14)
    assert boundary_f1(truth, near, 2, 1.0).min() == 1.0
    assert boundary_f1(truth, far, 2, 1.0).max() < 0.6
    truth[:, :10] = truth[:, 30:] = truth[:10] = truth[30:] = IGNORED  # only the inside is asked for
    assert np.isnan(boundary_f1(truth, truth, 2)).all()
    assert np.isnan(boundary_f1(truth, square(10), 2)).all()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.floats(0, 3))
def test_boundary_scores_are_shares_alike_both_ways_and_grow_with_the_tolerance(seed, tolerance):
    one, other = np.random.default_rng(seed).integers(0, 3, (2, 6, 7), np.uint8)
    score = boundary_f1(one, other, 3, tolerance)
    np.testing.assert_allclose(score, boundary_f1(other, one, 3, tolerance))
    assert (boundary_f1(one, one, 3, tolerance)[:3] == 1).all()
    wider = boundary_f1(one, other, 3, tolerance + 1)
    assert ((score <= wider + 1e-12) | np.isnan(score)).all()
