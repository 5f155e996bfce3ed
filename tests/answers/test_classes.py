"""What is read off a classifier's numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from striate.answers import READ, reader
from striate.answers.classes import read
from striate.core.errors import StriateError
from striate.tasks import TASKS


def test_the_likeliest_classes_with_the_softmax_of_their_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (4, 6)).astype(np.float32)
    names = tuple("abcdef")
    best = torch.from_numpy(logits).softmax(1).topk(3)
    for row, answer in enumerate(read(logits, names, list("wxyz"), 3)):
        assert [label for label, _ in answer.top] == [names[number] for number in best.indices[row].tolist()]
        assert [share for _, share in answer.top] == pytest.approx(best.values[row].tolist(), rel=1e-6)
        assert (answer.path, answer.label) == ("wxyz"[row], answer.top[0][0])


def test_more_answers_than_classes_are_all_classes() -> None:
    (answer,) = read(np.zeros((1, 2), np.float32), ("a", "b"), ["p"], 9)
    assert answer.top == (("a", 0.5), ("b", 0.5))


def test_logits_of_other_classes_than_are_named_are_refused() -> None:
    with pytest.raises(StriateError, match=r"must be 3 numbers for each.*got the shape \(1, 10\)"):
        read(np.zeros((1, 10), np.float32), ("a", "b", "c"), ["p"], 1)


def test_large_logits_do_not_overflow() -> None:
    (answer,) = read(np.array([[1e4, -1e4]], np.float32), ("a", "b"), ["p"], 1)
    assert answer.probability == 1.0


def test_every_task_can_be_read_without_torch() -> None:
    assert set(READ) == set(TASKS)
    with pytest.raises(StriateError, match="unknown task 'origami'"):
        reader("origami")


def test_what_is_no_number_is_a_problem_and_not_an_answer():
    logits = np.array([[np.nan, 1.0], [np.inf, 0.0], [0.0, 1.0]], np.float32)
    *without, answered = read(logits, ("ant", "bee"), ["a.png", "b.png", "c.png"], 2)
    assert [each.to_dict()["label"] for each in without] == [None, None]
    assert all("no number" in str(each.problem) for each in without)
    assert answered.label == "bee"
    json.dumps([each.to_dict() for each in (*without, answered)], allow_nan=False)
