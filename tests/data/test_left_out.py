"""Everything below a folder is used, or named and counted."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from striate.api import check
from striate.core.errors import StriateError
from striate.data.dataset import Dataset
from striate.data.formats import AVIF
from striate.data.left_out import LeftOut
from striate.data.sources import open_data, open_to_evaluate
from striate.deploy.given import picture_files

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def encoded(file_format: str, shade: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 200)).save(file, file_format)
    return file.getvalue()


def fill(root: Path, *names: str, content: bytes = b"") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def many(folder: str, count: int = 4) -> list[str]:
    return [f"{folder}/{number}.jpg" for number in range(count)]


def told(data: Dataset) -> list[str]:
    return [str(each) for each in data.inventory.left_out]


def test_nothing_is_left_out_of_plain_folders(tmp_path: Path) -> None:
    data = open_data(fill(tmp_path, *many("a"), *many("b")))
    assert data.inventory.left_out == data.inventory.notes == ()


@pytest.mark.parametrize("name", ["1.jfif", "1.JPE", "1.gif", "1", "1.photo", "1.heic"])
def test_a_picture_is_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    """The last is a JPEG that a phone has named."""
    fill(tmp_path, *many("a"), *many("b"))
    content = encoded("GIF" if "gif" in name else "JPEG")
    data = open_data(fill(tmp_path, f"a/{name}", content=content))
    assert data.labels.tolist().count(0) == 5
    assert told(data) == []
    assert len(picture_files([tmp_path / "a"])) == 5


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "BMP", "TIFF", "PPM", "GIF", *(["AVIF"] if AVIF else [])])
def test_every_format_is_known_by_its_first_bytes(tmp_path: Path, file_format: str) -> None:
    fill(tmp_path, *many("a"), *many("b"))
    fill(tmp_path, "a/picture", content=encoded(file_format))
    data = open_data(tmp_path)
    assert data.labels.tolist().count(0) == 5
    assert data.pictures.decode(4, 3).shape == (8, 8, 3)


def test_of_gif_the_first_picture_is_taken_and_that_is_said(tmp_path: Path) -> None:
    fill(tmp_path, *many("a"), *many("b"), "b/5.gif")
    fill(tmp_path, "a/moving", content=encoded("GIF"))
    assert open_data(tmp_path).inventory.notes == ("2 pictures are GIF: of an animation the first picture is taken",)


def test_pictures_that_cannot_be_read_are_counted_by_format(tmp_path: Path) -> None:
    fill(tmp_path, *many("a"), *many("b"))
    fill(tmp_path, "a/x.HEIC", "a/y.heic", "b/z.heic", "b/z2.heic", "b/no ending", content=HEIC)
    fill(tmp_path, "b/IMG.CR2", content=b"II*\0\x10\0\0\0CR\2\0")
    lines = told(open_data(tmp_path))
    assert len(lines) == 2
    assert lines[0].startswith("5 pictures are left out, HEIC cannot be read here (save as JPEG or PNG): a/")
    assert lines[0].endswith(" and 2 more")
    assert lines[1] == "1 picture is left out, camera RAW cannot be read here (save as JPEG or PNG): b/IMG.CR2"


def test_a_folder_of_them_alone_says_so(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.heic", "b/y.heic", content=HEIC)
    with pytest.raises(StriateError, match=r"holds no pictures; 2 pictures are left out, HEIC cannot be read here"):
        open_data(tmp_path)
    fill(tmp_path, *many("a"))
    with pytest.raises(StriateError, match=r"1 class \(b\) without .* remove the class; 2 pictures are left out, HEIC"):
        open_data(tmp_path)
    with pytest.raises(StriateError, match=r"y\.heic is a HEIC picture, which cannot be read here; save it as JPEG or"):
        fill(tmp_path, "table.csv", content=b"b/y.heic,b\na/0.jpg,a\n") and open_data(
            tmp_path / "table.csv"
        ).pictures.decode(0, 3)


def test_what_is_no_picture_is_one_line_and_no_warning(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "b/2.jpg", "read.me", "a/Thumbs.db", "a/.DS_Store", "b/labels.csv", "b/film.mov")
    fill(tmp_path, "b/PYTHON", content=b"Python notes")
    fill(tmp_path, "b/BMW", content=b"BMW and Audi are cars")
    fill(tmp_path, "a/.thumbs/1.jpg", "a/.hidden.jpg", "a/@eaDir/1.jpg", "__MACOSX/a/._1.jpg")
    data = open_data(tmp_path)
    assert [(each.kind, each.count, each.pictures) for each in data.inventory.left_out] == [
        ("other", 7, False),
        ("hidden", 4, False),
    ]
    assert len(data.pictures) == 2
    assert data.inventory.pictures_left_out == []
    assert data.inventory.remarks[0].startswith("7 files are left out, no picture: ")


def test_pictures_beside_the_class_folders_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, *many("a"), *many("b"), "lost.jpg", "lost.png")
    (line,) = told(open_data(tmp_path))
    assert line.startswith(
        "2 pictures are left out, beside the folders of the classes, so nothing says the class: lost."
    )


def test_pictures_in_train_beside_its_classes_and_above_it_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, *many("train/a"), *many("train/b"), *many("test/a"), "train/lost.jpg", "cover.jpg")
    (found,) = open_data(tmp_path).inventory.left_out
    assert (found.kind, found.count, found.names) == ("beside", 2, ("cover.jpg", "train/lost.jpg"))


def test_a_folder_beside_the_splits_is_named(tmp_path: Path) -> None:
    fill(tmp_path, *many("train/a"), *many("train/b"), *many("val/a"), *many("val/b"))
    fill(tmp_path, *many("extra/a", 5), *many("extra/deep/er", 2), "docs/paper.pdf")
    assert told(open_data(tmp_path)) == [
        "7 pictures are left out, in a folder beside train, val and test that is none of these: extra",
        "1 file is left out, no picture: docs/paper.pdf",
    ]


def test_an_unlabelled_test_folder_is_said_and_left_out(tmp_path: Path) -> None:
    data = open_data(fill(tmp_path, *many("train/a"), *many("train/b"), *many("test", 30)))
    assert list(data.splits) == ["train", "val", "test"]  # made of train
    (line,) = told(data)
    assert line == (
        "30 pictures are left out, in a split without class folders, so nothing says the class: "
        f"{', '.join(data.inventory.left_out[0].names)} and 27 more"
    )
    assert data.inventory.left_out[0].names[0].startswith("test/")


def test_unlabelled_training_pictures_are_an_error_for_training(tmp_path: Path) -> None:
    fill(tmp_path, *many("train"), *many("test/a"), *many("test/b"))
    with pytest.raises(
        StriateError, match=r"has test pictures but none to train on; 4 pictures are left out, in a split"
    ):
        open_data(tmp_path)
    assert open_to_evaluate(tmp_path).counts() == {"test": [4, 4]}


SPLITS = [
    (["Training", "Testing"], ["train", "test"]),
    (["train", "eval"], ["train", "val"]),
    (["train_set", "test_set"], ["train", "test"]),
    (["training_set", "val_set", "tests"], ["train", "val", "test"]),
    (["TRAIN", "Validation", "TEST"], ["train", "val", "test"]),
    (["train", "dev"], ["train", "val"]),
    (["trainData", "images_test"], ["train", "test"]),
    (["train2017", "val2017"], ["train", "val"]),
    (["seg_train", "seg_test"], ["train", "test"]),
]


@pytest.mark.parametrize("folders, splits", SPLITS, ids=lambda value: "+".join(value))
def test_spellings_of_splits(tmp_path: Path, folders: list[str], splits: list[str]) -> None:
    data = open_data(fill(tmp_path, *(path for name in folders for each in "ab" for path in many(f"{name}/{each}"))))
    assert data.classes == ("a", "b")
    assert data.split_rule.startswith(f"{', '.join(splits)} as given")
    as_spelt = [(name, split) for name, split in zip(folders, splits, strict=True) if name.lower() != split]
    assert sorted(data.inventory.notes) == sorted(f"folder {name} is read as {split}" for name, split in as_spelt)


def test_a_split_folder_within_itself_and_an_unlabelled_one_beside(tmp_path: Path) -> None:
    """Intel's scenes as they are handed out."""
    fill(tmp_path, *many("seg_train/seg_train/sea"), *many("seg_train/seg_train/ice"), *many("seg_test/seg_test/sea"))
    data = open_data(fill(tmp_path, *many("seg_test/seg_test/ice"), *many("seg_pred/seg_pred")))
    assert data.classes == ("ice", "sea")
    assert data.split_rule.startswith("train, test as given; val is 15 % of the given train")
    assert [(each.kind, each.count) for each in data.inventory.left_out] == [("folder", 4)]


def test_single_folders_around_the_splits_are_passed(tmp_path: Path) -> None:
    fill(tmp_path, *many("archive/data set/Training/a"), *many("archive/data set/Training/b"), "archive/licence.txt")
    data = open_data(fill(tmp_path, *many("archive/data set/Testing/a"), "__MACOSX/archive/._x"))
    assert data.classes == ("a", "b")
    assert data.inventory.notes[-1] == "the splits lie in archive/data set"
    assert data.pictures.name(0) == str(tmp_path / "archive/data set/Testing/a/0.jpg")
    assert {each.kind for each in data.inventory.left_out} == {"other", "hidden"}


def test_a_single_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    fill(tmp_path, *many("PetImages/Cat"), *many("PetImages/Dog"))
    with pytest.raises(
        StriateError, match=f"holds one folder only, PetImages, .* Cat, Dog; .* give {tmp_path}/PetImages"
    ):
        open_data(tmp_path)
    assert open_to_evaluate(tmp_path).classes == ("PetImages",)


@pytest.mark.parametrize("outer", [("site1", "site2"), ("Lernen", "Prüfen")])
def test_classes_that_hold_the_same_folders_are_doubted(tmp_path: Path, outer: tuple[str, str]) -> None:
    fill(tmp_path, *(path for name in outer for inner in ("cat", "dog", "eel") for path in many(f"{name}/{inner}")))
    with pytest.raises(StriateError) as caught:
        check(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: {', '.join(outer)} all hold the same folders (cat, dog, eel), so they look like splits or "
        "places, not like classes; call splits train, val and test, put the pictures of a class into one folder, such "
        f"as {tmp_path / 'cat'}, or name pictures and labels in a table (path,label)"
    )


def test_splits_below_the_classes_are_named(tmp_path: Path) -> None:
    fill(tmp_path, *many("cat/train"), *many("cat/test"), *many("dog/train"), *many("dog/test"))
    with pytest.raises(
        StriateError, match=r"cat, dog all hold the folders test, train, which are splits; they belong abov"
    ):
        open_data(tmp_path)


def test_classes_with_folders_of_their_own_are_not_doubted(tmp_path: Path) -> None:
    """Tiny-ImageNet has one folder images in every class; others have some that are the same by chance."""
    fill(tmp_path / "tiny", *many("train/a/images"), *many("train/b/images"))
    assert open_data(tmp_path / "tiny").classes == ("a", "b")
    fill(tmp_path / "some", *many("a/x"), *many("a/y"), *many("b/x"), *many("b/z"), *many("b/v"))
    assert open_data(tmp_path / "some").classes == ("a", "b")
    fill(tmp_path / "own", *many("a"), *many("a/x"), *many("a/y"), *many("b"), *many("b/x"), *many("b/y"))
    assert open_data(tmp_path / "own").classes == ("a", "b")


def test_class_and_split_in_one_name(tmp_path: Path) -> None:
    fill(tmp_path, *many("cat_train"), *many("cat_test"), *many("dog_train"), *many("dog_test"))
    with pytest.raises(StriateError, match=r"folders that name a class and a split at once \(cat_test, cat_train\)"):
        open_data(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_classes_that_are_no_utf8_stay_apart(tmp_path: Path) -> None:
    fill(tmp_path, *many("plain"))
    for name in (b"caf\xe9", b"caf\xe8"):
        folder = os.fsencode(tmp_path) + b"/" + name
        try:
            Path(os.fsdecode(folder)).mkdir()
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        fill(Path(os.fsdecode(folder)), "1.jpg", "2.jpg", "3.jpg")
    data = open_data(tmp_path)
    assert data.classes == ("caf\\xe8", "caf\\xe9", "plain")
    assert sorted(data.labels.tolist()) == [0] * 3 + [1] * 3 + [2] * 4
    assert " ".join(data.classes).isascii()


def test_links_back_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, *many("a"), *many("b"))
    try:
        (tmp_path / "a" / "up").symlink_to(tmp_path / "a", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert told(open_data(tmp_path)) == ["1 link is left out, leads to a folder that was there already: a/up"]


def test_check_tells_and_lists(tmp_path: Path) -> None:
    for name, shades in (("Cat", range(20)), ("cat", range(20, 40)), ("eel", range(40, 60))):
        for shade in shades:
            fill(tmp_path, f"{name}/{shade}.png", content=encoded("PNG", shade))
    fill(tmp_path, "eel/x.heic", content=HEIC)
    fill(tmp_path, "notes.txt")
    report = check(tmp_path)
    assert report.warnings == [
        "1 picture is left out, HEIC cannot be read here (save as JPEG or PNG): eel/x.heic",
        "'Cat' and 'cat' are 2 classes, though their names differ by case or spaces only; give them one name if they "
        "are one class",
    ]
    assert report.remarks == ["1 file is left out, no picture: notes.txt"]
    assert report.to_dict()["left_out"] == [
        {
            "kind": "format",
            "reason": "HEIC cannot be read here (save as JPEG or PNG)",
            "count": 1,
            "names": ["eel/x.heic"],
            "pictures": True,
        },
        {"kind": "other", "reason": "no picture", "count": 1, "names": ["notes.txt"], "pictures": False},
    ]


def test_files_to_predict_are_those_to_train_on(tmp_path: Path) -> None:
    fill(tmp_path, *many("a"), "b/1.gif", "b/notes.txt")
    fill(tmp_path, "b/plain", content=encoded("PNG"))
    fill(tmp_path, "b/x.heic", content=HEIC)
    left_out: list[LeftOut] = []
    files = picture_files([tmp_path], left_out)
    assert [str(file.relative_to(tmp_path)) for file in files] == [*many("a"), "b/1.gif", "b/plain", "b/x.heic"]
    assert [str(each) for each in left_out] == ["1 file is left out, no picture: b/notes.txt"]
