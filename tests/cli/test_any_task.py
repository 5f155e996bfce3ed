"""`runs`, `evaluate` and `predict` show what a task says of itself, whatever the task."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import asdict, dataclass, replace

import pytest
import torch
from PIL import Image

from pointing import FOUND, POINTING
from striate.tasks import TASKS


@dataclass(frozen=True)
class Point:
    path: str
    x: float
    at: tuple[int, int]

    def to_dict(self):
        return asdict(self) | {"at": list(self.at)}


class Counted:
    """Finds what FOUND says of as many pictures as it is given."""

    def __init__(self, names):
        self.total = 0

    def add(self, output, targets):
        self.total += len(targets)

    def result(self):
        return replace(FOUND, total=self.total)


@pytest.fixture
def pointing_run(run_copy, monkeypatch):
    """A run folder that says that its network points."""
    task = replace(
        POINTING,
        predict=lambda network, pictures, *_: torch.zeros(len(pictures), 2),
        metric=Counted,
        read=lambda output, names, paths, top: [Point(path, 0.123456, (3, 4)) for path in paths],
    )
    monkeypatch.setitem(TASKS, task.name, task)
    for file in ("recipe.json", "config.json"):
        record = json.loads((run_copy / file).read_text())
        (run_copy / file).write_text(json.dumps(record | {"task": task.name}))
    (run_copy / "evaluation.json").write_text(json.dumps({"split": "test", **FOUND.to_dict()}))
    lines = [json.loads(line) for line in (run_copy / "metrics.jsonl").read_text().splitlines()]
    lines = [line | {"val_distance": distance} for line, distance in zip(lines, (2.5, 7.5), strict=True)]
    (run_copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run_copy


def test_runs_shows_the_figure_of_the_task(striate, pointing_run):
    head, _, row = striate("runs", pointing_run.parent).out.splitlines()
    assert head.split()[3:6] == ["epochs", "mean", "distance"]
    assert "   3.2500 (test)   finished" in row
    (told,) = json.loads(striate("runs", pointing_run.parent, "--json").out)
    assert (told["task"], told["figure"], told["value"], told["accuracy"]) == ("pointing", "distance", 3.25, None)


def test_of_a_run_that_goes_on_the_best_is_the_smallest_distance(striate, pointing_run):
    (pointing_run / "evaluation.json").unlink()
    assert "2.5000 (val)   unfinished" in striate("runs", pointing_run.parent).out


def test_runs_of_several_tasks_name_their_figures(striate, pointing_run, digits_run):
    shutil.copytree(digits_run, pointing_run.parent / "digits")
    head, _, *rows = striate("runs", pointing_run.parent).out.splitlines()
    assert head.split()[4] == "figure"
    assert sorted(row.split(" (test)")[0].split("/2  ")[1].rpartition(" ")[0].strip() for row in rows) == [
        "accuracy",
        "mean distance",
    ]


def test_a_run_of_an_unknown_task_is_listed_and_says_so(striate, pointing_run, monkeypatch):
    monkeypatch.delitem(TASKS, "pointing")
    (row,) = json.loads(striate("runs", pointing_run.parent, "--json").out)
    assert row["state"] == "damaged"
    assert "unknown task 'pointing'" in row["problem"]


def test_a_distance_that_is_missing_is_damage(striate, pointing_run):
    (pointing_run / "evaluation.json").write_text('{"split": "test", "close": 0.5}')
    (row,) = json.loads(striate("runs", pointing_run.parent, "--json").out)
    assert row["problem"].endswith("evaluation.json is damaged: distance is missing")


def test_evaluate_says_the_figures_in_a_line(striate, pointing_run):
    first, split = striate("evaluate", pointing_run, "digits").out.splitlines()
    assert first == ("test: mean distance 3.2500 (95 % interval 3.0000 to 3.5000), close enough 87.50%, 359 pictures")
    assert split.startswith("split: ")
    told = json.loads(striate("evaluate", pointing_run, "digits", "--json").out)
    assert (told["distance"], told["total"]) == (3.25, 359)


def test_predict_shows_the_fields_of_the_answers(striate, pointing_run, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("L", (8, 8)).save(pictures / "a.png")
    (pictures / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    answer = striate("predict", pointing_run, pictures)
    head, _, row = answer.out.splitlines()
    assert head.split() == ["picture", "x", "at"]
    assert row.split(maxsplit=2)[1:] == ["0.1235", "[3, 4]"]
    assert answer.status == 1
    assert "b.png" in answer.err
    table = list(csv.reader(io.StringIO(striate("predict", pointing_run, pictures, "--csv").out)))
    assert table[0] == ["path", "x", "at", "problem"]
    assert table[1][1:] == ["0.123456", "[3, 4]", ""]
    assert table[2][1:3] == ["", ""]
    assert table[2][3]
