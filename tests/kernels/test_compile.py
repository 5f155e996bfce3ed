"""The compiled kernels: made where there is a compiler, made again when damaged, done without where neither works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from striate.core.errors import StorageError
from striate.kernels import compile as module
from striate.kernels.compile import Kernels, load_kernels


def test_without_a_compiler_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPILERS", ("no-such-compiler",))
    assert load_kernels(tmp_path) is None
    assert not list(tmp_path.rglob("*.so"))


@pytest.mark.parametrize("content", [b"", b"not machine code", None])
def test_a_damaged_file_is_made_again(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """None: cut in the middle, which would end the process when it is called."""
    whole = Path(kernels.library._name)
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2] if content is None else content)
    damaged.with_suffix(".sha256").write_bytes(whole.with_suffix(".sha256").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(module, "COMPILERS", ("no-such-compiler",))
        assert load_kernels(tmp_path) is None
    assert load_kernels(tmp_path) is not None
    assert damaged.stat().st_size == whole.stat().st_size


def test_a_disk_without_room_has_none(kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space left on the disk")

    monkeypatch.setattr(module, "write_bytes", full)
    assert load_kernels(tmp_path) is None


def test_a_library_that_others_could_have_put_there_is_not_loaded(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path(kernels.library._name)
    planted = tmp_path / whole.name
    monkeypatch.setattr(module.ctypes, "CDLL", lambda path: pytest.fail(f"{path} was loaded"))
    monkeypatch.setattr(module, "COMPILERS", ("no-such-compiler",))
    planted.write_bytes(whole.read_bytes())
    for file_mode, folder_mode in ((0o664, 0o700), (0o646, 0o700), (0o644, 0o770), (0o644, 0o777)):
        planted.chmod(file_mode)
        tmp_path.chmod(folder_mode)
        assert load_kernels(tmp_path) is None
    tmp_path.chmod(0o700)
    planted.unlink()
    planted.symlink_to(whole)
    assert load_kernels(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_a_library_of_another_user_is_not_loaded(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path(kernels.library._name)
    planted = tmp_path / whole.name
    planted.write_bytes(whole.read_bytes())
    os.chown(planted, 12345, 12345)
    monkeypatch.setattr(module.ctypes, "CDLL", lambda path: pytest.fail(f"{path} was loaded"))
    monkeypatch.setattr(module, "COMPILERS", ("no-such-compiler",))
    assert load_kernels(tmp_path) is None
