from __future__ import annotations

import errno
import os

import pytest

from striate.core.errors import StriateError
from striate.core.files import new_folder, write_bytes, write_json
from striate.core.reading import read_record


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_replaces_the_old_file_and_leaves_nothing_beside(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path, monkeypatch):
    write_bytes(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StriateError, match="no space left on the disk while writing .*a; what was there before is"):
        write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_appears_only_when_all_of_it_is_written(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "state") as folder:
        (folder / "half").write_bytes(b"x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "state") as folder:
        (folder / "whole").write_bytes(b"x")
        assert not (tmp_path / "state").exists()
    assert (tmp_path / "state" / "whole").read_bytes() == b"x"


def test_damaged_and_missing_json_are_named(tmp_path):
    write_json(tmp_path / "a.json", {"ä": 1})
    assert read_record(tmp_path / "a.json", dict[str, int]) == {"ä": 1}
    (tmp_path / "a.json").write_text('{"ä": ')
    with pytest.raises(StriateError, match=r"a\.json is damaged"):
        read_record(tmp_path / "a.json", dict[str, int])
    with pytest.raises(StriateError, match=r"b\.json is missing; .* is not a complete run folder"):
        read_record(tmp_path / "b.json", dict[str, int])


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    with pytest.raises(StriateError, match="may not write .*: Read-only file system; make .* writable"):
        write_bytes(tmp_path / "a", b"new")
