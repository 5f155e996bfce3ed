"""Pictures with masks through all verbs: checked, trained on, evaluated, predicted, drawn, exported."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate as package
from factories import tinted_masks

NETWORK = ("--model", "recurrent_labelling", "--size", 32, "--epochs", 1, "--no-autotune")
SETTINGS = {"size_px": 32, "epochs": 8, "batch_size": 4, "test_enlargement": 1.0, "ema_decay": 0.0}


@pytest.fixture(scope="module")
def tinted(tmp_path_factory) -> tuple[Path, Path]:
    """A run that tells warm from cold pixels, and its data."""
    folder = tmp_path_factory.mktemp("tinted")
    data = tinted_masks(folder / "data")
    return package.train(data, run=folder / "run", autotune=False, threads=1, **SETTINGS).path, data


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture)


def test_check_counts_pixels(striate, tinted):
    lines = striate("check", tinted[1]).out.splitlines()
    assert lines[0].split() == ["class", "train", "val", "test"]
    shares = {line.split()[0]: [float(cell.rstrip("%")) for cell in line.split()[1:]] for line in lines[2:4]}
    assert [cold + warm for cold, warm in zip(*shares.values(), strict=True)] == pytest.approx([100] * 3, abs=0.02)
    assert lines[4].split()[:2] == ["all", "pixels"]
    assert json.loads(striate("check", tinted[1], "--json").out)["counted"] == "pixels"


def test_train_takes_the_network_for_masks_where_none_is_named(striate, tinted, tmp_path):
    run = tmp_path / "run"
    answer = striate(
        "train", tinted[1], "--epochs", 1, "--size", 32, "--run", run, "--no-autotune", "--set", "loss=dice"
    )
    assert answer.status == 0
    record = json.loads((run / "recipe.json").read_text())
    assert (record["task"], record["recipe"]["model"], record["recipe"]["loss"]) == (
        "segmentation",
        "quick_fcn",
        ["dice"],
    )
    assert "mean IoU" in (run / "report.html").read_text()


def test_it_learned_and_evaluate_says_how_well(striate, tinted):
    run, data = tinted
    told = json.loads(striate("evaluate", run, data, "--json").out)
    assert (told["split"], told["pictures"]) == ("test", 4)
    assert told["mean_iou"] > told["mean_iou_of_one_answer"] + 0.1
    shown = striate("evaluate", run, data).out
    assert shown.splitlines()[0].split() == [
        "class", "pixels", "share", "iou", "dice", "boundary_f1", "recall", "precision",
    ]  # fmt: skip
    assert f"test: mean IoU {told['mean_iou']:.2%}" in shown


@pytest.mark.parametrize("listed", [True, False])
def test_masks_that_have_gone_bad_are_named_and_the_others_evaluated(striate, tinted, tmp_path, listed):
    run, data = tinted[0], tinted_masks(tmp_path / "data")
    if not listed:  # whose classes are called by number, so that a number more is a class more
        (data / "classes.txt").unlink()
        run = tmp_path / "run"
        assert striate("train", data, "--run", run, *NETWORK).status == 0
    Image.fromarray(np.full((32, 32), 77, np.uint8)).save(data / "masks" / "03.png")
    (data / "masks" / "04.png").write_bytes((data / "masks" / "04.png").read_bytes()[:50])
    answer = striate("evaluate", run, data, "--split", "all", "--json")
    told = json.loads(answer.out)
    assert (answer.status, told["pictures"]) == (1, 22)
    assert [Path(each["name"]).name for each in told["unreadable"]] == ["03.png"]
    assert told["unreadable"][0]["reason"] == "has the number 77, which is no class"
    assert [(each["kind"], each["count"]) for each in told["left_out"] if each["pictures"]] == [("mask", 1)]
    assert "03.png has the number 77, which is no class" in answer.err


def test_masks_beside_the_pictures_are_told_and_not_asked_about(striate, tinted):
    said = striate("predict", tinted[0], tinted[1], "--csv").err
    assert "note: 24 masks are left out, beside the picture that each is of: masks/00.png, masks/01.png" in said


def test_predict_writes_tables_masks_and_drawings(striate, tinted, tmp_path):
    run, data = tinted
    drawn, masks, table = tmp_path / "drawn", tmp_path / "masks", tmp_path / "a.csv"
    answer = striate("predict", run, data, "--draw", drawn, "--masks", masks, "--output", table)
    assert answer.status == 0
    names = {f"{number:02}.png" for number in range(24)}  # the masks beside the pictures are no pictures
    assert {file.name for file in drawn.iterdir()} == {file.name for file in masks.iterdir()} == names
    rows = list(csv.reader(table.read_text("utf-8-sig").splitlines()))
    assert rows[0] == ["path", "cold", "warm", "problem"]
    for (path, cold, warm, _), name in zip(rows[1:], sorted(names), strict=True):
        mask, truth = read(masks / name), read(data / "masks" / name)
        assert (Path(path).name, mask.shape) == (name, (32, 32))
        assert [float(cold), float(warm)] == pytest.approx([(mask == 0).mean(), (mask == 1).mean()])
        assert (mask == truth)[truth != 255].mean() > 0.8
        assert read(drawn / name).shape[0] > 32  # the legend stands below


def test_of_larger_pictures_the_mask_is_as_large(striate, tinted, tmp_path):
    run, data = tinted
    Image.open(data / "images" / "00.png").resize((80, 60)).save(tmp_path / "large.png")
    striate("predict", run, tmp_path / "large.png", "--masks", tmp_path / "masks")
    assert read(tmp_path / "masks" / "large.png").shape == (60, 80)


def test_draw_and_masks_are_refused_where_answers_are_no_places(striate, digits_run, scans, tmp_path):
    for flag in ("--draw", "--masks"):
        answer = striate("predict", digits_run, scans, flag, tmp_path / "out")
        assert answer.status == 2
        assert f"{flag} " in answer.err and "classification" in answer.err
    assert not (tmp_path / "out").exists()


def test_an_exported_file_gives_the_masks_of_the_run(striate, tinted, tmp_path):
    run, data = tinted
    file = tmp_path / "tinted.onnx"
    assert "4 validation pictures" in striate("export", run, "--output", file).err
    ours, theirs = (package.load(each).predict(data) for each in (run, file))
    assert np.mean([np.mean(one.mask == other.mask) for one, other in zip(ours, theirs, strict=True)]) > 0.999


def test_a_named_class_is_ignored_everywhere(striate, tinted, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(tinted[1], data)
    for file in (data / "masks").iterdir():
        mask = read(file)
        mask[:4] = 2
        Image.fromarray(mask).save(file)
    (data / "classes.txt").write_text("cold\nwarm\nhaze\n")
    assert striate("check", data).out.splitlines()[4].startswith("haze")
    assert "haze" not in striate("check", data, "--ignore-class", "haze").out
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    trained = striate("train", data, "--run", run, *settings, "--set", "ignore_class=haze", "--no-autotune")
    assert trained.status == 0
    told = json.loads(striate("evaluate", run, data, "--json").out)
    assert [row["class"] for row in told["per_class"]] == ["cold", "warm"]
    assert told["pixels"] == 4 * 28 * 31
    answer = striate("train", "digits", "--set", "ignore_class=haze")
    assert answer.err.startswith("striate: ignore_class does nothing here")
