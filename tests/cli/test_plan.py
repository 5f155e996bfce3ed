"""`striate plan`: the table, JSON, and mistakes in one line."""

from __future__ import annotations

import json

import pytest

from striate.training.planning import planning
from striate.training.planning.candidates import Candidate


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Two networks are offered; the zoo takes a minute."""
    few = (Candidate("lenet5", "digits_lenet5"), Candidate("mlp"))
    monkeypatch.setattr(planning, "candidates", lambda task, typical_px: few)


def test_the_table_marks_what_is_recommended_and_says_how_to_train_it(striate):
    answer = striate("plan", "digits", "--budget", "10m", "--seconds", "1")
    assert answer.status == 0 and answer.err == ""
    row = next(line for line in answer.out.splitlines() if "digits_lenet5" in line)
    assert (
        row.startswith("*") and "32x32" in row and row.rstrip().endswith("scikit-learn's digits, 5 seeds, 2026-11-21")
    )
    assert answer.out.splitlines()[-1] == "train it: striate train digits --budget 10m"


def test_json_has_every_network(striate):
    told = json.loads(striate("plan", "digits", "--budget", "10m", "--seconds", "1", "--json").out)
    assert told["budget_s"] == 600 and {each["model"] for each in told["networks"]} == {"lenet5", "mlp"}


def test_a_budget_that_nothing_fits_into_says_the_smallest_one_and_one_without_unit_asks(striate):
    answer = striate("plan", "digits", "--budget", "1s", "--seconds", "1")
    assert answer.status == 0 and "the smallest possible budget is about" in answer.out and "*  " not in answer.out
    mistake = striate("plan", "digits", "--budget", "20").mistake()
    assert mistake == "striate: --budget needs a unit; is 20 meant as 20m (minutes), 20s or 20h?"
