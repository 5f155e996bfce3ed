"""Tables that name pictures without folder or ending: where the files are found, and what is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from striate.api import check
from striate.core.errors import StriateError
from striate.data.dataset import Dataset, FilePictures
from striate.data.sources import open_data

NAMES = ("000bec18", "0021f9ce", "001cdf01", "00693b8b")


def pictures(folder: Path, names: Iterable[str], grey: int = 7) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("L", (4, 4), grey + number).save(folder / name)


def table(folder: Path, names: Iterable[str] = NAMES, name: str = "labels.csv", header: str = "id,breed") -> Path:
    file = folder / name
    rows = [f"{each},{'cat' if number % 2 else 'dog'}" for number, each in enumerate(names)]
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    return file


def paths(data: Dataset) -> list[str]:
    assert isinstance(data.pictures, FilePictures)
    return list(data.pictures.relative_paths)


def test_names_without_ending_in_a_folder_beside(tmp_path: Path) -> None:
    pictures(tmp_path / "train", (f"{name}.png" for name in NAMES))
    pictures(tmp_path / "test", ["f0000000.png", "f0000001.png"])
    data = open_data(table(tmp_path))
    assert paths(data) == [f"train/{name}.png" for name in NAMES]
    assert [int(data.pictures.decode(index, 1)[0, 0, 0]) for index in range(4)] == [7, 8, 9, 10]
    assert data.classes == ("cat", "dog")
    assert data.inventory.notes == ("found in train/, with .png added: 4 of the table's names",)
    report = check(tmp_path / "labels.csv")
    assert not report.unreadable


@pytest.mark.parametrize("folder", ["", "pictures", "train/train", "images/train"])
@pytest.mark.parametrize("ending", ["", ".png"])
def test_where_names_are_found(tmp_path: Path, folder: str, ending: str) -> None:
    """Kaggle's archives often unpack to train/train; an ending may be spelt or not, and has its case from the file."""
    pictures(tmp_path / folder, ["1.png", "2.png", "a.b.png"])
    data = open_data(table(tmp_path, [f"{name}{ending}" for name in ("1", "2", "a.b", "1")]))
    below = f"{folder}/" if folder else ""
    assert paths(data) == [f"{below}{name}.png" for name in ("1", "2", "a.b", "1")]


def test_endings_have_the_case_of_the_files(tmp_path: Path) -> None:
    pictures(tmp_path / "a", ["1.JPG", "2.png", "3.Jpeg"])
    data = open_data(table(tmp_path, ["1", "2", "3", "1"]))
    assert paths(data) == ["a/1.JPG", "a/2.png", "a/3.Jpeg", "a/1.JPG"]
    assert data.inventory.notes == (
        "found in a/, with .JPG added: 2 of the table's names",
        "found in a/, with .Jpeg added: 1 of the table's names",
        "found in a/, with .png added: 1 of the table's names",
    )


def test_each_name_is_in_a_folder_of_its_own(tmp_path: Path) -> None:
    for number in range(5):
        pictures(tmp_path / f"part{number}", [f"{number}.png"])
    data = open_data(table(tmp_path, map(str, range(5))))
    assert paths(data) == [f"part{number}/{number}.png" for number in range(5)]
    assert data.inventory.notes[-1] == "found in other folders or with other endings: 2 of the table's names"


def test_what_lies_beside_the_table_stays(tmp_path: Path) -> None:
    pictures(tmp_path, ["1.png", "2.png"])
    pictures(tmp_path / "train", ["1.png", "2.png"])
    (tmp_path / "3").write_bytes((tmp_path / "1.png").read_bytes())  # a file without ending
    pictures(tmp_path / "train", ["3.png"])
    data = open_data(table(tmp_path, ["1.png", "2.png", "3"], "train.csv"))
    assert paths(data) == ["1.png", "2.png", "3"]
    assert data.inventory.notes == ()


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    pictures(tmp_path / "train", ["1.png", "2.png"])
    (tmp_path / "1").mkdir()
    assert paths(open_data(table(tmp_path, ["1", "2"]))) == ["train/1.png", "train/2.png"]


def test_paths_with_folders_stay(tmp_path: Path) -> None:
    pictures(tmp_path / "train", ["1.png", "2.png"])
    data = open_data(table(tmp_path, ["a/1.png", "2"]))
    assert paths(data) == ["a/1.png", "train/2.png"]


def test_names_that_are_nowhere_are_for_the_check(tmp_path: Path) -> None:
    pictures(tmp_path / "train", [f"{number}.png" for number in range(6)])
    file = table(tmp_path, [*map(str, range(6)), "gone", "lost.png"])
    assert paths(open_data(file))[6:] == ["gone", "lost.png"]
    unreadable = dict(check(file).unreadable)
    assert unreadable == {
        str(tmp_path / name): "cannot be read (No such file or directory)" for name in ("gone", "lost.png")
    }


@pytest.mark.parametrize("name", ["train.csv", "trainLabels.csv", "train_labels.csv", "Training.csv"])
def test_the_folder_that_is_called_as_the_table(tmp_path: Path, name: str) -> None:
    """CIFAR-10 at Kaggle has 1.png in train and in test, each another picture."""
    pictures(tmp_path / "train", ["1.png", "2.png", "3.png"])
    pictures(tmp_path / "test", ["1.png", "2.png", "3.png"], grey=90)
    assert paths(open_data(table(tmp_path, "123", name))) == ["train/1.png", "train/2.png", "train/3.png"]
    assert paths(open_data(table(tmp_path, "123", "test_images.csv")))[0] == "test/1.png"


def test_the_folder_that_holds_all(tmp_path: Path) -> None:
    pictures(tmp_path / "all", ["1.png", "2.png", "3.png"])
    pictures(tmp_path / "few", ["2.png"])
    assert paths(open_data(table(tmp_path, "123"))) == ["all/1.png", "all/2.png", "all/3.png"]
    pictures(tmp_path / "few", ["1.png", "3.png"])
    refused(tmp_path / "labels.csv", "labels.csv names '1', which may be all/1.png or few/1.png; write the path that")


def refused(file: Path, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        open_data(file)


def test_folders_that_overlap(tmp_path: Path) -> None:
    pictures(tmp_path / "a", ["1.png", "2.png"])
    pictures(tmp_path / "b", ["2.png", "3.png"])
    refused(table(tmp_path, "123"), "names '2', which may be a/2.png or b/2.png")


def test_two_endings_in_one_folder(tmp_path: Path) -> None:
    pictures(tmp_path / "a", ["1.png", "1.jpg", "2.png"])
    refused(table(tmp_path, "12"), "names '1', which may be a/1.jpg or a/1.png")
    (tmp_path / "a" / "1.jpg").rename(tmp_path / "a" / "1.cr2")  # the camera's own beside it
    (tmp_path / "a" / "2.txt").touch()
    assert paths(open_data(table(tmp_path, "12"))) == ["a/1.png", "a/2.png"]


def test_two_endings_in_a_folder_that_is_not_taken(tmp_path: Path) -> None:
    pictures(tmp_path / "train", ["1.png", "2.png"])
    pictures(tmp_path / "masks", ["1.png", "1.gif", "2.png"])
    assert paths(open_data(table(tmp_path, "12", "train.csv"))) == ["train/1.png", "train/2.png"]


def test_links_hidden_folders_and_folders_that_may_not_be_listed(tmp_path: Path) -> None:
    pictures(tmp_path / "pictures", ["1.png", "2.png"])
    pictures(tmp_path / ".thumbs", ["1.png", "2.png"])
    (tmp_path / "same").symlink_to(tmp_path / "pictures")
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "closed").mkdir(mode=0)
    try:
        assert paths(open_data(table(tmp_path, "12"))) == ["pictures/1.png", "pictures/2.png"]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_numbers_as_classes(tmp_path: Path) -> None:
    pictures(tmp_path / "train", ["1.png", "2.png"])
    (tmp_path / "train.csv").write_text("id,has_cactus\n1,0\n2,1\n", encoding="utf-8")
    assert open_data(tmp_path / "train.csv").classes == ("0", "1")


def test_a_table_without_names_alone_lists_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = table(tmp_path, ["a/1.png", "a/2.png"])

    def listed(*_: object) -> None:
        raise AssertionError("a folder is listed")

    monkeypatch.setattr(os, "scandir", listed)
    assert paths(open_data(file)) == ["a/1.png", "a/2.png"]
