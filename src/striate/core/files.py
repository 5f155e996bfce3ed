"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from striate.core.errors import StorageError

FULL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "no quota left on the disk",
    errno.EFBIG: "a limit on the size of files (ulimit -f) was reached",
    errno.EIO: "the disk failed",
}

NOT_REGULAR = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISSOCK, "is a socket"),
)


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn a full or failing disk or a read-only folder, met while writing `target`, into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            what_to_do = "mend that" if error.errno in (errno.EIO, errno.EFBIG) else "free some space"
            raise StorageError(
                f"{FULL[error.errno]} while writing {target}; what was there before is untouched: "
                f"{what_to_do} and run the command again; a training that was begun goes on with --resume"
            ) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise StorageError(
                f"may not write {target}: {error.strerror}; make {target.parent} writable and run the command again (a "
                "training that was begun goes on with --resume), or choose another folder"
            ) from error
        if isinstance(error, NotADirectoryError | FileExistsError):
            raise StorageError(f"may not write {target}: a file stands where a folder must be") from error
        raise


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file atomically and durably: readers see the old file or the new one, never a part.

    Raises StriateError on a full disk or a folder that may not be written; the old file then stays.
    """
    _refuse_folder(path)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def require_writable(path: Path) -> None:
    """Raise StorageError, before work of minutes, where a file could not be written at its end.

    Asked by making a file beside it, and taking it away again; a folder that is not there yet is not made.
    """
    _refuse_folder(path)
    with storage_errors(path):
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        handle, name = tempfile.mkstemp(dir=parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        Path(name).unlink()


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise StorageError(f"{path} is a folder; name the file that is to be written, such as {path / 'FILE'}")


def write_bytes(path: Path, content: bytes) -> None:
    """Write the whole of a file as `new_file` does."""
    with new_file(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys in the order given, non-ASCII as it is, but for stray bytes of file names."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode("utf-8", "backslashreplace"))  # of a surrogate that is JSON's own way to write it


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to be read.

    Raises OSError for anything else: a device has no end, and a pipe may have nobody who writes to it.
    """
    if "\0" in str(path):
        raise OSError(errno.ENOENT, "has a name that no file can have")
    _require_regular(path.stat().st_mode)  # before it is opened, which waits at a pipe and winds a tape
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        _require_regular(os.fstat(handle).st_mode)
        yield file


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file of at most that size. Raises OSError for anything else."""
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise OSError(errno.EFBIG, f"has {size:,} bytes, allowed are {most_bytes:,}")
        return file.read(size)


def _require_regular(mode: int) -> None:
    """Raise OSError for what is no regular file."""
    if not stat.S_ISREG(mode):
        what = next((what for is_that, what in NOT_REGULAR if is_that(mode)), "is something else")
        raise OSError(errno.EINVAL, f"{what}, no regular file")


def is_own(path: Path) -> bool:
    """Whether a file or folder is this user's and nobody else may write it: what code may be loaded from.

    A link is what it is itself, not what it points to. False where it is not there; on systems without users, True.
    """
    if os.name != "posix":
        return path.exists()
    try:
        status = path.lstat()
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode) and not status.st_mode & others


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable, where the system has a way to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_parts(folder: Path, older_than_s: float = 0.0) -> None:
    """Remove what a killed process left half-written in a folder: its own user's files, untouched for that long."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):  # another process is as quick
            inside = part.iterdir() if part.is_dir() else ()
            touched = max(path.stat().st_mtime for path in (part, *inside))
            # From the future is a file when the clock was set back, by nobody knows how much.
            if abs(time.time() - touched) < older_than_s or (os.name == "posix" and part.stat().st_uid != os.getuid()):
                continue
            shutil.rmtree(part) if part.is_dir() else part.unlink()


@contextmanager
def passing_folder(target: Path) -> Iterator[Path]:
    """A folder beside a file or folder that is to be made, under a temporary name; gone at the end."""
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Fill a folder under a temporary name; it gets its own name only once all of it is on the disk."""
    with passing_folder(target) as temporary:
        temporary.chmod(0o755)
        yield temporary
        for file in temporary.iterdir():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        sync_folder(temporary)
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
        sync_folder(target.parent)
