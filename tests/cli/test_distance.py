"""`distance`, and `check --near`."""

from __future__ import annotations

import json

import pytest

from albums import album_with_copies, drawn_photo


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    return album_with_copies(tmp_path_factory.mktemp("album"))


def test_the_command_line_shows_both(album, striate):
    answer = striate("distance", album / "left" / "0.png", album / "left" / "0.png", "--json")
    assert (answer.status, json.loads(answer.out)["distance"]) == (0, 0)
    answer = striate("distance", album / "left")
    assert answer.status == 0
    assert "copy.jpg" in answer.out
    assert "1 pair of nearly equal pictures among 8 pictures (distance of at most 0.9 by embedded)" in answer.out


def test_check_tells_near_copies_across_classes_and_splits(tmp_path, album, striate):
    for split, numbers in (("train", range(4)), ("val", range(2, 6))):
        for name, first in (("left", 0), ("right", 10)):
            (tmp_path / split / name).mkdir(parents=True)
            for number in numbers:
                picture = drawn_photo(first + number)
                if split == "val" and number == 2 and name == "left":
                    picture.save(tmp_path / split / name / "copy.jpg", quality=40)  # of one that is trained on
                elif split == "train" or number > 3:
                    picture.save(tmp_path / split / name / f"{number}.png")
    answer = striate("check", tmp_path, "--near", "--json")
    near = json.loads(answer.out)["near"]
    assert (answer.status, near["in_several_splits"], near["in_several_classes"]) == (0, 1, 0)
    assert sorted(near["pairs"][0]["splits"]) == ["train", "val"]
    answer = striate("check", tmp_path, "--near")
    assert "1 pair in two splits, which flatters what is measured on them" in answer.out
    assert "nearly equal" not in striate("check", tmp_path).out


def test_equal_pictures_are_left_to_what_tells_them_already(tmp_path, striate):
    for name, first in (("a", 0), ("b", 10)):
        (tmp_path / name).mkdir()
        for number in range(5):
            drawn_photo(first + number).save(tmp_path / name / f"{number}.png")
    drawn_photo(1).save(tmp_path / "a" / "again.png")
    answer = striate("check", tmp_path, "--near")
    assert "again.png" in answer.out
    assert "0 pairs of nearly equal pictures" in answer.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("{album}/left/0.png",), "is no folder: a distance is between two pictures, or in a folder of them"),
        (("{album}", "{album}/left/0.png"), "is a folder, and a distance is between two pictures"),
        ((), "distance takes two pictures, or one folder of them, got 0 paths"),
        (("{album}/left/0.png", "{album}/left/1.png", "--layer", "layr2"), "unknown layer of quick_regnet26 'layr2'"),
        (("{album}", "--model", "resnet20"), "was measured of embedded alone, with its stages and equal weights; give"),
        (("{album}", "--threshold", "-1"), "--threshold must be a number of at least 0, got -1.0"),
        (("{empty}",), "holds no pictures; pictures are"),
        (("{album}/left/0.png", "{album}/none.png"), "none.png"),
        (("{album}/left/0.png", "{album}/left/1.png", "--weights", "{album}/left/0.png"), "0.png"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, sentence, album, tmp_path, striate):
    answer = striate("distance", *(word.format(album=album, empty=tmp_path) for word in words))
    assert sentence in answer.mistake()
