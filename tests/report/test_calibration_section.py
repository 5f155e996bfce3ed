"""The reliability diagram of a report has the numbers of the evaluation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from striate.ops.metrics import confusion_counts
from striate.report.page import render
from striate.tasks.classification import Evaluation


def evaluation(shares: list[float], right: list[bool]) -> Evaluation:
    truth = torch.zeros(len(right), dtype=torch.int64)
    predicted = torch.tensor([0 if each else 1 for each in right])
    counts = confusion_counts(truth, predicted, 3)
    return Evaluation(("cat", "dog", "fox"), counts, len(right), 1.0, torch.tensor(shares), predicted, truth)


@pytest.fixture
def part(make_facts, read_page):
    found = evaluation([0.95, 0.97, 0.96, 0.5], [True, True, False, True])
    return read_page(render(replace(make_facts(), evaluation=found))).one("section", id="calibration")


def test_the_table_has_every_bin_that_has_pictures(part):
    heading, *rows = part.one("table").rows()
    assert heading == ["sure", "pictures", "mean", "right"]
    assert rows == [["47 to 53 %", "1", "50.0 %", "100.0 %"], ["93 to 100 %", "3", "96.0 %", "66.7 %"]]


def test_the_error_is_said_and_what_chance_would_make(part):
    assert "Here the two are 34.5 % apart" in part.text  # (0.5 + 3 (0.96 - 2/3)) / 4
    assert "chance alone would put them 16.7 % apart" in part.text  # sqrt(2 / pi) (0.5 + sqrt(0.115)) / 4


def test_bars_stand_as_high_as_answers_are_right_and_lines_lead_there_from_the_diagonal(part):
    bars = [path.attributes["d"] for path in part.all("path", class_="bin")]
    gaps = [path.attributes["d"] for path in part.all("path", class_="gap")]
    assert len(bars) == len(gaps) == 2
    assert "V22.0H" in bars[0]  # the top of the frame: all right
    assert bars[1].startswith("M322.1 194.0V79.3H342.0")  # 14/15 of the width, 2/3 of the height
    assert gaps[1] == "M330.1 28.9V79.3"  # 0.96 of both
