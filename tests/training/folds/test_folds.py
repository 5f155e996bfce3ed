"""Cross-validation by whole runs: one figure over all pictures, stopped and gone on with to equal weights, mistakes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal

import numpy as np
import pytest
from typer.testing import CliRunner

import striate
from factories import tinted_labels, tinted_masks
from striate.cli.app import app
from striate.core.errors import Interrupted, StriateError
from striate.training.folds import run as folds_run

QUICK = {"recipe": "digits_lenet5", "epochs": 2, "threads": 1, "autotune": False, "quiet": True}


def weights(folder):
    return [hashlib.sha256((folder / f"fold{n}" / "model.safetensors").read_bytes()).hexdigest() for n in (1, 2)]


def rows_of(folder, split):
    lines = [line.split("\t") for line in (folder / "data.tsv").read_text().splitlines()]
    return {name for part, _, _, name in lines if part == split}


def interrupted(*_, **__):
    raise KeyboardInterrupt


def invoked(*words):
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds") / "digits"
    os.environ["STRIATE_CACHE"] = str(folder.parent / "cache")
    return striate.train("digits", folds=2, run=folder, **QUICK)


def test_the_figure_counts_each_picture_once_as_its_own_network_answers_it(found):
    right = total = 0
    tested = []
    for number in (1, 2):
        folder = found.path / f"fold{number}"
        names = rows_of(folder, "test")
        run, dataset = striate.load(folder), striate.open_data("digits").dataset
        for index, answer in zip(
            numbers := [int(name[7:-1]) for name in sorted(names)],
            run.predict([dataset.pictures.decode(index, 1) for index in numbers]),
            strict=True,
        ):
            right += answer.label == dataset.classes[dataset.labels[index]]
        total += len(names)
        tested.append(names)
        assert json.loads((folder / "evaluation.json").read_text())["top1"] == found.by_fold[number - 1]
    assert not tested[0] & tested[1] and total == found.pictures == 1438
    assert found.value == right / total
    assert sum(map(sum, found.evaluation["confusion"])) == total
    low, high = found.interval
    assert 0.5 < low < found.value < high < 1
    assert found.deviation == pytest.approx(abs(found.by_fold[0] - found.by_fold[1]) / 2**0.5)


def test_the_folder_has_a_run_for_each_fold_and_one_report(found):
    told = json.loads((found.path / "folds.json").read_text())
    assert told == json.loads(json.dumps(found.to_dict()))
    assert [each["pictures"] for each in told["folds"]] == [719, 719] and told["figure"] == "top1"
    assert "of 1,438 held-out pictures are classified correctly" in (found.path / "report.html").read_text()
    assert "accuracy" in repr(found) and "fold2" in repr(found)


def test_later_folds_are_trained_as_the_first_was(found):
    first, second = (json.loads((found.path / f"fold{n}" / "recipe.json").read_text()) for n in (1, 2))
    assert first["recipe"] == second["recipe"]
    for each in (first, second):
        assert "--folds 2 --seed 0 --precision fp32" in each["command"]
        assert each["command"].endswith(f"--run {found.path}-again")
    assert first["machine"] == second["machine"]
    assert (first["fold"], second["fold"]) == ({"number": 1, "of": 2}, {"number": 2, "of": 2})


def test_stopped_within_a_fold_and_between_two_it_goes_on_to_equal_weights(found, tmp_path, monkeypatch):
    def stops(moment):
        if moment.step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    class Stopping:
        step = staticmethod(stops)

    folder = tmp_path / "stopped"
    with pytest.raises(Interrupted) as stop:
        striate.train("digits", folds=2, run=folder, callbacks=[Stopping()], **QUICK)
    said = (
        f"stopped; all that the folds have come to is kept. Go on with: striate train --run {folder} --resume --folds 2"
    )
    assert stop.value.in_flags == said
    assert str(stop.value).endswith(f"striate.resume('{folder}', folds=2)")
    assert "step 7 of" in (folder / "fold1" / "log.txt").read_text()
    assert not (folder / "fold2").exists()

    with monkeypatch.context() as patch, pytest.raises(Interrupted) as stop:
        patch.setattr(folds_run, "start", interrupted)
        striate.resume(folder, folds=2, quiet=True)
    assert stop.value.in_flags == said
    again = striate.resume(folder, folds=2, data="digits", recipe="digits_lenet5", epochs=2, quiet=True)
    assert weights(folder) == weights(found.path)
    assert again.evaluation == found.evaluation and again.by_fold == found.by_fold


def test_killed_in_a_later_fold_it_loses_nothing(found, tmp_path, death_in_place_of):
    steps = json.loads((found.path / "fold1" / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    with death_in_place_of("fitting_step", steps + steps // 2 + 3):
        striate.train("digits", folds=2, run=tmp_path / "killed", **QUICK)
    assert not (tmp_path / "killed" / "fold2" / "evaluation.json").exists()
    again = striate.resume(tmp_path / "killed", folds=2, quiet=True)
    assert weights(again.path) == weights(found.path) and again.evaluation == found.evaluation


def test_a_finished_one_trains_nothing_and_reports_again(found, tmp_path):
    folder = shutil.copytree(found.path, tmp_path / "copy")
    (folder / "folds.json").unlink()
    again = striate.resume(folder, folds=2, quiet=True)
    assert again.evaluation == found.evaluation and (folder / "folds.json").exists()
    assert weights(folder) == weights(found.path)


def test_the_folds_together_are_judged_on_the_test_that_none_has_seen(found):
    together = striate.evaluate_together([found.path / "fold1", found.path / "fold2"], "digits")
    assert together.together.total == 359 and together.together.trained_on in (None, 0)


def test_pictures_that_changed_between_folds_are_refused(photos, tmp_path, monkeypatch):
    quick = {"model": "lenet5", "epochs": 1, "size_px": 32, "batch_size": 8, **QUICK, "recipe": "default"}
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        start = folds_run.start

        def one(plan, *given):
            if plan.fold.number == 2:
                raise KeyboardInterrupt
            return start(plan, *given)

        patch.setattr(folds_run, "start", one)
        striate.train(photos, folds=2, run=tmp_path / "run", **quick)
    shutil.copy(photos / "level" / "00.png", photos / "level" / "new.png")
    with pytest.raises(StriateError, match=r"have changed since .*fold1 was begun, so that its folds would be others"):
        striate.resume(tmp_path / "run", folds=2, quiet=True)


def test_pictures_in_memory_are_given_again(tmp_path, monkeypatch):
    labels = np.arange(40) % 2
    noise = np.random.default_rng(0).integers(0, 99, (40, 16, 16))
    data = (noise + 100 * labels[:, None, None]).astype(np.uint8), labels
    quick = {**QUICK, "recipe": "default", "model": "lenet5", "epochs": 1, "batch_size": 8}
    whole = striate.train(data, folds=2, run=tmp_path / "whole", **quick)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(folds_run, "judged", interrupted)
        striate.train(data, folds=2, run=tmp_path / "run", **quick)
    with pytest.raises(StriateError, match="was trained on data in memory"):
        striate.resume(tmp_path / "run", folds=2, quiet=True)
    again = striate.resume(tmp_path / "run", folds=2, data=data, quiet=True)
    assert (again.evaluation, again.pictures) == (whole.evaluation, 34)


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        (tinted_labels, {"model": "lenet5"}),
        pytest.param(tinted_masks, {"recipe": "quick_fcn", "weights": None}, marks=pytest.mark.slow),
    ],
)
def test_other_tasks_have_folds_too(made, fields, tmp_path):
    quick = {"size_px": 32, "batch_size": 8, "epochs": 1, "autotune": False, "quiet": True, **fields}
    found = striate.train(made(tmp_path / "data"), folds=2, run=tmp_path / "run", **quick)
    assert found.pictures == 20 and found.value == found.evaluation[found.figure.stated]
    for value, number in zip(found.by_fold, (1, 2), strict=True):
        own = json.loads((found.path / f"fold{number}" / "evaluation.json").read_text())
        assert value == own[found.figure.stated]


def test_the_command_line_goes_on_and_shows_each_fold(tmp_path):
    run, quick = str(tmp_path / "run"), ["--epochs", "1", "--threads", "1", "--no-autotune", "--quiet", "--folds", "2"]
    words = ["train", "digits", "--recipe", "digits_lenet5", *quick, "--run", run]
    told = invoked(*words, "--json")
    assert json.loads(told) == json.loads((tmp_path / "run" / "folds.json").read_text())
    assert [each["pictures"] for each in json.loads(told)["folds"]] == [719, 719]
    (tmp_path / "run" / "report.html").unlink()
    shown = invoked(*(word for word in words if word != "--quiet"), "--resume")
    assert "use them together: striate predict" in shown and "each judged by a network that did not see it" in shown
    assert (tmp_path / "run" / "report.html").exists()
    assert "test: 359 pictures of digits" in invoked("evaluate", run, "digits")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"folds": 1}, "folds must be between 2 and 1,000, got 1"),
        (
            {"folds": 2, "val": "elsewhere"},
            "--folds and --val exclude each other: the folds judge all pictures that are not test, and each takes its "
            "validation pictures from the others",
        ),
        (
            {"folds": 2, "budget": "1m"},
            "--folds and --budget exclude each other: a budget is for one run; say how long each trains by --epochs",
        ),
        (
            {"folds": 200},
            "--folds 200 needs a picture of every class for each fold, and 8 has 139 pictures that are not test; "
            "ask for at most 139, or give it more",
        ),
    ],
)
def test_what_cannot_be_is_refused(asked, said, tmp_path):
    quick = QUICK if "budget" not in asked else {"quiet": True}
    with pytest.raises(StriateError) as error:
        striate.train("digits", run=tmp_path / "run", **asked, **quick)
    assert error.value.in_flags == said
    assert not (tmp_path / "run").exists()


def test_a_folder_of_folds_is_not_mistaken(found, tmp_path):
    def refused(call):
        with pytest.raises(StriateError) as error:
            call()
        return error.value.in_flags

    path = found.path
    assert refused(lambda: striate.resume(path)) == (
        f"{path} holds 2 folds; go on with: striate train --run {path} --resume --folds 2"
    )
    assert refused(lambda: striate.resume(path, folds=3)) == (
        f"{path} was begun with --folds 2, not 3; go on with it as it was begun"
    )
    assert refused(lambda: striate.resume(path, folds=2, epochs=9)).startswith(f"{path}/fold1 was begun with epochs 2")
    assert refused(lambda: striate.resume(tmp_path, folds=2)) == (
        f"{tmp_path} holds no folds to go on with; leave --resume out to start one"
    )
    assert refused(lambda: striate.train("digits", folds=2, run=path, **QUICK)) == (
        f"{path} holds folds already; go on with them by --resume, or choose another --run"
    )
    assert refused(lambda: striate.resume(path, folds=2, without_missing=True)).startswith(
        "--folds and --without-missing exclude each other"
    )
    (tmp_path / "mine.txt").touch()
    assert refused(lambda: striate.train("digits", folds=2, run=tmp_path, **QUICK)) == (
        f"{tmp_path} is not empty and holds no folds; choose another --run"
    )
    seen = path / "fold1"
    assert refused(lambda: striate.train("digits", folds=2, weights=str(seen), quiet=True)) == (
        f"--weights {seen} were trained on pictures of digits, which the folds are to judge; begin with others, such "
        "as --weights embedded"
    )
