"""Wide grey: 10 and 12 bits in files of 16, floating-point numbers, one white for all of a data set."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.data import decode, sources
from striate.data.decode import DecodeError, decode_picture, read_is_wide, read_picture
from striate.data.folder import open_folder
from striate.data.sources import open_data
from striate.data.wide import white_for
from striate.frozen.of_dataset import extract_features


def album(folder, make, ending):
    for kind in ("a", "b"):
        (folder / kind).mkdir(parents=True)
        for number in range(10):
            rng = np.random.default_rng([number, ord(kind)])
            Image.fromarray(make(rng)).save(folder / kind / f"{number}.{ending}")
    return folder


@pytest.fixture
def ten_bits(tmp_path):
    return album(tmp_path / "ten", lambda rng: rng.integers(0, 1024, (40, 40)).astype(np.uint16), "png")


def test_the_bits_that_are_used_decide_what_is_white(ten_bits, tmp_path):
    assert white_for(open_folder(ten_bits)) == 1023
    twelve = album(tmp_path / "12", lambda rng: rng.integers(0, 4096, (40, 40)).astype(np.uint16), "tif")
    assert white_for(open_folder(twelve)) == 4095
    sixteen = album(tmp_path / "16", lambda rng: rng.integers(0, 65536, (40, 40)).astype(np.uint16), "tif")
    assert white_for(open_folder(sixteen)) == 65535
    eight = album(tmp_path / "8", lambda rng: rng.integers(0, 256, (40, 40)).astype(np.uint8), "tif")
    assert white_for(open_folder(eight)) is None


def test_floating_point_pictures_share_one_white(tmp_path):
    one = album(tmp_path / "one", lambda rng: rng.random((40, 40)).astype(np.float32), "tif")
    assert white_for(open_folder(one)) == 1
    # Some of these stay below 1 and some do not: each by itself, they would be scaled by 1 and by 255.
    more = album(
        tmp_path / "more", lambda rng: (rng.random((40, 40)) * rng.choice([0.5, 900])).astype(np.float32), "tif"
    )
    assert white_for(open_folder(more)) == 1023
    assert striate.check(more).warnings[0].endswith("1,023 becomes white (white=... states another number)")


def test_pictures_are_equal_by_the_numbers_of_their_files(tmp_path):
    folder = album(tmp_path / "x", lambda rng: rng.integers(0, 5, (40, 40)).astype(np.uint16) + 1000, "png")
    pixels = {read_picture(folder / "a" / f"{number}.png").tobytes() for number in range(10)}
    assert len(pixels) == 1  # by the full range of 16 bits all are the same grey
    report = striate.check(folder)
    assert (report.duplicates, report.leaks, report.clashes) == ([], [], [])
    (folder / "a" / "0.png").write_bytes((folder / "b" / "0.png").read_bytes())
    assert len(striate.check(folder).clashes) == 1


def test_check_says_what_is_white(ten_bits):
    assert any(
        warning.endswith("hold numbers up to 1,023: 1,023 becomes white (white=... states another number)")
        for warning in striate.check(ten_bits).warnings
    )


def test_a_run_keeps_what_is_white_and_uses_it(ten_bits, tmp_path):
    run = striate.train(ten_bits, "lenet5", run=tmp_path / "run", epochs=1, batch_size=4, autotune=False)
    assert run.preprocess.white == 1023
    assert striate.load(run.path).preprocess.white == 1023
    picture = ten_bits / "a" / "3.png"
    raw = np.asarray(Image.open(picture)).astype(float)
    assert (read_picture(picture, 1, white=1023)[:, :, 0] == (raw * (255 / 1023)).round()).all()
    stated = striate.train(ten_bits, "lenet5", run=tmp_path / "b", epochs=1, batch_size=4, autotune=False, white=65535)
    assert stated.preprocess.white == 65535
    (tmp_path / "run" / "report.html").unlink()
    assert striate.resume(run.path).preprocess.white == 1023


def test_what_is_above_white_is_white(tmp_path):
    Image.fromarray(np.array([[0, 500, 1000, 60000]], np.uint16)).save(tmp_path / "x.png")
    content = (tmp_path / "x.png").read_bytes()
    assert read_is_wide(tmp_path / "x.png")
    assert decode_picture(content, "x.png", 1, white=1000).ravel().tolist() == [0, 128, 255, 255]
    assert decode_picture(content, "x.png", 1).ravel().tolist() == [0, 2, 4, 233]


def test_a_picture_that_needs_more_memory_than_there_is_is_named(ten_bits, monkeypatch):
    def too_much(*_):
        raise MemoryError

    for place in ("to_pixels", "read_regular", "_scaled"):
        with monkeypatch.context() as patch:
            patch.setattr(decode, place, too_much)
            with pytest.raises(DecodeError, match=r"3\.png needs more memory than there is"):
                read_picture(ten_bits / "a" / "3.png")


def test_a_whole_data_set_that_needs_more_memory_than_there_is_is_named(tmp_path, monkeypatch):
    def too_much(*_):
        raise MemoryError

    monkeypatch.setattr(sources, "open_folder", too_much)
    with pytest.raises(StriateError, match="needs more memory than there is to be read; close other programs"):
        open_data(tmp_path)


def test_labels_are_checked_with_the_same_white(ten_bits):
    assert extract_features(ten_bits).white == 1023
