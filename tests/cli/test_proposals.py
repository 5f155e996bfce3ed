"""`striate proposals` as a person uses it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from factories import tinted_objects
from striate.cli.proposals import METHODS
from striate.data.proposals import NAMES, measured


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return tinted_objects(tmp_path_factory.mktemp("objects") / "data")


def test_figures_for_people_and_for_programs(striate, objects, tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    shown = striate("proposals", objects, "--limit", "2", "--save", tmp_path / "boxes.npz")
    assert (shown.status, shown.err) == (0, "")
    assert "selective_search: 2 pictures, 5 objects" in shown.out
    assert "recall 100.0% of 2,000" in shown.out
    assert f"wrote {tmp_path / 'boxes.npz'}" in shown.out
    told = json.loads(striate("proposals", objects, "--limit", "2", "--json").out)
    assert told["recall"]["2000"] == 1
    assert told["mean_average_best_overlap"] > 0.8
    assert told["made_before"] == 2
    with np.load(tmp_path / "boxes.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == ["00.png", "01.png"]
        assert len(file["boxes"]) == file["starts"][-1] == round(2 * told["boxes_per_picture"])


def test_ctrl_c_shows_and_keeps_what_was_done(striate, objects, tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    kept, calls = measured.kept_proposals, []

    def interrupted(picture, method):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return kept(picture, method)

    monkeypatch.setattr(measured, "kept_proposals", interrupted)
    stopped = striate("proposals", objects, "--method", "sliding_window", "--save", tmp_path / "boxes.npz")
    assert stopped.status == 130
    assert "sliding_window: 2 pictures" in stopped.out
    assert stopped.err == "striate: stopped; what was proposed is kept, and the same command goes on\n"
    monkeypatch.undo()
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    told = json.loads(striate("proposals", objects, "--method", "sliding_window", "--json").out)
    assert (told["pictures"], told["made_before"]) == (24, 2)


def test_a_picture_that_cannot_be_read_is_named(striate, tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    data = tinted_objects(tmp_path / "data")
    file = data.parent / "01.png"
    file.write_bytes(file.read_bytes()[:200])
    answer = striate("proposals", data, "--method", "sliding_window", "--limit", "3")
    assert answer.status == 1
    assert "sliding_window: 2 pictures" in answer.out
    assert answer.err.startswith(f"striate: {file}")


def test_an_unknown_method_is_one_sentence(striate, objects):
    mistake = striate("proposals", objects, "--method", "edgeboxes").mistake()
    assert mistake == "striate: unknown method 'edgeboxes'; did you mean 'edge_boxes'?"


def test_help_names_every_method():
    assert [name for name in NAMES if name not in METHODS] == []
