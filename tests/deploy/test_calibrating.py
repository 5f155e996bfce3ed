"""Calibration of a trained run: what is fitted, what it changes, and that everything that answers follows it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import striate
from striate.answers.calibration import CALIBRATION, Calibration
from striate.answers.classes import NONE_OF_THESE
from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.data.sources import open_data
from striate.deploy.answer_file import AnswerFile, go_on
from striate.deploy.calibrated import Calibrated
from striate.deploy.calibrating import calibrate
from striate.deploy.export_record import ExportRecord
from striate.deploy.exported import Exported
from striate.deploy.given import given_pictures
from striate.deploy.inputs import open_for
from striate.deploy.predictions import Listed, as_rows


@pytest.fixture(scope="module")
def original(digits_run):
    """The run as it was trained."""
    return striate.load(digits_run)


@pytest.fixture(scope="module")
def calibrated(digits_run, tmp_path_factory):
    """A copy of the run that keeps 90 % of known pictures, and what its calibration came to."""
    folder = tmp_path_factory.mktemp("calibrated") / "run"
    shutil.copytree(digits_run, folder)
    return folder, calibrate(folder, keep=0.9)


def logits_of(run, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """By the loader of a person's own loop, and the plain network."""
    data = striate.open_data("digits", model="lenet5")
    with torch.no_grad():
        parts = [(run.network(images).double(), labels) for images, labels in data.loader(split, batch_size=64)]
    logits, labels = zip(*parts, strict=True)
    return torch.cat(logits), torch.cat(labels)


def test_the_temperature_has_the_least_loss_on_the_validation_pictures(original, calibrated):
    logits, labels = logits_of(original, "val")
    losses = {t: float(F.cross_entropy(logits / t, labels)) for t in np.geomspace(0.1, 10, 2001)}
    assert calibrated[1].calibration.temperature == pytest.approx(min(losses, key=losses.get), rel=3e-3)
    assert calibrated[1].fitted == len(labels) == 179


def test_before_and_after_are_those_of_the_test_pictures(original, calibrated):
    folder, found = calibrated
    logits, labels = logits_of(original, "test")
    assert found.before.loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    scaled = logits / found.calibration.temperature
    assert found.after.loss == pytest.approx(float(F.cross_entropy(scaled, labels)), rel=1e-5)
    assert found.before.interval[0] <= found.before.error <= found.before.interval[1]
    after = striate.load(folder).evaluate("digits").to_dict()
    assert after["calibration_error"] == pytest.approx(found.after.error, abs=1e-6)
    kept = scaled.softmax(1).amax(1) >= found.calibration.none_below
    assert found.kept.kept == int(kept.sum()) == after["kept"]
    assert found.kept.right == int((kept & (scaled.argmax(1) == labels)).sum())


def test_no_picture_changes_its_likeliest_class(original, calibrated):
    folder, _ = calibrated
    before, after = (run.evaluate("digits", "all") for run in (original, striate.load(folder)))
    assert torch.equal(before.predicted, after.predicted)
    assert not torch.equal(before.probabilities, after.probabilities)


def test_logits_that_differ_in_their_last_bit_keep_their_order():
    first = np.float32(1.0)
    logits = np.array([[first, np.nextafter(first, np.float32(2))]], np.float32)
    assert Calibration(temperature=7.3).logits(logits).argmax() == 1
    assert Calibration(temperature=7.3).logits(torch.from_numpy(logits)).argmax() == 1


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A picture of nothing, and one digit."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(3).integers(0, 60, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "nothing.png")
    data = open_data("digits")
    sure = int(data.splits["test"][0])
    Image.fromarray(data.pictures.decode(sure, 1)[:, :, 0]).save(folder / "something.png")
    return folder


@pytest.fixture(scope="module")
def strict(calibrated, tmp_path_factory):
    """The calibrated run, with a threshold between the two pictures whatever it has learned."""
    folder = tmp_path_factory.mktemp("strict") / "run"
    shutil.copytree(calibrated[0], folder)
    return folder


def between(folder, pictures) -> None:
    """Put the threshold of a run between its answers to two pictures."""
    shares = sorted(each.top[0][1] for each in striate.load(folder).predict(pictures))
    record = json.loads((folder / CALIBRATION).read_text())
    write_json(folder / CALIBRATION, record | {"none_below": sum(shares) / 2})


def test_a_picture_of_which_it_is_too_little_sure_is_none_of_these(strict, blank):
    between(strict, blank)
    answers = striate.load(strict).predict(blank, top=2)
    refused = [each for each in answers if each.label == NONE_OF_THESE]
    assert len(refused) == 1
    (one,) = refused
    assert one.problem is None and one.probability == one.top[0][1]
    assert one.to_dict()["label"] == "none of these" and one.to_dict()["top"][0]["label"] == one.top[0][0]
    heading, *rows = as_rows(answers, Listed("classification", 2))
    row = next(row for row in rows if row[0] == one.path)
    assert dict(zip(heading, row, strict=True)) == {
        "path": one.path, "label": "none of these", "probability": one.probability,
        "label_2": one.top[0][0], "probability_2": one.probability, "problem": "",
    }  # fmt: skip


def test_answers_go_on_by_the_calibration_that_they_were_begun_with(original, strict, blank, tmp_path):
    between(strict, blank)
    given, listed = given_pictures(blank), Listed("classification", 1)
    networks = {"plain": original, "strict": striate.load(strict)}
    for name, run in networks.items():
        AnswerFile(tmp_path / f"{name}.csv").write(run.answers(given, 1), listed)
    for name, run in networks.items():
        begun, left = go_on(tmp_path / f"{name}.csv", given, run, listed)
        assert (begun.answered, left) == (2, [])
    with pytest.raises(StriateError, match=r"'none of these' there with a share of .*%, and"):
        go_on(tmp_path / "strict.csv", given, original, listed)
    original_shares = [each.probability for each in original.predict(blank)]
    networks["strict"].follow(Calibration(none_below=max(original_shares)))
    with pytest.raises(StriateError, match=r"plain.csv was begun with another calibration of .*run: "):
        go_on(tmp_path / "plain.csv", given, networks["strict"], listed)
    damaged = (tmp_path / "plain.csv").read_text().replace(str(original_shares[0]), "much")
    (tmp_path / "plain.csv").write_text(damaged)
    with pytest.raises(StriateError, match=r"plain.csv is damaged: the probability of .*png is 'much'"):
        go_on(tmp_path / "plain.csv", given, original, listed)


@pytest.mark.slow  # imports torch's exporter
def test_an_exported_file_gives_the_same_shares_and_refuses_the_same(strict, blank, tmp_path):
    between(strict, blank)
    run = striate.load(strict)
    run.export(tmp_path / "digits.onnx")
    answers, exported = run.predict(blank), striate.load(tmp_path / "digits.onnx").predict(blank)
    assert [each.label for each in exported] == [each.label for each in answers]
    assert NONE_OF_THESE in [each.label for each in exported]
    for one, other in zip(answers, exported, strict=True):
        assert [name for name, _ in one.top] == [name for name, _ in other.top]
        assert [share for _, share in one.top] == pytest.approx([share for _, share in other.top], abs=1e-4)


def test_a_file_is_read_by_the_calibration_in_its_record(strict, blank, monkeypatch):
    """The engine gives the network's logits; `test_an_exported_file...` tries a real one."""
    between(strict, blank)
    run = striate.load(strict)
    record = ExportRecord(
        "0", "lenet5", run.classes, run.bundle.preprocess, run.sha256, calibration=run.calibration
    ).text()

    class Engine:
        words = "by hand"

        def __init__(self):
            self.record = record

        def __call__(self, images):
            with torch.no_grad():
                return run.network(torch.from_numpy(images)).numpy()

    monkeypatch.setattr("striate.deploy.exported.open_engine", lambda path, engine: Engine())
    answers, exported = run.predict(blank), Exported("digits.onnx").predict(blank)
    assert [each.label for each in exported] == [each.label for each in answers]
    assert NONE_OF_THESE in [each.label for each in exported]
    for one, other in zip(answers, exported, strict=True):
        assert [share for _, share in one.top] == pytest.approx([share for _, share in other.top], abs=1e-5)


def test_other_weights_are_not_read_by_it(calibrated, tmp_path, caplog):
    folder = tmp_path / "run"
    shutil.copytree(calibrated[0], folder)
    record = json.loads((folder / CALIBRATION).read_text())
    write_json(folder / CALIBRATION, record | {"sha256": "0" * 64})
    assert striate.load(folder).calibration is None
    assert f"{folder / CALIBRATION} is of other weights and is not used" in caplog.text


def test_a_damaged_file_is_named(calibrated, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(calibrated[0], folder)
    write_json(folder / CALIBRATION, {"temperature": -1.0})
    with pytest.raises(StriateError, match=r"calibration.json is damaged: temperature must be"):
        striate.load(folder)


def folder_of_digits(place, count: int):
    """The first scans as files, a folder for each class; without a part for tests."""
    splits = open_data("digits").splits
    return written(place, {"train": splits["train"][:60], "val": splits["test"][:count]})


def written(place, parts):
    """Scans as files, by their numbers, a folder for each part and class."""
    data = open_data("digits")
    for split, numbers in parts.items():
        for number in numbers.tolist():
            folder = place / split / data.classes[data.labels[number]]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(data.pictures.decode(number, 1)[:, :, 0]).save(folder / f"{number}.png")
    return place


def test_without_test_pictures_each_half_is_measured_by_what_was_fitted_to_the_other(digits_run, tmp_path):
    run = shutil.copytree(digits_run, tmp_path / "run")
    found = calibrate(run, folder_of_digits(tmp_path / "photos", 60), keep=0.9)
    assert found.crossed and found.measured == found.fitted == 60
    assert "by halves of the validation pictures" in found.sentences()[1]
    logits, labels = logits_of_files(run, tmp_path / "photos", found)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    losses = torch.empty(60, dtype=torch.float64)
    for one, other in ((order[:30], order[30:]), (order[30:], order[:30])):
        grid = np.geomspace(0.05, 20, 4001)
        best = min(grid, key=lambda t: float(F.cross_entropy(logits[one] / t, labels[one])))
        losses[other] = F.cross_entropy(logits[other] / best, labels[other], reduction="none")
    assert found.after.loss == pytest.approx(float(losses.mean()), rel=1e-3)


def test_held_out_pictures_need_no_part_to_train_on(digits_run, tmp_path):
    test, run = open_data("digits").splits["test"], shutil.copytree(digits_run, tmp_path / "run")
    found = calibrate(run, written(tmp_path / "heldout", {"val": test[:20], "test": test[20:50]}))
    assert (found.fitted, found.measured, found.crossed) == (20, 30, False)


def test_one_validation_picture_has_no_halves(original, tmp_path):
    with pytest.raises(StriateError, match=r"photos has one validation picture and none to test on, so there"):
        calibrate(original.path, folder_of_digits(tmp_path / "photos", 1))
    assert not (original.path / CALIBRATION).exists()


def test_unknown_pictures_are_looked_for_first_and_what_was_found_is_kept(digits_run, blank, tmp_path):
    run = striate.load(shutil.copytree(digits_run, tmp_path / "run"))
    with pytest.raises(StriateError, match=r"unknown=... names .*blnk, which is not there; give"):
        calibrate(run, "no data", keep=0.9, unknown=[tmp_path / "blnk"])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(StriateError, match=r"none of the pictures of unknown=... can be read: .*broken.png"):
        calibrate(run, keep=0.9, unknown=[tmp_path / "broken.png"])
    assert run.calibration is None and not (run.path / CALIBRATION).exists()
    found = calibrate(run, keep=0.9, unknown=[blank])
    classed = sum(each.label != NONE_OF_THESE for each in run.predict(blank))
    assert json.loads((run.path / CALIBRATION).read_text())["unknown"] == {"pictures": 2, "classed": classed}
    assert found.unknown == (2, classed)


def logits_of_files(run, photos, found: Calibrated):
    """In the order of the data set, by log shares, which differ from logits by a number for each picture."""
    opened = striate.load(run)
    opened.follow(replace(found.calibration, temperature=1.0, none_below=0.0))
    data = open_for(opened, str(photos))
    names = [data.pictures.name(number) for number in data.splits["val"].tolist()]
    told = [dict(each.top) for each in opened.predict([photos / name for name in names], top=10)]
    logits = torch.tensor([[shares[name] for name in opened.classes] for shares in told], dtype=torch.float64).log()
    return logits, torch.tensor([opened.classes.index(name.split("/")[-2]) for name in names])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": 0.999}, "keep=99.9.* needs at least 999 validation pictures, there are 179"),
        ({"keep": 1.5}, "takes a share of the known pictures between 0 % and 100 %, got 150 %"),
        ({"unknown": ["photos"]}, "counts pictures that are refused, and without keep=... none is; give both"),
    ],
)
def test_what_cannot_be_asked_is_said(original, given, told):
    with pytest.raises(StriateError, match=told):
        calibrate(original.path, **given)
    assert not (original.path / CALIBRATION).exists()


def test_what_is_no_run_is_refused():
    with pytest.raises(StriateError, match="embedded is no run folder; what is fitted is kept in one"):
        calibrate("embedded")


def test_the_command_says_it_and_counts_unknown_pictures(digits_run, blank, tmp_path, capsys, monkeypatch):
    from striate.cli import main

    run = shutil.copytree(digits_run, tmp_path / "run")
    monkeypatch.setattr("sys.argv", ["striate", "calibrate", str(run), "--keep", "90%", "--unknown", str(blank)])
    with pytest.raises(SystemExit):
        main()
    temperature, error, known, unknown, wrote = capsys.readouterr().out.splitlines()
    assert temperature.startswith("temperature ") and temperature.endswith(" 179 validation pictures of digits")
    assert error.startswith("calibration error on 359 test pictures: ")
    assert known.startswith("'none of these' below a share of ") and " of these pictures keep a class; " in known
    assert unknown.startswith("of 2 unknown pictures ")
    assert wrote == f"wrote {run / 'calibration.json'}"
    monkeypatch.setattr("sys.argv", ["striate", "predict", str(run), str(blank), "--csv", "--top", "1"])
    with pytest.raises(SystemExit):
        main()
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    expected = [each.label for each in striate.load(run).predict(blank)]
    assert [row["label"] for row in rows] == expected
