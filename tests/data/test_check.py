from __future__ import annotations

import shutil

import pytest
from PIL import Image

from striate.api import check
from striate.core.errors import StriateError
from striate.data.sources import open_data


def test_good_data_has_nothing_to_say(photos):
    report = check(photos)
    assert report.problems == report.warnings == []
    assert report.classes == ("level", "upright")
    assert report.counts == {"train": [14, 14], "val": [3, 3], "test": [3, 3]}
    assert report.sizes_px == {"shorter_side": [24, 24, 24], "longer_side": [24, 24, 24]}


def test_unreadable_pictures_are_named_with_the_reason(photos):
    (photos / "level" / "00.png").write_text("hello, I am a text")
    whole = (photos / "level" / "01.png").read_bytes()
    (photos / "level" / "01.png").write_bytes(whole[: len(whole) // 2])
    (photos / "level" / "02.png").write_bytes(b"")
    report = check(photos)
    reasons = {name[-6:]: reason for name, reason in report.unreadable}
    assert "is not a picture in a known format (it starts with 'hello, I')" in reasons["00.png"]
    assert "is damaged" in reasons["01.png"]
    assert reasons["02.png"] == "is empty (0 bytes)"
    assert report.warnings[0].startswith("3 pictures cannot be read and will be left out: ")
    assert sum(sum(split) for split in report.counts.values()) == 37


def test_the_same_picture_is_found_within_and_across_splits_and_classes(tmp_path, photos):
    root = tmp_path / "split"
    for split, first, last in (("train", 0, 12), ("val", 12, 16), ("test", 16, 20)):
        for name in ("level", "upright"):
            (root / split / name).mkdir(parents=True)
            for number in range(first, last):
                shutil.copy(photos / name / f"{number:02}.png", root / split / name)
    shutil.copy(root / "train/level/00.png", root / "train/level/copy.png")
    Image.open(root / "train/level/01.png").save(root / "test/level/leak.bmp")  # other bytes, equal pixels
    shutil.copy(root / "train/level/02.png", root / "train/upright/clash.png")
    report = check(root)
    names = [[[name[len(str(root)) + 1 :] for name in group] for group in groups]
             for groups in (report.duplicates, report.leaks, report.clashes)]  # fmt: skip
    assert names[0] == [
        ["train/level/00.png", "train/level/copy.png"],
        ["train/level/02.png", "train/upright/clash.png"],
    ]
    assert sorted(names[1][0]) == ["test/level/leak.bmp", "train/level/01.png"]
    assert names[2] == [["train/level/02.png", "train/upright/clash.png"]]
    assert [warning.split(",")[0] for warning in report.warnings] == [
        "1 picture in more than one class",
        "1 picture in more than one split",
        "2 pictures more than once in one split",
    ]


def test_few_pictures_and_imbalance_are_warned_of(photos):
    for number in range(4, 20):
        (photos / "level" / f"{number:02}.png").unlink()
    assert check(photos).warnings == ["1 class (level (4)) with fewer than 10 pictures"]


def test_imbalance_names_both_ends(tmp_path):
    for name, count in (("many", 100), ("few", 4)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (8, 8), (number, count, 0)).save(tmp_path / name / f"{number}.png")
    warning = check(tmp_path).warnings[-1]
    assert warning.startswith("classes are unbalanced: many has 70 training pictures, few 2 (1 to 35)")
    assert warning.endswith("; balance='sampler' shows every class equally often")


def test_one_class_is_refused(tmp_path, photos):
    shutil.rmtree(photos / "level")
    with pytest.raises(StriateError, match=r"holds one class only \('upright'\); a classifier needs two or more"):
        check(photos).refuse()


def test_a_class_without_readable_pictures_is_refused(photos):
    for file in (photos / "level").iterdir():
        file.write_bytes(b"no")
    with pytest.raises(StriateError, match=r"1 class \(level\) without a readable picture to train on"):
        check(photos).refuse()


def test_a_class_without_pictures_is_none_with_few(photos):
    for number in range(4, 20):
        (photos / "level" / f"{number:02}.png").unlink()
    for file in (photos / "upright").iterdir():
        file.write_bytes(b"no")
    report = check(photos)
    assert report.warnings[-1] == "1 class (level (4)) with fewer than 10 pictures"
    assert report.problems == [
        f"{photos}: 1 class (upright) without a readable picture to train on; add pictures or remove the class"
    ]


def test_splits_are_counted_in_the_order_in_which_they_are_used(tmp_path, photos):
    for split, numbers in (("test", range(4)), ("train", range(4, 20))):
        for name in ("level", "upright"):
            (tmp_path / "given" / split / name).mkdir(parents=True)
            for number in numbers:
                shutil.copy(photos / name / f"{number:02}.png", tmp_path / "given" / split / name)
    assert list(check(tmp_path / "given").counts) == ["train", "val", "test"]
    assert list(open_data(tmp_path / "given").counts()) == ["train", "val", "test"]


def test_nothing_to_validate_on_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red" if name == "a" else "blue").save(tmp_path / name / "1.png")
    with pytest.raises(StriateError, match="no pictures left to validate on; add more, at least three to a class"):
        check(tmp_path).refuse()
