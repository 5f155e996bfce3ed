"""Class folders: every layout that is accepted, and one sentence for every one that is not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.core.errors import StriateError
from striate.data.dataset import FilePictures
from striate.data.decode import DecodeError
from striate.data.folder import EXPECTED, open_folder
from striate.data.sources import open_data, open_to_evaluate
from striate.deploy.given import picture_files


def touch(root: Path, *paths: str) -> Path:
    """Files without pictures in them: finding pictures does not open them."""
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


def many(folder: str, count: int = 10) -> list[str]:
    return [f"{folder}/{number:02}.jpg" for number in range(count)]


def refused(root: Path, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        open_data(root)


def test_class_folders(tmp_path: Path) -> None:
    data = open_data(touch(tmp_path, *many("dog"), *many("cat"), *many("ant", 3)))
    assert data.classes == ("ant", "cat", "dog")
    assert data.labels.tolist() == [0] * 3 + [1] * 10 + [2] * 10
    assert data.counts() == {"train": [1, 6, 6], "val": [1, 2, 2], "test": [1, 2, 2]}
    assert data.source == str(tmp_path)
    assert data.pictures.name(3) == str(tmp_path / "cat" / "00.jpg")


def test_golden_assignment(tmp_path: Path) -> None:
    """The same names give the same splits in any folder on any machine; these were taken once."""
    for root in (tmp_path / "here", tmp_path / "there"):
        data = open_data(touch(root, *many("cat", 20), *many("dog", 20)))
        assert data.splits["test"].tolist() == [1, 3, 10, 30, 33, 36]
        assert open_data(root, split_seed=1).splits["test"].tolist() == [0, 11, 15, 25, 27, 33]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_given_splits(tmp_path: Path, val: str) -> None:
    touch(tmp_path, *many("train/a"), *many("train/b"), *many(f"{val}/a", 2), *many(f"{val}/b", 2), "test/a/1.jpg")
    data = open_data(tmp_path)
    assert data.counts() == {"train": [10, 10], "val": [2, 2], "test": [1, 0]}
    assert data.split_rule == "train, val, test as given"


def test_val_is_taken_from_train(tmp_path: Path) -> None:
    touch(tmp_path, *many("train/a", 20), *many("train/b", 20), *many("test/a"), *many("test/b"))
    data = open_data(tmp_path)
    assert data.counts() == {"train": [17, 17], "val": [3, 3], "test": [10, 10]}
    assert data.split_rule.startswith("train, test as given; val is 15 % of the given train")


def test_no_test_folder_means_no_test_split(tmp_path: Path) -> None:
    data = open_data(touch(tmp_path, *many("train/a"), *many("train/b"), *many("val/a"), *many("val/b")))
    assert data.split_rule == "train, val as given; no test split"
    assert list(data.splits) == ["train", "val"]


def test_only_a_train_folder_is_split_in_three(tmp_path: Path) -> None:
    data = open_data(touch(tmp_path, *many("train/a"), *many("train/b")))
    assert data.counts() == {"train": [6, 6], "val": [2, 2], "test": [2, 2]}


def test_what_counts_as_a_picture(tmp_path: Path) -> None:
    names = ["1.JPG", "2.Jpeg", "3.png", "4.ppm", "5.pgm", "6.bmp", "7.tif", "8.TIFF", "9.webp"]
    no_pictures = ["notes.txt", "jpg", ".hidden.jpg", ".thumbs/1.jpg", "1.jpg.part", "__MACOSX/2.jpg"]
    touch(tmp_path, *(f"{name}/{file}" for name in "ab" for file in names + no_pictures))
    touch(tmp_path, ".git/x.jpg", "__MACOSX/a/._1.jpg", "readme.md")
    data = open_data(tmp_path)
    assert [data.pictures.name(i) for i in range(9)] == [str(tmp_path / "a" / name) for name in names]
    assert len(data.pictures) == 18


def test_folders_below_a_class_belong_to_it(tmp_path: Path) -> None:
    data = open_data(touch(tmp_path, "a/1.jpg", "a/x/2.jpg", "a/x/y/3.jpg", "a/folder.jpg/4.jpg", "b/1.jpg"))
    assert data.labels.tolist() == [0, 0, 0, 0, 1]
    assert isinstance(data.pictures, FilePictures)
    assert list(data.pictures.relative_paths)[:2] == ["a/1.jpg", "a/folder.jpg/4.jpg"]


def test_unicode_names(tmp_path: Path) -> None:
    """One class whatever form its name is stored in: macOS may have decomposed it in one of the splits."""
    touch(
        tmp_path, "train/B\u00e4r/\u5199\u771f.jpg", "train/cat/\U0001f408.png", "val/Ba\u0308r/1.jpg", "val/cat/1.jpg"
    )
    data = open_data(tmp_path)
    assert data.classes == ("B\u00e4r", "cat")
    assert data.counts()["val"] == [1, 1]
    assert data.pictures.name(0).endswith("\u5199\u771f.jpg")


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_name_that_is_no_utf8(tmp_path: Path) -> None:
    touch(tmp_path, *many("a"), *many("b"))
    name = os.fsencode(tmp_path) + b"/a/\xff.jpg"
    try:
        Image.new("L", (2, 2), 7).save(os.fsdecode(name), "JPEG")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    data = open_data(tmp_path)
    assert data.counts()["train"][0] + data.counts()["val"][0] + data.counts()["test"][0] == 11
    assert np.all(data.pictures.decode(10, 1) == 7)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    data = open_data(touch(tmp_path, *many("train"), *many("plane")))
    assert data.classes == ("plane", "train")


def test_folders_beside_train_and_val_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, *many("train/a"), *many("train/b"), *many("val/a"), *many("val/b"), "sketches/1.jpg")
    assert open_data(tmp_path).classes == ("a", "b")


def test_link_loops_end_and_pictures_count_once(tmp_path: Path) -> None:
    touch(tmp_path, *many("a"), *many("b"), "a/deep/1.jpg")
    try:
        (tmp_path / "a" / "deep" / "up").symlink_to(tmp_path / "a", target_is_directory=True)
        (tmp_path / "a" / "deep" / "top").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "b" / "self").symlink_to(tmp_path / "b" / "self")
    except OSError:
        pytest.skip("no links here")
    assert np.bincount(open_data(tmp_path).labels).tolist() == [11, 10]


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "store", *many("x"))
    touch(tmp_path / "data", *many("a"))
    try:
        (tmp_path / "data" / "b").symlink_to(tmp_path / "store" / "x", target_is_directory=True)
        (tmp_path / "data" / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("no links here")
    data = open_data(tmp_path / "data")
    assert np.bincount(data.labels).tolist() == [11, 10]  # the broken link is left for the check to name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_a_pipe_and_a_broken_link_are_left_for_the_check_to_name(tmp_path: Path) -> None:
    """Whoever reads a pipe that nobody writes to waits for ever: it is listed, and refused unread."""
    touch(tmp_path, "cat/1.jpg", "dog/1.jpg")
    os.mkfifo(tmp_path / "cat" / "2.jpg")
    (tmp_path / "cat" / "3.jpg").symlink_to("2.jpg")
    (tmp_path / "cat" / "4.jpg").symlink_to("nowhere")
    (tmp_path / "cat" / "5.jpg").symlink_to("5.jpg")
    names = ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert [path.name for path in picture_files([tmp_path / "cat"])] == names
    pictures = open_folder(tmp_path).pictures
    assert [Path(pictures.name(number)).name for number in range(5)] == names
    with pytest.raises(DecodeError, match=r"2\.jpg cannot be read \(is a pipe, no regular file\)"):
        pictures.decode(1, 3)
    with pytest.raises(DecodeError, match=r"3\.jpg cannot be read \(is a pipe, no regular file\)"):
        pictures.size(2)


def test_no_pictures(tmp_path: Path) -> None:
    refused(touch(tmp_path, "a/notes.txt", "b/c/d.txt"), f"{tmp_path} holds no pictures; {EXPECTED}")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, f"{empty} holds no pictures; expected is a folder with one sub-folder per class, or train, val and")


def test_no_such_folder(tmp_path: Path) -> None:
    refused(tmp_path / "photos", f"{tmp_path / 'photos'}: no such file or folder; data is digits (built in), a folder")


def test_pictures_without_classes(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.png")
    refused(
        tmp_path, f"{tmp_path} holds 2 pictures directly and no sub-folders, so nothing says their classes; {EXPECTED}"
    )


def test_train_and_test_pictures_without_classes(tmp_path: Path) -> None:
    touch(tmp_path, *many("train"), *many("test"))
    refused(tmp_path, f"{tmp_path / 'train'} holds 10 pictures directly and no sub-folders")


def test_one_class_only(tmp_path: Path) -> None:
    touch(tmp_path, *many("cat"))
    refused(tmp_path, f"{tmp_path} holds one class only ('cat'); a classifier needs two or more, each with its own sub")


def test_empty_class_folder(tmp_path: Path) -> None:
    touch(tmp_path, *many("cat"), *many("dog"), "eel/readme.txt", "fox/readme.txt")
    refused(
        tmp_path, f"{tmp_path}: 2 classes (eel, fox) without a readable picture to train on; add pictures or remove the"
    )


def test_class_missing_in_train(tmp_path: Path) -> None:
    touch(tmp_path, *many("train/cat"), *many("train/dog"), *many("val/cat"), *many("val/eel"), *many("test/eel"))
    refused(
        tmp_path, f"{tmp_path}: 1 class (eel) without a readable picture to train on (there are some in val and test)"
    )


def test_val_without_train(tmp_path: Path) -> None:
    touch(tmp_path, *many("val/cat"), *many("test/cat"))
    refused(tmp_path, f"{tmp_path} has val and test pictures but none to train on")
    assert open_to_evaluate(tmp_path).counts() == {"val": [10], "test": [10]}


def test_a_test_split_or_a_class_alone_can_be_evaluated(tmp_path: Path) -> None:
    touch(tmp_path / "one", *many("test/cat", 3), *many("test/dog", 2))
    data = open_to_evaluate(tmp_path / "one")
    assert (data.counts(), data.split_rule) == ({"test": [3, 2]}, "test as given")
    touch(tmp_path / "two", *many("cat"))
    assert open_to_evaluate(tmp_path / "two").counts() == {"train": [6], "val": [2], "test": [2]}
    touch(tmp_path / "three", *many("train/cat"), *many("test/eel"))
    assert open_to_evaluate(tmp_path / "three").counts() == {"train": [8, 0], "val": [2, 0], "test": [0, 10]}


def test_two_folders_for_one_split(tmp_path: Path) -> None:
    touch(tmp_path, *many("train/a"), *many("train/b"), *many("val/a"), *many("valid/a"))
    refused(tmp_path, f"{tmp_path} has two folders for one split: ")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may list everything")
def test_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    touch(tmp_path, *many("a"), *many("b"))
    (tmp_path / "b").chmod(0)
    try:
        refused(tmp_path, f"{tmp_path / 'b'} cannot be listed (Permission denied)")
    finally:
        (tmp_path / "b").chmod(0o755)
