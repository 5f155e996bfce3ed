import numpy as np

from of_pycocotools import Scene
from striate.ops.box_confusion import box_confusion
from striate.ops.object_hits import box_overlap

A, B, FAR = (0, 0, 100, 100), (200, 0, 300, 100), (400, 400, 500, 500)
BESIDE_A = (10, 0, 110, 100)


def confusion(there: list, found: list, crowds=(), least: float = 0.0) -> list[list[int]]:
    """Of two classes in one picture. there: class and box; found: class, box, score."""
    boxes = np.array([box for _, box in there], np.float64).reshape(-1, 4)
    others = np.array([box for _, box, _ in found], np.float64).reshape(-1, 4)
    labels, found_labels = (np.array([each[0] for each in of], np.int64) for of in (there, found))
    crowd = np.array([n in crowds for n in range(len(there))], bool)
    score = np.array([score for *_, score in found], np.float64)
    given = Scene(1, 2, boxes, labels * 0, labels, crowd, others, found_labels * 0, found_labels, score)
    overlap = box_overlap(others, boxes, crowd)
    return box_confusion(given.detections, given.objects, overlap, score >= least, 2).tolist()


def test_right_wrong_invented_and_missed():
    assert confusion([(0, A), (1, B)], [(0, A, 0.9), (0, B, 0.8), (1, FAR, 0.7)]) == [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert confusion([(0, A), (1, B)], [(0, A, 0.9)]) == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert confusion([], [(0, A, 0.9)]) == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert confusion([(0, A)], []) == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_a_surer_one_of_another_class_does_not_take_the_object_from_one_that_is_right():
    assert confusion([(0, A)], [(1, A, 0.9), (0, BESIDE_A, 0.5)]) == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_only_what_is_sure_counts():
    assert confusion([(0, A)], [(0, A, 0.4), (1, FAR, 0.6)], least=0.5) == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_what_is_ignored_counts_nowhere():
    assert confusion([(0, A), (1, B)], [(0, A, 0.9), (1, B, 0.8), (0, B, 0.7)], crowds=[1]) == [
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
