"""Searches from end to end, small: exact survivors, kills, two processes, what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

import striate
from factories import tinted_folders
from mortal import killed_in, weights
from striate.cli import _interruption_behind
from striate.core.errors import Interrupted, StriateError
from striate.training import loop
from striate.training.search.found import read_result
from striate.training.search.study import open_study, quiet_optuna

optuna = pytest.importorskip("optuna")

FIELDS = {"epochs": 3, "batch_size": 8, "precision": "fp32"}
SPACE = ("peak_lr=1e-4..1e-1,log", "flip=true|false")
NETWORK = "conv4-relu-gap-softmax"
OPTIONS = {"threads": 1, "autotune": False, "quiet": True}


@pytest.fixture(scope="module")
def tints(tmp_path_factory) -> Path:
    return tinted_folders(tmp_path_factory.mktemp("tints"))


@pytest.fixture(scope="module")
def whole(tints, tmp_path_factory):
    """A search that nobody stopped."""
    folder = tmp_path_factory.mktemp("searches") / "whole"
    return striate.search(tints, NETWORK, folder=folder, space=SPACE, trials=6, **FIELDS, **OPTIONS)


def told(found) -> list:
    """What of trials a kill must not change."""
    return [(each.number, each.values, each.stage, each.state, each.figures) for each in found.trials]


def program(folder: Path, data: Path, trials: int = 6) -> str:
    """The same search, for another process."""
    call = {"folder": str(folder), "space": SPACE, "trials": trials, **FIELDS, **OPTIONS}
    return f"\nimport striate\nstriate.search({str(data)!r}, {NETWORK!r}, **{call!r})\n"


def test_coarse_then_fine_and_the_best_third_goes_on(whole):
    assert whole.rungs == (1, 3)
    assert [each.stage for each in whole.trials] == ["defaults", "coarse", "coarse", "fine", "fine", "fine"]
    assert sorted(each.epochs for each in whole.trials) == [1, 1, 1, 1, 3, 3]
    first = sorted(whole.trials, key=lambda each: (-each.figures[1], each.number))
    assert {each.number for each in whole.trials if each.epochs == 3} == {each.number for each in first[:2]}
    assert whole.best.epochs == 3
    assert whole.best.figures[3] == max(each.figures[3] for each in whole.trials if 3 in each.figures)


def test_a_survivor_is_bit_for_bit_the_run_that_was_never_stopped(whole, tints, tmp_path):
    run = striate.train(tints, recipe=str(Path(whole.folder) / "winner.json"), run=tmp_path / "run", **OPTIONS)
    trial = Path(whole.folder) / "trials" / whole.best.name
    assert weights(run.path) == weights(trial)
    states = [max((path / "state").iterdir()) / "tensors.safetensors" for path in (run.path, trial)]
    assert states[0].read_bytes() == states[1].read_bytes()
    assert len(load_file(states[0])) > 4


def test_the_study_is_one_that_optuna_reads_by_itself(whole):
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(Path(whole.folder) / "study.jsonl"))
    )
    study = optuna.load_study(study_name="whole", storage=storage)
    assert len(study.trials) == 6
    assert study.best_trial.number == whole.winner
    assert study.best_value == whole.best.figure
    assert {each.state.name for each in study.trials} == {"COMPLETE", "PRUNED"}


def test_a_search_that_is_over_is_only_read_again(whole, tints, monkeypatch):
    monkeypatch.setattr(loop, "fitting_step", None)
    again = striate.search(tints, NETWORK, folder=whole.folder, space=SPACE, trials=6, **FIELDS, **OPTIONS)
    assert json.dumps(again.to_dict()) == json.dumps(whole.to_dict())


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_kill_9_loses_no_trial_and_changes_nothing(whole, tints, tmp_path):
    folder = tmp_path / "whole"
    killed_in(program(folder, tints), 7)
    assert 1 < len(list((folder / "trials").iterdir())) < 6
    found = striate.search(tints, NETWORK, folder=folder, space=SPACE, trials=6, **FIELDS, **OPTIONS)
    assert told(found) == told(whole)
    assert found.comparison == whole.comparison
    assert weights(folder / "trials" / found.best.name) == weights(Path(whole.folder) / "trials" / whole.best.name)


def test_ctrl_c_stops_the_search_and_the_same_call_goes_on(whole, tints, tmp_path, monkeypatch, signals_of_a_terminal):
    step, left = loop.fitting_step, [10]

    def interrupted(*arguments):
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(loop, "fitting_step", interrupted)
    call = {"folder": tmp_path / "whole", "space": SPACE, "trials": 6, **FIELDS, **OPTIONS}
    with pytest.raises(
        Interrupted, match=r"^stopped; all trials in .*whole are kept, .* the same command goes on$"
    ) as stop:
        striate.search(tints, NETWORK, **call)
    assert stop.value.signal == signal.SIGINT
    assert _interruption_behind(stop.value).in_flags == str(stop.value)  # what the command line shows
    assert told(striate.search(tints, NETWORK, **call)) == told(whole)


def test_two_processes_share_a_study_and_do_no_trial_twice(tints, tmp_path):
    folder = tmp_path / "both"
    words = [sys.executable, "-c", program(folder, tints, trials=6)]
    first = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    second = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert [each.communicate(timeout=120)[1] for each in (first, second)] == ["", ""]
    assert [first.returncode, second.returncode] == [0, 0]
    found = read_result(folder)
    assert [each.number for each in found.trials] == list(range(6))
    assert len({json.dumps(each.values) for each in found.trials}) == 6
    lines = {path.parent.name: path.read_text().splitlines() for path in folder.glob("trials/*/metrics.jsonl")}
    epochs = {name: [json.loads(line)["epoch"] for line in each] for name, each in lines.items()}
    assert epochs == {each.name: list(range(1, each.epochs + 1)) for each in found.trials}


def test_a_cost_that_explodes_ends_a_trial_and_is_written_so(tints, tmp_path):
    space = ("peak_lr=0.01..1000,log", "weight_decay=1e-5..1e5,log")
    call = {"folder": tmp_path / "wild", "space": space, "trials": 7, "method": "grid", **FIELDS, **OPTIONS}
    found = striate.search(tints, NETWORK, validate_every_epochs=2, **call)  # a rung is after one epoch
    assert found.rungs == (1, 3) and found.recipe.validate_every_epochs == 2
    ended = [each for each in found.trials if each.state == "ended"]
    assert ended and len(found.trials) == 4
    assert all(each.why.startswith("cost ") and "above three times the first (" in each.why for each in ended)
    assert {tuple(each.values.values()) for each in found.trials} == {(r, d) for r in (0.01, 1000) for d in (1e-5, 1e5)}
    assert [pair.seed for pair in found.comparison.pairs] == [1, 2, 3]
    assert found.sentence == found.comparison.sentence and " test pictures " in found.sentence
    assert any(said.startswith("peak_lr 0.01 is at the lower edge of its range: widen it") for said in found.edges)


def test_tpe_and_a_database(tints, tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    call = {"folder": tmp_path / "tpe", "space": SPACE, "trials": 3, "method": "tpe", "storage": url}
    found = striate.search(tints, NETWORK, **call, halving=False, **FIELDS | {"epochs": 1}, **OPTIONS)
    assert [each.stage for each in found.trials] == ["defaults", "tpe", "tpe"]
    assert not (tmp_path / "tpe" / "study.jsonl").exists()
    assert len(optuna.load_study(study_name="tpe", storage=url).trials) == 3


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"space": ("peak_lr=1e-4..1,log",)},
            "with another space: it was begun with peak_lr=0.0001..0.1,log, flip=true|false, not peak_lr=0.0001..1,log",
        ),
        ({"method": "tpe"}, "with another method: it was begun with random, not tpe"),
        ({"seed": 5}, "with another seed: it was begun with 0, not 5"),
        ({"batch_size": 4}, "with another recipe's batch_size: it was begun with 8, not 4"),
        ({"epochs": 4}, "with another epochs: it was begun with 3, not 4"),
    ],
)
def test_a_study_of_another_search_is_refused_with_what_differs(whole, tints, changed, line):
    call = {"folder": whole.folder, "space": SPACE, **FIELDS, **OPTIONS, "trials": 60, **changed}
    with pytest.raises(StriateError) as refused:
        striate.search(tints, NETWORK, **call)
    assert str(refused.value) == (
        f"{whole.folder} holds a search {line}; go on with it as it was begun, or choose another folder=..."
    )


def test_other_pictures_and_another_version_are_refused(whole, tmp_path, monkeypatch):
    other = tinted_folders(tmp_path / "other")
    (other / "warm" / "00.png").unlink()
    call = {"folder": whole.folder, "space": SPACE, **FIELDS, **OPTIONS, "trials": 60}
    with pytest.raises(StriateError, match=r"whole holds a search of other pictures; go on with it"):
        striate.search(other, NETWORK, **call)
    monkeypatch.setattr("striate.training.search.run.__version__", "9.9.9")
    with pytest.raises(StriateError, match=r"whole holds a search of striate [\d.]+, and this is 9.9.9; go on"):
        striate.search(other, NETWORK, **call)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ({}, "a search needs an end; give budget=..., such as 30m, or trials=..."),
        ({"trials": 0}, "trials=... must be 1 or more, got 0"),
        ({"budget": "soon"}, "budget=... must be a time with its unit, such as 30s, 20m, 2h or 1h30m, got 'soon'"),
        ({"budget": -1.0}, "budget=... must be above 0 seconds and at most a year, got -1"),
        ({"trials": 2, "method": "guess"}, "method=... must be random, grid or tpe, got 'guess'"),
        ({"trials": 2, "peek_lr": 1}, "unknown recipe field 'peek_lr'; did you mean 'peak_lr'?"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(tints, tmp_path, call, line):
    with pytest.raises(StriateError) as refused:
        striate.search(tints, NETWORK, folder=tmp_path / "none", **call, **OPTIONS)
    assert str(refused.value).startswith(line)
    assert not (tmp_path / "none").exists()


def test_an_impossible_budget_says_the_smallest_possible_one(tints, tmp_path):
    with pytest.raises(StriateError) as refused:
        striate.search(tints, NETWORK, folder=tmp_path / "short", budget="1s", epochs=100_000, **OPTIONS)
    said = refused.value.in_flags
    assert said.startswith("--budget 1s is too short: an epoch of this network takes ")
    smallest = said.partition("give --budget ")[2].partition(",")[0]
    assert smallest.endswith(("s", "m", "h")) and f"about {smallest};" in said


def test_a_folder_of_something_else_and_a_single_class_are_refused(tints, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(StriateError, match=r"mine is not empty and holds no search; choose another folder="):
        striate.search(tints, NETWORK, folder=tmp_path / "mine", trials=2, **OPTIONS)
    one = tmp_path / "one"
    one.mkdir()
    (one / "warm").symlink_to(tints / "warm")
    with pytest.raises(StriateError, match=r"class"):
        striate.search(one, NETWORK, folder=tmp_path / "single", trials=2, **OPTIONS)
    assert not (tmp_path / "single" / "trials").exists()


def test_a_line_that_a_power_cut_tore_off_is_dropped_and_a_database_that_cannot_be_opened_is_named(whole, tmp_path):
    torn = tmp_path / "whole"
    torn.mkdir()
    journal = (Path(whole.folder) / "study.jsonl").read_bytes()
    (torn / "study.jsonl").write_bytes(journal + b'{"op_code": 5, "wor')
    with quiet_optuna():
        study = open_study(torn, None, (), "here", higher_is_better=True)
        assert len(study.tried()) == 6
        assert (torn / "study.jsonl").read_bytes().startswith(journal)
        with pytest.raises(StriateError, match=r"^storage='?.*nosuch.* cannot be opened as a study \("):
            open_study(torn, "nosuch://study", (), "here", higher_is_better=True)
