from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.cache import cache_root, scan, working_pictures
from striate.data.dataset import FilePictures
from striate.data.folder import open_folder
from striate.data.working import CachedPictures, DecodedPictures

RECORD = Preprocess((16, 16), (16, 16))


@pytest.fixture
def decodes(monkeypatch):
    """Counts how often a file is decoded."""
    count = []
    decode = FilePictures.decode
    monkeypatch.setattr(FilePictures, "decode", lambda *a, **k: (count.append(1), decode(*a, **k))[1])
    return count


def everything(dataset):
    return np.arange(len(dataset.pictures))


def test_the_second_time_no_picture_is_read(photos, decodes):
    dataset = open_folder(photos)
    first, _ = working_pictures(dataset, RECORD)
    assert len(decodes) == 40
    pixels = first.take(everything(dataset))
    second, _ = working_pictures(open_folder(photos), RECORD)
    assert (second.take(everything(dataset)) == pixels).all()
    assert len(decodes) == 40


def test_cached_pixels_are_decoded_pixels(photos):
    dataset = open_folder(photos)
    cached, _ = working_pictures(dataset, RECORD)
    assert isinstance(cached, CachedPictures)
    decoded = DecodedPictures(dataset.pictures, RECORD)
    assert (cached.take(everything(dataset)) == decoded.take(everything(dataset))).all()


@pytest.mark.parametrize("change", ["content", "time", "new file", "removed file"])
def test_a_change_is_never_missed(photos, change):
    working_pictures(open_folder(photos), RECORD)
    file = photos / "level" / "03.png"
    before = file.stat()
    if change == "content":
        Image.new("RGB", (24, 24), "red").save(file)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # even with the time put back
    elif change == "time":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    elif change == "new file":
        Image.new("RGB", (24, 24), "red").save(photos / "level" / "00a.png")
    else:
        file.unlink()
    dataset = open_folder(photos)
    cached, _ = working_pictures(dataset, RECORD)
    assert (
        cached.take(everything(dataset)) == DecodedPictures(dataset.pictures, RECORD).take(everything(dataset))
    ).all()


def test_what_does_not_fit_is_decoded_each_time(photos, decodes):
    dataset = open_folder(photos)
    working, found = working_pictures(dataset, RECORD, cache_gb=1e-6)
    assert isinstance(working, DecodedPictures)
    assert found.problems == {}
    before = len(decodes)
    working.take(everything(dataset))
    assert len(decodes) == before + 40


def test_old_entries_make_room(photos):
    dataset = open_folder(photos)
    size = 40 * 16 * 16 * 3
    working_pictures(dataset, RECORD, cache_gb=2 * size / 1e9)
    entry = next((cache_root() / "decoded").iterdir())
    os.utime(entry, (0, 0))
    working_pictures(dataset, Preprocess((8, 8), (16, 16), (0.4,) * 3, (1,) * 3), cache_gb=2 * size / 1e9)
    assert entry.exists()  # the same pixels: nothing was added
    os.utime(entry, (0, 0))
    working_pictures(dataset, Preprocess((17, 17), (17, 17)), cache_gb=2 * size / 1e9)
    assert not entry.exists()
    assert len(list((cache_root() / "decoded").iterdir())) == 1


def test_a_killed_build_leaves_nothing_that_counts(photos, monkeypatch):
    dataset = open_folder(photos)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("striate.data.cache._write_scan", killed)
    with pytest.raises(KeyboardInterrupt):
        working_pictures(dataset, RECORD)
    monkeypatch.undo()
    cached, _ = working_pictures(dataset, RECORD)
    assert (
        cached.take(everything(dataset)) == DecodedPictures(dataset.pictures, RECORD).take(everything(dataset))
    ).all()


def test_the_scan_is_remembered(photos, decodes):
    first = scan(open_folder(photos))
    second = scan(open_folder(photos))
    assert len(decodes) == 40
    assert (first.digests == second.digests).all()
    assert first.sizes_px.tolist() == [[24, 24]] * 40


def test_a_negative_size_is_refused(photos):
    with pytest.raises(StriateError, match="--cache-gb must be at least 0, got -1"):
        working_pictures(open_folder(photos), RECORD, cache_gb=-1)
