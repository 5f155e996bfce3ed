from __future__ import annotations

import errno
import io
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data import cache
from striate.data.cache import cache_root, scan, working_pictures
from striate.data.dataset import FilePictures
from striate.data.decode import DecodeError
from striate.data.folder import open_folder
from striate.data.working import CachedPictures, DecodedPictures

RECORD = Preprocess((16, 16), (16, 16))


@pytest.fixture
def decodes(monkeypatch):
    """Counts how often a file is decoded."""
    count = []
    decode = FilePictures.numbers
    monkeypatch.setattr(FilePictures, "numbers", lambda *a, **k: (count.append(1), decode(*a, **k))[1])
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
    with pytest.raises(StriateError, match="cache_gb must be a number of at least 0, got -1"):
        working_pictures(open_folder(photos), RECORD, cache_gb=-1)


@pytest.mark.parametrize("damage", ["cut short", "unreadable"])
def test_what_the_cache_lost_is_decoded_again(photos, damage, monkeypatch):
    dataset = open_folder(photos)
    cached, _ = working_pictures(dataset, RECORD)
    pixels = cached.take(everything(dataset))
    if damage == "cut short":  # under the run that has it open
        os.truncate(next(cache_root().rglob("pixels.npy")), 5000)
    else:

        def dying(*_):
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "read", dying)
    assert (cached.take(everything(dataset)) == pixels).all()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


HUGE = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (40, 1000000000000), }".ljust(
    118
)
FOREIGN = [b"", b"not an array", b"\x93NUMPY\x01\x00", saved(np.zeros((3, 2), np.int32)), HUGE, None]
DAMAGES = {
    "pixels.npy": [*FOREIGN, saved(np.zeros((40, 16, 16, 3), np.float32))],
    "sizes_px.npy": [*FOREIGN, saved(np.zeros((40, 2), np.int32)), saved(np.ones((40, 2), object))],
    "digests.npy": [*FOREIGN, saved(np.zeros((40, 16), np.uint8))],
    "problems.json": [b"", b"{}", b'[["a", "b"]]', b'[[99, "such"]]', b"[[1]]", b"[" * 100_000, None],
}


def spoil(file, damage):
    """None: the last byte is lost."""
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)


@pytest.mark.parametrize(
    ("name", "damage"), [(name, damage) for name, damages in DAMAGES.items() for damage in damages]
)
def test_a_damaged_entry_is_made_anew(photos, name, damage, decodes):
    dataset = open_folder(photos)
    cached, whole = working_pictures(dataset, RECORD)
    pixels = cached.take(everything(dataset))
    spoil(next((cache_root() / "decoded").rglob(name)), damage)
    again, found = working_pictures(dataset, RECORD)
    assert isinstance(again, CachedPictures)
    assert (again.take(everything(dataset)) == pixels).all()
    assert (found.digests == whole.digests).all() and (found.sizes_px == whole.sizes_px).all()
    assert len(decodes) == 80


@pytest.mark.parametrize("name", ["sizes_px.npy", "digests.npy", "problems.json"])
def test_a_damaged_scan_is_made_anew(photos, name, decodes):
    dataset = open_folder(photos)
    whole = scan(dataset)
    for number, damage in enumerate(DAMAGES[name], start=2):
        spoil(next((cache_root() / "scans").rglob(name)), damage)
        assert (scan(dataset).digests == whole.digests).all()
        assert len(decodes) == 40 * number
    assert (scan(dataset).sizes_px == whole.sizes_px).all() and len(decodes) == 40 * number


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
@pytest.mark.parametrize("name", DAMAGES)
def test_a_pipe_in_the_place_of_a_cache_file_is_replaced(photos, name):
    dataset = open_folder(photos)
    working_pictures(dataset, RECORD)
    file = next((cache_root() / "decoded").rglob(name))
    file.unlink()
    os.mkfifo(file)
    assert isinstance(working_pictures(dataset, RECORD)[0], CachedPictures)
    assert file.is_file()


def test_an_entry_in_use_may_be_removed(photos):
    """Another run makes room."""
    dataset = open_folder(photos)
    cached, _ = working_pictures(dataset, RECORD)
    shutil.rmtree(cache_root())
    (photos / "level" / "03.png").unlink()
    assert len(cached.take(everything(dataset))) == 40


def test_a_cache_that_cannot_be_written_is_said_and_done_without(photos, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file"))
    dataset = open_folder(photos)
    working, found = working_pictures(dataset, RECORD)
    assert isinstance(working, DecodedPictures)
    assert found.problems == {}
    first = caplog.messages[0]
    assert first.startswith("decoded pictures are not kept, each epoch decodes them anew: ")
    assert first.endswith(f"($STRIATE_CACHE names the folder, now {tmp_path / 'file'})")
    assert caplog.messages[1].startswith("what was found in the pictures is not remembered: ")


def test_a_disk_that_fills_up_while_the_cache_is_made(photos, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_write_scan", full)
    working, _ = working_pictures(open_folder(photos), RECORD)
    assert isinstance(working, DecodedPictures)
    assert "no space left on the disk while writing" in caplog.messages[0]
    assert not list(cache_root().rglob("*.part"))


def test_a_cache_that_may_only_be_read_is_used(photos, monkeypatch, decodes):
    working_pictures(open_folder(photos), RECORD)

    def forbidden(*_, **__):
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", forbidden)
    assert isinstance(working_pictures(open_folder(photos), RECORD)[0], CachedPictures)
    assert len(decodes) == 40


def test_what_a_killed_build_left_is_removed_after_a_day(photos):
    old, young = (cache_root() / "decoded" / f".{name}.part" for name in ("old", "young"))
    for part in (old, young):
        part.mkdir(parents=True)
        (part / "pixels.npy").write_bytes(bytes(10))
    yesterday = time.time() - 25 * 3600
    for path in (old, old / "pixels.npy", young):  # the young one's pixels are still being written
        os.utime(path, (yesterday, yesterday))
    working_pictures(open_folder(photos), RECORD)
    assert not old.exists()
    assert young.exists()


def test_bad_pictures_are_left_out_when_asked_for(photos):
    dataset = open_folder(photos)
    (photos / "level" / "03.png").write_text("no picture")
    working, bad = DecodedPictures(dataset.pictures, RECORD), {}
    assert len(working.take(np.array([2, 3, 4]), bad)) == 2
    assert [str(error) for error in bad.values()] == [
        f"{photos / 'level' / '03.png'} is not a picture in a known format (it starts with 'no pictu')"
    ]
    with pytest.raises(DecodeError, match=r"03\.png is not a picture"):
        working.take(np.array([2, 3, 4]))
