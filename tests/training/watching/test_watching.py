"""Runs as their folders show them: growing, torn, broken, gone and back; and nothing of them is touched."""

import json
import os
import platform
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grown import begin, finish, grow, line, tear
from striate.core.errors import StriateError
from striate.training.folder.layout import LOCK, METRICS, RECIPE, discard_metrics_after, locked, read_metrics
from striate.training.watching import runs as watching
from striate.training.watching.lines import Lines
from striate.training.watching.runs import Runs, run_folders
from striate.training.watching.standing import MOST_POINTS, Watched


@pytest.fixture
def run(tmp_path):
    return begin(tmp_path / "runs" / "cats")


def stands(folder):
    return Watched("cats", folder).look()


def test_a_run_that_grows_is_read_on(run):
    watched = Watched("cats", run)
    assert (watched.look().epoch, watched.look().value) == (0, "")
    grow(run, 1, 2)
    assert (watched.look().epoch, watched.look().step, watched.look().lr) == (2, 20, 0.05)
    grow(run, 3)
    assert watched.look().epoch == 3
    assert watched.curves()["series"]["train_loss"] == [line(epoch)["train_loss"] for epoch in (1, 2, 3)]
    assert watched.curves()["figures"]["accuracy"] == {"title": "Accuracy", "unit": "%"}


def test_half_a_line_waits_for_its_end_and_a_resume_begins_before_it(run):
    watched = Watched("cats", run)
    grow(run, 1, 2, 3)
    tear(run)
    assert (watched.look().epoch, watched.look().problem) == (3, "")
    discard_metrics_after(run, 20)  # as one does that goes on from an older state
    assert watched.look().epoch == 2
    grow(run, 3, 4, train_loss=0.5)
    assert watched.look().epoch == 4
    assert watched.curves()["series"]["train_loss"][2:] == [0.5, 0.5]


ROWS = st.lists(st.sampled_from([json.dumps(line(1)), json.dumps(line(2)), "{}", "no line", ""]), max_size=6)


@given(ROWS, st.lists(st.integers(0, 2000), max_size=5), st.booleans())
def test_however_a_file_comes_its_lines_are_those_of_the_whole(tmp_path_factory, rows, cuts, ended):
    folder = tmp_path_factory.mktemp("run")
    content = ("\n".join(rows) + "\n" * ended).encode()
    lines = Lines(folder)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(content)], strict=True):
        with (folder / METRICS).open("ab") as file:
            file.write(content[start:end])
        lines.look()
    (folder / METRICS).write_bytes(content[: content.rfind(b"\n") + 1])  # the half line is the only difference
    assert lines.lines == read_metrics(folder)


def test_a_broken_line_is_a_sentence_and_left_out(run):
    grow(run, 1, val_accuracy=2.0)
    grow(run, 2)
    found = stands(run)
    assert found.problem == (
        f"{run / METRICS}, line 1, is damaged: val_accuracy must be a number between 0 and 1, got 2.0; it is left out"
    )
    assert found.epoch == 2


def test_a_broken_run_is_a_sentence(run):
    (run / RECIPE).write_text('{"a": ')
    assert (stands(run).state, stands(run).problem) == (
        "damaged",
        f"{run / RECIPE} is damaged: Expecting value: line 1 column 7 (char 6)",
    )
    (run / RECIPE).unlink()
    grow(run, 1)
    assert stands(run).problem == f"{run / RECIPE} is missing; {run} is not a complete run folder"
    begin(run.parent / "later", task="juggling")
    assert stands(run.parent / "later").problem.startswith("unknown task 'juggling'")


def test_a_run_of_another_version_is_shown(run):
    record = json.loads((run / RECIPE).read_text()) | {"of_a_later_version": [1]}
    (run / RECIPE).write_text(json.dumps(record))
    grow(run, 1, something_new=0.25, a_word="x")
    watched = Watched("cats", run)
    assert watched.look().problem == ""
    assert watched.curves()["series"]["something_new"] == [0.25]
    assert "a_word" not in watched.curves()["series"]


def test_numbers_that_json_does_not_have_are_none(run):
    grow(run, 1, train_loss=float("nan"), lr=float("inf"))
    watched = Watched("cats", run)
    assert watched.look().lr is None
    assert watched.curves()["series"]["train_loss"] == [None]
    json.dumps([watched.look().to_dict(), watched.curves()], allow_nan=False)
    grow(run, 2, seconds=float("inf"), something_new=10**400)
    assert (watched.look().seconds, watched.curves()["seconds"]) == (0.0, [2.0, None])
    assert watched.curves()["series"].get("something_new", [None])[-1] is None
    json.dumps([watched.look().to_dict(), watched.curves()], allow_nan=False)


def test_who_trains_is_told_by_the_lock(run):
    with locked(run):
        assert stands(run).state == "training"
    assert stands(run).state == "stopped"
    (run / LOCK).write_text(f"#{os.getpid()} on {platform.node()}")  # one that died had that number
    assert stands(run).state == "stopped"
    finish(run)
    assert (stands(run).state, stands(run).figure) == ("finished", "accuracy (test)")


def test_a_process_elsewhere_is_judged_by_when_it_wrote(run):
    (run / LOCK).write_text("#1 on another-machine")
    grow(run, 1)
    assert stands(run).state == "training"
    for path in run.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    assert stands(run).state == "stopped"


def test_the_time_left_is_that_of_the_epochs_before(run):
    grow(run, 1, 2, 3)  # of 8, of 2 seconds each
    os.utime(run / METRICS, (1000, 1000))
    with locked(run):
        assert stands(run).ends_s == pytest.approx(1010)
    assert stands(run).ends_s is None


def test_a_folder_that_goes_is_told_and_one_that_comes_back_goes_on(run):
    grow(run, 1)
    watched = Watched("cats", run)
    watched.look()
    run.rename(run.parent / "away")
    for _ in range(2):
        gone = watched.look()
        assert (gone.state, gone.epoch) == ("gone", 1)
        assert gone.problem == f"{run} is not there any more; what is shown was seen before"
    (run.parent / "away").rename(run)
    grow(run, 2)
    assert (watched.look().state, watched.look().epoch, watched.look().problem) == ("stopped", 2, "")


def test_of_many_epochs_as_many_are_drawn_as_a_page_can_show(run):
    (run / METRICS).write_text("".join(json.dumps(line(epoch)) + "\n" for epoch in range(1, 2001)))
    watched = Watched("cats", run)
    watched.look()
    epochs = watched.curves()["epoch"]
    assert (len(epochs), epochs[0], epochs[-1]) == (MOST_POINTS, 1, 2000)


def test_runs_are_found_and_the_newest_is_first(tmp_path, run):
    other = begin(tmp_path / "runs" / "deeper" / "dogs")
    begin(tmp_path / "runs" / ".hidden" / "run")
    begin(tmp_path / "runs" / "1" / "2" / "3" / "4" / "too_deep")
    os.utime(run / RECIPE, (1000, 1000))
    assert [each.run for each in Runs(tmp_path / "runs").look()] == ["deeper/dogs", "cats"]
    assert [each.run for each in Runs(other).look()] == ["dogs"]
    found, cut_short = run_folders(tmp_path / "runs")
    assert (set(found), cut_short) == ({run, other}, False)


def test_so_many_runs_are_shown_and_the_rest_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "MOST_RUNS", 2)
    for name in "abc":
        begin(tmp_path / name)
    found = Runs(tmp_path)
    assert len(found.look()) == 2
    assert found.note == "not shown: 1 older run"
    monkeypatch.setattr(watching, "MOST_FOLDERS", 2)
    assert Runs(tmp_path).look()
    found = Runs(tmp_path)
    assert len(found.look()) == 1
    assert found.note == "not shown: runs beyond the first 2 folders; watch a folder further down"


def test_a_look_is_followed_by_a_rest(run):
    now = [0.0]
    found = Runs(run, lambda: now[0])
    found.look()
    grow(run, 1)
    assert found.look()[0].epoch == 0
    now[0] = 100.0
    assert found.look()[0].epoch == 1


def test_looking_leaves_no_trace(run):
    grow(run, 1)
    (run / LOCK).touch()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()}
    Runs(run).look()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.iterdir()} == before


@pytest.mark.parametrize(("name", "what"), [("nowhere", "no such folder"), ("file", "is a file")])
def test_what_is_no_folder_is_refused(tmp_path, name, what):
    (tmp_path / "file").touch()
    with pytest.raises(StriateError) as told:
        Runs(tmp_path / name)
    assert str(told.value) == f"{tmp_path / name}: {what}; name a run folder, or the folder that holds the run folders"
