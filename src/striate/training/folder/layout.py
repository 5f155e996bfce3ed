"""A run is a folder: its files, its lock, its log of metrics."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, takewhile
from pathlib import Path
from typing import Any, TypedDict

from striate.core.errors import StriateError
from striate.core.files import storage_errors, write_bytes
from striate.core.own_code import names_code
from striate.core.reading import Count, Positive, Share, decoded, read_file
from striate.core.visible import visible

RECIPE, METRICS, LOG, EVALUATION = "recipe.json", "metrics.jsonl", "log.txt", "evaluation.json"
FOLDS = "folds.json"
MOST_CHARACTERS = 40  # of a network's name in a folder's
REPORT, TRANSFER, THREADS, STATE, LOCK = "report.html", "transfer.json", "threads.json", "state", ".lock"


def folder_word(name: str) -> str:
    """A network's name as a part of a folder's: letters, digits, _ and ., for all else hyphens; not all of a long one.

    >>> folder_word("resnet18"), folder_word("((conv64-relu)*2-pool)*3-fc256-relu-softmax")
    ('resnet18', 'conv64-relu-2-pool-3-fc256-relu-softmax')

    Of code only its own name:

    >>> folder_word("my_net.py:Net"), folder_word("my_net.py:main.<locals>.<lambda>")
    ('Net', 'lambda')
    """
    name = name.rpartition(":")[2].rpartition(".")[2] if names_code(name) else name
    word = re.sub(r"[^\w.]+", "-", name).strip("-.")
    return word if len(word) <= MOST_CHARACTERS else word[: MOST_CHARACTERS + 1].rpartition("-")[0]


def next_free(parent: Path, stem: str) -> Path:
    """`parent/stem`, or `parent/stem-2` and so on where that is taken."""
    candidate, number = parent / stem, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{stem}-{number}"
    return candidate


def fold_path(folder: Path, number: int) -> Path:
    """The run folder of a fold, counted from 1, of a folder of several."""
    return folder / f"fold{number}"


def folds_below(folder: Path) -> list[Path]:
    """The run folders of a folder of folds that is finished; none of another."""
    if not (folder / FOLDS).is_file():
        return []
    paths = takewhile(lambda path: (path / RECIPE).is_file(), (fold_path(folder, number) for number in count(1)))
    return list(paths)


def is_finished(folder: Path) -> bool:
    """Whether a run was tested and its report written."""
    return (folder / EVALUATION).exists() and (folder / REPORT).exists()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process alone; the system lets go when the process dies, however it dies.

    A folder that was made for this and in which nothing came to be is removed again. Raises StriateError, with the
    process, when another one holds it, or when files cannot be locked there.
    """
    made = not folder.exists()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock_or_refuse(handle, folder)
        try:
            with storage_errors(folder / LOCK):
                os.ftruncate(handle, 0)
                os.write(handle, f"#{os.getpid()} on {platform.node()}".encode())
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(handle, 0)  # so that nobody reads a name of the past while the next one takes the lock
            with suppress(OSError):  # Windows keeps a file that is open; others may have taken the folder away
                if made and [path.name for path in folder.iterdir()] == [LOCK]:
                    (folder / LOCK).unlink()
                    folder.rmdir()
    finally:
        os.close(handle)


def _lock_or_refuse(handle: int, folder: Path) -> None:
    try:
        _lock(handle)
        held = os.path.samestat(os.fstat(handle), (folder / LOCK).stat())  # else its holder has just removed it
    except (BlockingIOError, PermissionError, FileNotFoundError):
        held = False
    except OSError as error:
        raise StriateError(f"files in {folder} cannot be locked ({error.strerror}); choose another --run") from error
    if not held:
        raise StriateError(f"{_holder(handle)} is training in {folder}; wait for it or choose another --run")


def _holder(handle: int) -> str:
    """Who holds the lock: its name is in the file a moment after the lock is taken, so an empty file is read again."""
    for wait in (0, 0.05, 0.2, 0.75):
        time.sleep(wait)
        os.lseek(handle, 1, os.SEEK_SET)  # on Windows the first byte, which is what is locked, cannot be read
        if who := os.read(handle, 200).decode(errors="replace"):
            return f"process {who}"
    return "another process"


if os.name == "nt":  # pragma: no cover - exercised on Windows only
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def append_metrics(folder: Path, line: dict[str, Any]) -> None:
    """Add one line to metrics.jsonl."""
    with storage_errors(folder / METRICS), (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


class Found(TypedDict):
    """One finding of a run that watches itself."""

    kind: str
    epoch: Count
    step: Count
    text: str


class Told(TypedDict, total=False):
    """What a line may hold besides: findings, and the figures of its task."""

    findings: list[Found]
    val_loss: float
    train_accuracy: Share
    val_accuracy: Share
    clean_accuracy: Share


class Line(Told):
    """A line of metrics.jsonl: an epoch. Losses and rates may be NaN, as old runs wrote them."""

    epoch: Positive
    step: Count
    lr: float
    train_loss: float
    images_per_second: float
    seconds: float


class Validation(Line):
    """The line of an epoch that was validated."""

    best: bool


class Look(Validation):
    """The line of an epoch at whose end the run looked at itself."""

    grad_norm: float
    update_ratio: float
    dead_share: Share


def read_metrics(folder: Path, say: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl; a half-written last one is left out, and so are those that are not of a run.

    say: is told of the latter.
    """
    lines = list(lines_of(folder))
    for line in lines[:-1]:
        if say is not None and isinstance(line, StriateError):
            say(f"warning: {line}; it is left out")
    return [line for line in lines if not isinstance(line, StriateError)]


def lines_of(folder: Path) -> Iterator[dict[str, Any] | StriateError]:
    """The lines of metrics.jsonl, or why one is none of a run; nothing where there is no such file."""
    path = folder / METRICS
    rows = read_file(path).splitlines() if path.exists() else []
    for number, row in enumerate(rows, start=1):
        try:
            yield line_of(row, f"{path}, line {number},")
        except StriateError as error:
            yield error


def line_of(row: bytes, source: str) -> dict[str, Any]:
    """A line with all that it holds. Raises StriateError when a field lacks or is not what it should be."""
    line = decoded(row, dict[str, Any], source, allow_nan=True)
    decoded(row, Look if "update_ratio" in line else Validation if "best" in line else Line, source, allow_nan=True)
    return line


def read_validations(folder: Path) -> list[dict[str, Any]]:
    """The lines of the epochs that were validated; a recipe may leave out some."""
    return [line for line in read_metrics(folder) if "best" in line]


def discard_metrics_after(folder: Path, step: int, say: Callable[[str], None] | None = None) -> None:
    """Drop the lines of steps that a resumed run will make again; `say` as in `read_metrics`."""
    kept = [line for line in read_metrics(folder, say) if line["step"] <= step]
    write_bytes(folder / METRICS, "".join(json.dumps(line) + "\n" for line in kept).encode())


def append_log(folder: Path, text: str) -> None:
    """Add one line to log.txt, shown as on a terminal: one day it is read on one."""
    with storage_errors(folder / LOG), (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(visible(text) + "\n")
