"""Runs on data that the program holds: a Dataset of one's own is trained on, killed, gone on with, and told apart."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import Dataset
from typer.testing import CliRunner

import striate
from mortal import killed_in, weights
from striate.cli.app import app
from striate.core.errors import StriateError
from striate.data.manifest import rows_of
from striate.training import loop

QUICK = {"model": "lenet5", "epochs": 2, "batch_size": 8, "threads": 1, "precision": "fp32", "autotune": False}


class Tints(Dataset):
    """Forty pictures of two classes that differ in their brightness, made when they are asked for."""

    classes = ("dark", "light")

    def __init__(self, brightness: int = 90) -> None:
        self.brightness = brightness

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = index % 2
        mean = self.brightness + 60 * label
        pixels = np.random.default_rng(index).normal(mean, 20, (20, 18 + index % 5)).clip(0, 255)
        return Image.fromarray(pixels.astype(np.uint8)), label


# Trains on the Dataset of this file.
ON_TINTS = """
sys.path[:0] = sys.argv[3:]
import striate, test_own_data
striate.train(test_own_data.Tints(), run=sys.argv[2], **test_own_data.QUICK)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> striate.Run:
    """A run that nobody disturbed."""
    return striate.train(Tints(), run=tmp_path_factory.mktemp("own") / "whole", **QUICK)


def test_a_run_writes_down_what_it_was_trained_on(whole):
    record = json.loads((whole.path / "recipe.json").read_text())
    assert record["data"]["source"] == record["source"] == "dataset"
    assert record["command"].startswith("striate.train(dataset, recipe='default', model='lenet5', epochs=2, ")
    rows = list(rows_of(whole.path / "data.tsv"))
    assert [row.name for row in rows] == [f"dataset[{index}]" for index in range(40)]
    assert [row.label for row in rows] == ["dark", "light"] * 20
    assert whole.classes == Tints.classes


def test_the_same_pictures_as_a_list_train_the_same_network(whole, tmp_path):
    pairs = [(picture, Tints.classes[label]) for picture, label in (Tints()[index] for index in range(40))]
    assert striate.load(whole).evaluate(pairs).total == 40
    report = striate.check(pairs)
    assert report.problems == []
    assert report.classes == Tints.classes


def test_evaluation_of_a_dataset_says_what_the_run_has_seen(whole):
    found = whole.evaluate(Tints())
    counts = {split: sum(row.split == split for row in rows_of(whole.path / "data.tsv")) for split in ("train", "val")}
    assert (found.trained_on, found.chose_weights) == (counts["train"], counts["val"])
    assert whole.evaluate(Tints(40)).trained_on == 0


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_on_a_dataset_is_killed_and_resumed_to_equal_bytes(whole, tmp_path):
    run, here = tmp_path / "killed", Path(__file__).parent
    killed_in(ON_TINTS, 5, run, here, here.parent)
    with pytest.raises(
        StriateError, match=r"data in memory \(dataset\), which it does not hold; give it again: .*=dataset"
    ):
        striate.resume(run)
    others = "^the pictures in (dataset|list) are not those that .* was begun with"
    with pytest.raises(StriateError, match=others):
        striate.resume(run, data=Tints(91))
    with pytest.raises(StriateError, match=others):
        striate.resume(run, data=[Tints()[index] for index in range(39)])
    resumed = striate.resume(run, data=Tints())
    assert weights(resumed.path) == weights(whole.path)


def test_without_a_cache_the_pictures_are_read_from_the_dataset(whole, tmp_path):
    again = striate.train(Tints(), run=tmp_path / "again", cache_gb=0, **QUICK)
    assert weights(again.path) == weights(whole.path)


@pytest.fixture
def places(tmp_path) -> tuple[Path, Path]:
    """The same pictures in two folders, to train on and, ten others, to validate on."""
    for place, numbers in (("main", range(40)), ("others", range(40, 50))):
        for index in numbers:
            picture, label = Tints()[index]
            (tmp_path / place / Tints.classes[label]).mkdir(parents=True, exist_ok=True)
            picture.save(tmp_path / place / Tints.classes[label] / f"{index:02}.png")
    return tmp_path / "main", tmp_path / "others"


def interrupted(data: Path, run: Path, monkeypatch: pytest.MonkeyPatch, **elsewhere: object) -> None:
    step = loop.fitting_step

    def with_ctrl_c(*given: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return step(*given)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "fitting_step", with_ctrl_c)
        with pytest.raises(striate.Interrupted):
            striate.train(data, run=run, **elsewhere, **QUICK)


def test_a_val_elsewhere_is_written_down_and_followed_when_it_moves(places, tmp_path, monkeypatch):
    main, others = places
    whole = striate.train(main, val=others, run=tmp_path / "whole", **QUICK)
    record = json.loads((whole.path / "recipe.json").read_text())
    assert record["data"]["elsewhere"] == {"val": {"source": str(others), "pictures": 10}}
    assert record["command"].startswith(f"striate train {main} --val {others} --recipe default ")
    rows = list(rows_of(whole.path / "data.tsv"))
    assert [row.name for row in rows if row.split == "val"][:2] == ["dark/40.png", "dark/42.png"]
    assert whole.evaluate(str(others), split="all").chose_weights == 10

    run = tmp_path / "moved"
    interrupted(main, run, monkeypatch, val=others)
    new_main, new_others = main.rename(tmp_path / "new main"), others.rename(tmp_path / "new others")
    (new_others / "dark" / "40.png").rename(new_others / "dark" / "zz.png")  # found by its hash
    with pytest.raises(
        StriateError, match=r"others, where the pictures .* name the place: val=\.\.\., beside striate\.r"
    ):
        striate.resume(run, data=new_main)
    with pytest.raises(StriateError, match=r"was begun without test=\.\.\.; leave that out"):
        striate.resume(run, data=new_main, val=new_others, test=new_others)
    resumed = striate.resume(run, data=new_main, val=new_others)
    assert weights(resumed.path) == weights(whole.path)
    record = resumed.recipe
    assert record["data"]["elsewhere"] == {"val": {"source": str(new_others), "pictures": 10}}
    assert record["data"]["source"] == str(new_main)
    assert record["command"].startswith(f"striate train '{new_main}' --val '{new_others}' --recipe default ")
    assert "dark/zz.png" in [row.name for row in rows_of(run / "data.tsv")]


def test_a_val_in_memory_is_asked_for_and_compared(places, tmp_path, monkeypatch):
    main, _ = places
    val = [Tints()[index] for index in range(41, 51)]
    named = [(picture, Tints.classes[label]) for picture, label in val]
    whole = striate.train(main, val=named, run=tmp_path / "whole", **QUICK)
    command = whole.recipe["command"]
    assert command.startswith(f"striate.train('{main}', val=val_pairs, recipe='default', ")
    run = tmp_path / "stopped"
    interrupted(main, run, monkeypatch, val=named)
    with pytest.raises(
        StriateError, match=r"data in memory \(list\), .* give it again: striate\.resume\(.*, val=val_pairs\)"
    ):
        striate.resume(run)
    other_label = [(named[0][0], "light" if named[0][1] == "dark" else "dark"), *named[1:]]
    with pytest.raises(StriateError, match=r"was begun with other labels of 1 picture, such as list\[0\]"):
        striate.resume(run, val=other_label)
    with pytest.raises(StriateError, match=r"are not those that .* was begun with"):
        striate.resume(run, val=named[:9])
    moved = main.rename(tmp_path / "moved")
    resumed = striate.resume(run, data=moved, val=named)
    assert weights(resumed.path) == weights(whole.path)
    assert resumed.recipe["command"].startswith(f"striate.train('{moved}', val=val_pairs, ")


def test_a_folder_called_as_data_in_memory_is_a_folder(places, tmp_path, monkeypatch):
    main, others = places
    monkeypatch.chdir(tmp_path)
    main.rename(tmp_path / "dataset")
    others.rename(tmp_path / "list")
    run = striate.train("dataset", val="list", run="run", **{**QUICK, "epochs": 1})
    assert run.recipe["command"].startswith("striate train dataset --val list --recipe default ")
    assert run.recipe["data"]["source"] == str(tmp_path / "dataset")


def test_the_command_line_takes_both(places, tmp_path):
    main, others = places
    words = ["--val", str(others), "--test", str(others), "--threads", "1", "--no-autotune", "--set", "batch_size=8"]
    told = CliRunner().invoke(
        app,
        ["train", str(main), *words, "--model", "lenet5", "--epochs", "1", "--run", str(tmp_path / "run")],
    )
    assert told.exit_code == 0, told.output
    counts = json.loads((tmp_path / "run" / "recipe.json").read_text())["data"]["counts"]
    assert counts == {"train": [20, 20], "val": [5, 5], "test": [5, 5]}
