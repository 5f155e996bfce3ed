"""Splits that lie elsewhere: any data as val or test, its classes matched by name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.data.scan import pixel_digest
from striate.data.sources import open_data

RANDOM = np.random.default_rng(0)


def folder(root: Path, **classes: int) -> Path:
    """A folder of grey pictures, so many of each class, no two alike."""
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(RANDOM.integers(0, 256, (8, 8), np.uint8)).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def main(tmp_path_factory) -> Path:
    return folder(tmp_path_factory.mktemp("elsewhere") / "main", ant=20, bee=20)


def named(dataset, split: str) -> list[tuple[str, str]]:
    return [(dataset.pictures.name(index), dataset.targets.text(index)) for index in dataset.splits[split].tolist()]


def test_val_elsewhere_is_all_of_it_and_the_rest_trains(main, tmp_path):
    other = folder(tmp_path / "other", bee=3)
    dataset = open_data(main, val=other)
    assert dataset.counts() == {"train": [20, 20], "val": [0, 3]}
    assert named(dataset, "val") == [(str(other / "bee" / f"{n}.png"), "bee") for n in range(3)]
    assert dataset.split_rule == f"train, val as given; no test split; val is all of {other}"
    assert dataset.pictures.listed_name(40) == "bee/0.png"
    digests = [pixel_digest(dataset.pictures.decode(40 + n, 1)) for n in range(3)]
    own = open_data(main, test=other).pictures
    assert [pixel_digest(own.decode(40 + n, 1)) for n in range(3)] == digests


def test_test_elsewhere_leaves_a_val_to_be_drawn(main, tmp_path):
    other = folder(tmp_path / "other", ant=2)
    dataset = open_data(main, test=other)
    assert dataset.counts() == {"train": [17, 17], "val": [3, 3], "test": [2, 0]}
    assert dataset.drawn == ("train", "val")


def test_both_elsewhere_in_forms_of_any_kind(main):
    pixels = RANDOM.integers(0, 256, (4, 9, 7), np.uint8)
    pairs = [(pixels[0], "bee"), (pixels[1], "ant")]
    dataset = open_data(main, val=(pixels, ["ant", "ant", "bee", "bee"]), test=pairs)
    assert dataset.counts() == {"train": [20, 20], "val": [2, 2], "test": [1, 1]}
    assert named(dataset, "val")[0] == ("val arrays[0]", "ant")
    assert named(dataset, "test") == [("test list[0]", "bee"), ("test list[1]", "ant")]
    assert dataset.pictures.size(40) == (9, 7)


def test_splits_of_the_data_itself_stay(tmp_path):
    root = tmp_path / "splits"
    folder(root / "train", ant=4, bee=4)
    folder(root / "test", ant=1, bee=1)
    other = folder(tmp_path / "other", ant=2)
    assert open_data(root, val=other).counts() == {"train": [4, 4], "val": [2, 0], "test": [1, 1]}
    text = (
        f"{root} has 2 pictures of a test split itself; leave test=... out, or give the place of its pictures to train"
    )
    with pytest.raises(StriateError, match=f"^{re.escape(text)}"):
        open_data(root, test=other)


def test_a_class_that_nothing_was_trained_of(main, tmp_path):
    other = folder(tmp_path / "other", ant=1, cow=1, dog=1)
    with pytest.raises(StriateError) as error:
        open_data(main, val=other)
    assert str(error.value) == (
        f"val=... {other} has 2 classes (cow, dog) that {main} has no pictures of to train on; its classes are ant, bee"
    )


def test_the_data_itself_is_no_split_that_lies_elsewhere(main):
    arrays = RANDOM.integers(0, 256, (8, 8, 8), np.uint8), ["ant", "bee"] * 4
    pairs = list(zip(*arrays, strict=True))
    for data, same, called in (
        (main, f"{main}/../{main.name}", main),
        ("digits", "digits", "digits"),
        (pairs, pairs, "list"),
        (arrays, arrays, "arrays"),
    ):
        text = f"{called} is given twice, to train on and as test=...: what is measured on pictures that were learned"
        with pytest.raises(StriateError, match=f"^{re.escape(text)}"):
            open_data(data, test=same)
    assert open_data(pairs, val=list(pairs)).counts() == {"train": [4, 4], "val": [4, 4]}  # told by check, as any copy


def test_a_picture_that_stands_in_two_splits_is_one_name(main, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(f"path,label\n{main / 'ant' / '7.png'},ant\n")
    report = striate.check(main, val=table)
    same = str(main / "ant" / "7.png")
    assert report.leaks == [[same, same]]
    assert report.warnings == [
        f"1 picture in more than one split, which flatters what is measured on them, such as {same}"
    ]


def test_check_finds_pictures_that_are_in_both(main, tmp_path):
    other = folder(tmp_path / "other", ant=2)
    (other / "ant" / "0.png").write_bytes((main / "ant" / "7.png").read_bytes())
    report = striate.check(main, val=other)
    assert report.leaks == [[str(main / "ant" / "7.png"), str(other / "ant" / "0.png")]]
    assert report.problems == []
