"""Labels that are likely wrong: by hand on few numbers, against the definition written as loops, and on digits."""

from __future__ import annotations

import numpy as np
import pytest

from striate.data.sources import open_data
from striate.frozen.label_errors import find_suspects, mean_confidences, small_classes
from striate.frozen.linear import held_out


@pytest.fixture(scope="module")
def digits():
    """600 scans as rows of 64 pixels, and their classes."""
    opened = open_data("digits")
    some = np.sort(np.random.default_rng(0).permutation(1797)[:600])
    return opened.pictures.pixels[some].reshape(600, 64) / 255, opened.labels[some]


def swapped(labels, share, seed):
    """Labels of which a share is wrong, and the places of those."""
    random = np.random.default_rng(seed)
    places = random.permutation(len(labels))[: round(share * len(labels))]
    changed = labels.copy()
    changed[places] = (labels[places] + random.integers(1, 10, len(places))) % 10
    return changed, places


def suspects_of(pixels, labels):
    return find_suspects(held_out([pixels], labels, 10, C=0.3).probabilities, labels)


def test_most_swapped_labels_are_found_and_most_found_ones_are_swapped(digits):
    """Measured over three ways to swap 18 of 600 labels: recall 0.80, precision 0.83."""
    pixels, truth = digits
    found, hits, first = 0, 0, 0
    for seed in range(3):
        labels, places = swapped(truth, 0.03, seed)
        suspects = suspects_of(pixels, labels)
        right = [suspect.likely == truth[suspect.place] for suspect in suspects if suspect.place in places]
        assert all(right)
        found, hits = found + len(suspects), hits + len(right)
        first += sum(suspect.place in places for suspect in suspects[:5])
    assert hits / (3 * 18) >= 0.7  # recall
    assert hits / found >= 0.75  # precision
    assert first >= 14  # of 15: the surest are right


def test_of_right_labels_few_are_suspect(digits):
    pixels, truth = digits
    assert len(suspects_of(pixels, truth)) <= 0.02 * len(truth)


def test_it_is_the_off_diagonal_of_the_confident_joint():
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, 200)
    probabilities = random.dirichlet([0.5] * 4, 200)
    thresholds = [probabilities[labels == j, j].mean() for j in range(4)]
    expected = {}
    for place, row in enumerate(probabilities):
        above = [j for j in range(4) if row[j] >= thresholds[j]]
        if above:
            likely = max(above, key=lambda j: row[j])
            if likely != labels[place] and row.argmax() != labels[place]:
                expected[place] = likely
    found = find_suspects(probabilities, labels)
    assert {suspect.place: suspect.likely for suspect in found} == expected
    assert np.allclose(mean_confidences(probabilities, labels), thresholds)
    margins = [suspect.margin for suspect in found]
    assert margins == sorted(margins)
    assert margins[0] == probabilities[found[0].place, found[0].given] - probabilities[found[0].place, found[0].likely]


def test_the_threshold_of_a_hard_class_is_low():
    """A picture that is 40 % of class 1 is confidently of it when those labelled so are 35 % sure on average."""
    labels = np.array([0] * 6 + [1] * 6)
    probabilities = np.array([[0.9, 0.1, 0]] * 5 + [[0.3, 0.4, 0.3]] + [[0.3, 0.35, 0.35]] * 6)
    (suspect,) = find_suspects(probabilities, labels)
    assert (suspect.place, suspect.given, suspect.likely, round(suspect.margin, 9)) == (5, 0, 1, -0.1)


def test_small_classes_are_not_judged():
    labels = np.array([0] * 8 + [1] * 4)
    probabilities = np.tile([0.9, 0.1], (12, 1))
    assert small_classes(labels, 2).tolist() == [1]
    assert find_suspects(probabilities, labels) == []


def test_a_class_too_small_to_judge_is_not_proposed_either() -> None:
    """Two pictures labelled 2 that get next to nothing for it: its mean is reached by all, and proposed to nobody."""
    sure, torn, small = [0.98, 0.02, 0.0], [0.15, 0.85, 0.0], [0.9, 0.1, 0.0]
    probabilities = np.array([sure] * 8 + [torn] * 8 + [small] * 2 + [[0.5, 0.35, 0.15]])
    labels = np.array([0] * 8 + [1] * 8 + [2] * 2 + [0])
    assert find_suspects(probabilities, labels) == []
    probabilities[3] = torn
    assert [(s.place, s.likely) for s in find_suspects(probabilities, labels)] == [(3, 1)]


def test_what_is_proposed_is_more_probable_than_what_is_given() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(6) / 3, 400)
    labels = random.integers(0, 6, 400)
    suspects = find_suspects(probabilities, labels)
    assert suspects and all(s.likely_probability > s.given_probability for s in suspects)
