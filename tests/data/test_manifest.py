"""The list of a run's pictures is read back as it was written, whatever happened to the folder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.digits import open_digits
from striate.data.folder import open_folder
from striate.data.found_again import Hashing, cannot_be_read, misplaced
from striate.data.manifest import as_begun, write_manifest
from striate.data.scan import scan_pictures, without_problems

ODD = ["a\tb.png", "a\nb.png", "a\\nb.png", "a\rb.png", "\udcff.png", "\u00fc \u5199.png", "trailing\\.png"]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    for number, label in enumerate(("one", "tab\tbed", "back\\slash")):
        (tmp_path / label).mkdir()
        for place, name in enumerate(ODD):
            Image.new("RGB", (2, 2), (number, place, 0)).save(tmp_path / label / name)
    return tmp_path


def begun(folder: Path, file: Path):
    dataset = open_folder(folder)
    scan = scan_pictures(dataset.pictures)
    dataset = without_problems(dataset, scan)
    write_manifest(file, dataset, scan)
    return dataset, scan


HASHING = Hashing(Preprocess((24, 24), (256, 256)))


def gone_since(dataset, scan, file: Path):
    return cannot_be_read(dataset, scan, misplaced(dataset, scan, file, HASHING, set()), file)


def same(one, other) -> None:
    assert list(one.pictures.relative_paths) == list(other.pictures.relative_paths)
    assert one.labels.tolist() == other.labels.tolist()
    assert one.classes == other.classes
    assert {split: part.tolist() for split, part in one.splits.items()} == {
        split: part.tolist() for split, part in other.splits.items()
    }


def test_odd_names_come_back(odd: Path, tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("run") / "data.tsv"
    dataset, scan = begun(odd, file)
    assert len(file.read_bytes().split(b"\n")) == 3 * len(ODD) + 1
    same(as_begun(open_folder(odd), file), dataset)
    assert gone_since(dataset, scan, file) == {}


def test_what_came_and_went_changes_no_number(photos: Path, tmp_path: Path) -> None:
    (photos / "level" / "05.png").write_text("never was one")
    dataset, _ = begun(photos, tmp_path / "data.tsv")
    (photos / "level" / "01.png").unlink()
    (photos / "upright" / "07.png").write_bytes(b"")
    Image.new("RGB", (9, 9)).save(photos / "level" / "00a.png")
    (photos / "third").mkdir()
    Image.new("RGB", (9, 9)).save(photos / "third" / "1.png")
    again = as_begun(open_folder(photos), tmp_path / "data.tsv")
    same(again, dataset)
    gone = gone_since(again, scan_pictures(again.pictures), tmp_path / "data.tsv")
    assert {number: str(error).removeprefix(f"{photos}/") for number, error in gone.items()} == {
        1: "level/01.png cannot be read (No such file or directory)",
        27: "upright/07.png is empty (0 bytes)",
    }


def test_another_picture_under_the_same_name_is_refused(photos: Path, tmp_path: Path) -> None:
    begun(photos, tmp_path / "data.tsv")
    Image.new("RGB", (24, 24), "red").save(photos / "level" / "00.png")
    again = as_begun(open_folder(photos), tmp_path / "data.tsv")
    message = (
        f"the pictures in {photos} are not those that {tmp_path} was begun with ({photos / 'level' / '00.png'} is "
        "another one now), so it cannot go on to the same weights; bring those back, or start a new run"
    )
    with pytest.raises(StriateError, match=re.escape(message)):
        gone_since(again, scan_pictures(again.pictures), tmp_path / "data.tsv")


def test_pictures_of_one_file(tmp_path: Path) -> None:
    digits = open_digits()
    scan = scan_pictures(digits.pictures)
    write_manifest(tmp_path / "data.tsv", digits, scan)
    again = as_begun(open_digits(split_seed=3), tmp_path / "data.tsv")  # the list decides
    assert (again.splits["test"] == digits.splits["test"]).all()
    assert (again.labels == digits.labels).all()
    (tmp_path / "data.tsv").write_text("".join((tmp_path / "data.tsv").read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(StriateError, match="the pictures in digits are not those"):
        as_begun(open_digits(), tmp_path / "data.tsv")


def test_a_byte_that_changed_in_the_scan_is_another_picture(tmp_path: Path) -> None:
    digits = open_digits()
    scan = scan_pictures(digits.pictures)
    write_manifest(tmp_path / "data.tsv", digits, scan)
    scan.digests[17, 3] ^= np.uint8(1)
    with pytest.raises(StriateError, match="the pictures in digits are not those"):
        gone_since(digits, scan, tmp_path / "data.tsv")
