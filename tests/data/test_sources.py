"""One door to all data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from striate.core.errors import StriateError
from striate.data.sources import ALLOWED, open_data


def refused(source: str | Path, text: str) -> None:
    with pytest.raises(StriateError, match=f"^{re.escape(text)}$"):
        open_data(source)


@pytest.mark.parametrize("name", ["digit", "digts", "Digits"])
def test_nearest_built_in_is_offered(name: str) -> None:
    refused(name, f"unknown data {name!r}; did you mean 'digits'?")


def test_nothing_there(tmp_path: Path) -> None:
    refused("nonsense", f"nonsense: no such file or folder; {ALLOWED}")
    for name in ("photos", "list.csv", "cifar.tar.gz", "train-images-idx3-ubyte"):
        refused(tmp_path / name, f"{tmp_path / name}: no such file or folder; {ALLOWED}")


def test_other_files(tmp_path: Path) -> None:
    for name in ("photos.zip", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"PK")
        refused(tmp_path / name, f"{tmp_path / name} is not data that can be opened; {ALLOWED}")


def test_an_array_alone_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY")
    refused(
        tmp_path / "x.npy",
        f"{tmp_path / 'x.npy'} holds one array, and pictures need labels: save both in one file, "
        "numpy.savez('data.npz', x=pictures, y=labels), or give (pictures, labels) in Python",
    )


def test_folder_called_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in name goes first; ./ leads to the folder."""
    for name in ("digits/a/1.jpg", "digits/b/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert len(open_data("digits").pictures) == 1797
    assert open_data("./digits").classes == ("a", "b")
    assert open_data(Path("digits").absolute()).classes == ("a", "b")


def test_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "data.csv").write_text("1.jpg,a\n2.jpg,b\n")
    assert open_data("~/data.csv").classes == ("a", "b")
