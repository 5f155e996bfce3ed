"""Runs side by side: the same pictures, who is better, seeds, the page, mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import striate
from factories import trial_of
from striate.cli import main
from striate.core.errors import StriateError
from striate.deploy.comparing import compare_runs
from striate.ops.paired import mcnemar
from striate.report.comparison.runs import curves_of, page_of
from striate.training.folder.layout import read_validations


def digits(run: Path, **fields: object) -> Path:
    """A short run of LeNet-5."""
    striate.train("digits", recipe="digits_lenet5", run=run, quiet=True, threads=1, autotune=False, **fields)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A run, another seed of it, and one that has learned little."""
    folder = tmp_path_factory.mktemp("compared")
    one, seed = (digits(folder / f"seed{seed}", epochs=2, seed=seed) for seed in (0, 1))
    return one, seed, digits(folder / "weak", epochs=1, peak_lr=1e-5)


@pytest.fixture(scope="module")
def found(runs):
    return compare_runs(runs)


def test_each_two_are_told_apart_where_their_pictures_tell_it(found, runs):
    assert found.dataset.source == "digits" and found.split == "test" and len(found.pictures) == 359
    verdicts = {(pair.one, pair.other): pair.verdict for pair in found.pairs}
    assert verdicts[0, 2] == verdicts[1, 2] == "better" and verdicts[0, 1] == "undecided"
    right = [run.evaluate("digits", "test").right for run in map(striate.load, runs)]
    one_only, other_only = int((right[0] & ~right[2]).sum()), int((right[2] & ~right[0]).sum())
    pair = found.pairs[1]
    assert pair.gain.chance == mcnemar(one_only, other_only)
    assert pair.gain.difference == pytest.approx((one_only - other_only) / 359)
    assert len(pair.differ) == one_only + other_only
    assert f"answers {one_only:,} pictures better" in found.told_differ(pair)


def test_seeds_are_grouped(found):
    (group,) = found.alike
    values = [found.runs[place].value for place in group.runs]
    assert group.runs == (0, 1)
    assert group.mean == pytest.approx(sum(values) / 2)
    assert group.deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5)


def test_a_run_is_as_good_as_itself(runs):
    found = compare_runs([runs[0], runs[0]])
    (pair,) = found.pairs
    assert found.alike == ()  # one seed, given twice
    assert (pair.gain.difference, pair.gain.chance, pair.verdict, pair.differ) == (0, 1, "undecided", [])


def test_the_page_holds_figures_pairs_curves_and_pictures(found, read_page):
    page = read_page(page_of(found, {run.name: read_validations(run.run.path) for run in found.runs}))
    assert [heading.text for heading in page.all("h2")] == ["Figures", "Over the epochs", "Where they disagree"]
    assert len(page.one("section", id="figures").all("tr")) == 4
    assert len(page.one("svg", **{"class": "curves"}).all("path")) == 3
    shown = page.one("section", id="differ").all("img")
    assert (
        len(shown) == sum(min(12, len(pair.differ)) for pair in found.pairs)
        and shown[0].attributes["src"][:5] == "data:"
    )


def test_no_curves_of_runs_without_epochs(found):
    assert curves_of({"a": []}, found.figure) is None


def test_a_figure_that_is_no_share_of_pictures_is_drawn_anew(tmp_path):
    trial = trial_of("segmentation")
    data = trial.data(tmp_path / "data")
    for name, seed in (("a", 0), ("b", 1)):
        striate.train(data, run=tmp_path / name, seed=seed, epochs=1, quiet=True, threads=1, **trial.settings)
    found = compare_runs([tmp_path / "a", tmp_path / "b"])
    low, high = found.pairs[0].gain.interval
    assert low <= found.pairs[0].gain.difference <= high
    assert found.to_dict()["figure"] == "mean_iou"


def test_pictures_that_one_was_trained_on_are_left_out(runs, tmp_path):
    other = digits(tmp_path / "other", epochs=1, split_seed=5)
    found = compare_runs([runs[0], other])
    assert found.left_out > 0 and len(found.pictures) + found.left_out == 359
    with pytest.raises(StriateError, match="trained on by one of the runs"):
        compare_runs([runs[0], other], split="train")
    with pytest.raises(StriateError, match="1 run cannot be compared; give two or more"):
        compare_runs(runs[:1])


def command(monkeypatch, capsys, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["striate", "compare", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0, *capsys.readouterr()


def test_the_command_tells_and_writes(runs, tmp_path, monkeypatch, capsys):
    status, out, _ = command(monkeypatch, capsys, *runs, "--out", tmp_path)
    assert status == 0 and "on 359 pictures of digits, test" in out
    assert f"{runs[0]} is better than {runs[2]}: accuracy +" in out and "corrected for 3 comparisons" in out
    assert f"{runs[0]}, {runs[1]} differ in their seed alone" in out
    assert (tmp_path / "runs.html").is_file()


def test_the_command_takes_data_and_gives_json(runs, tmp_path, monkeypatch, capsys):
    status, out, _ = command(monkeypatch, capsys, *runs[1:], "digits", "--split", "val", "--out", tmp_path, "--json")
    told = json.loads(out)
    assert (status, told["split"], [pair["verdict"] for pair in told["pairs"]]) == (0, "val", ["better"])
    assert told["file"] == str(tmp_path / "runs.html")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--size", "64"), "--size is for the cost of networks; runs are compared at the size of their own"),
        (("digits", "--split", "dev"), "digits has no split 'dev'; it has train, val, test and all"),
        (("nowhere",), "nowhere"),
    ],
)
def test_mistakes_are_one_line(runs, tmp_path, monkeypatch, capsys, words, message):
    status, _, err = command(monkeypatch, capsys, *runs[:2], *words, "--out", tmp_path)
    assert status and message in err and "Traceback" not in err


def test_the_list_of_runs_puts_seeds_together(runs, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["striate", "runs", str(runs[0].parent)])
    with pytest.raises(SystemExit):
        main()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "seed alone" in line]
    assert str(runs[0]) in line and str(runs[1]) in line and str(runs[2]) not in line and line.endswith("n 2")


def test_a_split_is_for_runs(tmp_path, monkeypatch, capsys):
    status, _, err = command(monkeypatch, capsys, "lenet5", "mlp", "--split", "val", "--out", tmp_path)
    assert status and "--split is for runs" in err
