"""A run as an object: evaluation on other data, on broken data, prediction from Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.decode import DecodeError
from striate.data.sources import open_data
from striate.data.targets.classes import ClassTargets
from striate.deploy.given import picture_files
from striate.deploy.inputs import split_to_evaluate


@pytest.fixture
def run(digits_run):
    return striate.load(digits_run)


@pytest.fixture
def odd_digits(tmp_path):
    """Only the odd digits, as files, 30 of each, made to be split."""
    digits = open_data("digits")
    for label in (1, 3, 5, 7, 9):
        (tmp_path / "odd" / str(label)).mkdir(parents=True)
        for index in np.flatnonzero(digits.labels == label)[:30].tolist():
            Image.fromarray(digits.pictures.decode(index, 1)[:, :, 0]).save(
                tmp_path / "odd" / str(label) / f"{index}.png"
            )
    return tmp_path / "odd"


def test_some_of_the_classes_are_matched_by_name(run, odd_digits):
    found = run.evaluate(open_data(odd_digits), "all")
    assert found.total == 150
    assert found.classes == tuple("0123456789")
    assert found.confusion.sum(1).tolist() == [0, 30, 0, 30, 0, 30, 0, 30, 0, 30]
    assert found.accuracy > 0.8
    assert found.per_class()[0]["recall"] is None


def test_evaluation_agrees_with_prediction(run, odd_digits):
    dataset = open_data(odd_digits)
    found = run.evaluate(dataset, "test")
    indices = dataset.splits["test"].tolist()
    predictions = run.predict([dataset.pictures.path(index) for index in indices])
    assert [run.classes[number] for number in found.predicted.tolist()] == [p.label for p in predictions]
    assert found.probabilities.tolist() == pytest.approx([p.probability for p in predictions], abs=1e-6)


def test_a_broken_picture_ends_an_evaluation_unless_a_list_waits_for_it(run, odd_digits):
    dataset = open_data(odd_digits)
    broken = dataset.pictures.path(int(dataset.splits["test"][3]))
    broken.write_bytes(b"")
    with pytest.raises(DecodeError, match="is empty") as raised:
        run.evaluate(dataset)
    assert raised.value.name == str(broken)
    unreadable: list[DecodeError] = []
    found = run.evaluate(dataset, unreadable=unreadable)
    assert [error.name for error in unreadable] == [str(broken)]
    assert found.total == len(dataset.splits["test"]) - 1


def test_progress_is_told_to_the_last_picture(run):
    told = []
    run.evaluate(open_data("digits"), "val", lambda done, total: told.append((done, total)))
    assert told[-1] == (179, 179)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_empty_split_is_refused(run):
    nothing = np.array([], np.int64)
    dataset = Dataset(
        "nothing", ArrayPictures(np.zeros((1, 8, 8), np.uint8), "x"), ClassTargets(np.zeros(1, np.int64), ("0",)),
        {"train": np.zeros(1, np.int64), "val": nothing}, "by hand",
    )  # fmt: skip
    with pytest.raises(striate.StriateError, match="nothing has no picture that can be read among the 0 to evaluate"):
        run.evaluate(dataset)


def test_the_split_to_evaluate():
    digits = open_data("digits")
    assert split_to_evaluate(digits, None) == "test"
    assert split_to_evaluate(digits, "all") == "all"
    with pytest.raises(striate.StriateError, match="digits has no split 'dev'; it has train, val, test and all"):
        split_to_evaluate(digits, "dev")


def test_prediction_takes_a_file_a_folder_or_a_list(run, odd_digits):
    one = odd_digits / "1"
    file = next(one.iterdir())
    assert [p.path for p in run.predict(file)] == [p.path for p in run.predict([str(file)])] == [str(file)]
    assert len(run.predict(str(odd_digits))) == 150
    assert run.predict([]) == []
    assert run.predict_pixels([], []) == []
    with pytest.raises(striate.StriateError, match="top must be at least 1, got 0"):
        run.predict(file, top=0)


def test_a_broken_file_keeps_its_place(run, odd_digits, tmp_path):
    files = picture_files([odd_digits])
    (tmp_path / "none.png").write_bytes(b"")
    mixed = [files[0], tmp_path / "none.png", *files[1:40]]
    predictions = run.predict(mixed)
    assert [p.path for p in predictions] == [str(file) for file in mixed]
    assert [p.problem is not None for p in predictions] == [file.name == "none.png" for file in mixed]
    alone = run.predict(files[:40])
    assert [p.label for p in predictions if p.label] == [p.label for p in alone]


def test_the_number_of_threads_is_as_before(run, odd_digits):
    threads = torch.get_num_threads()
    run.predict(odd_digits / "1")
    run.evaluate(open_data("digits"), "val")
    assert torch.get_num_threads() == threads


def test_what_a_run_knows_of_itself(run):
    assert run.classes == tuple("0123456789")
    assert run.split_seed == 0
    assert run.recipe["recipe_name"] == "digits_lenet5"
    assert run.metrics["test_pictures"] == 359
    with pytest.raises(striate.StriateError, match="unknown precision 'int8'; known are auto, bf16, fp16, fp32"):
        striate.load(run.path, "int8")
