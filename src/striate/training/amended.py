"""What a run that goes on writes into its recipe.json: which pictures it goes on without, and where they lie now."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from striate.core.files import write_json
from striate.data.working import Bad
from striate.training.folder.begun import read_begun
from striate.training.folder.layout import RECIPE


def without_of(record: dict[str, Any]) -> list[int]:
    """Numbers of the pictures that a run goes on without, by its recipe.json."""
    return [int(entry["number"]) for entry in record["data"].get("without", [])]


def note_without(folder: Path, bad: Bad, from_step: int) -> None:
    """Write into recipe.json which pictures a run goes on without, and from which step on."""
    _, record = read_begun(folder)
    record["data"].setdefault("without", []).extend(
        {"number": number, "name": error.name, "reason": error.reason, "from_step": from_step}
        for number, error in sorted(bad.items())
    )
    write_json(folder / RECIPE, record)


def note_moved(folder: Path, source: str, split: str | None = None) -> bool:
    """Write into recipe.json where the pictures are now, and where they were; False when they were there before.

    split: which of those elsewhere, "val" or "test"; None: the data itself.
    """
    (_, record), now = read_begun(folder), str(Path(source).resolve())
    data = record["data"]
    place = data if split is None else data["elsewhere"][split]
    if place["source"] == now:
        return False
    data["moved_from"] = [*data.get("moved_from", []), place["source"]]
    record["command"] = _moved(record["command"], record["source"], place["source"], now, split)
    place["source"] = now
    if split is None:
        record["source"] = now
    write_json(folder / RECIPE, record)
    return True


def _moved(command: str, named: str, before: str, now: str, split: str | None) -> str:
    """The command of a run whose pictures have moved. named: the data as the person did; before: the whole path."""
    if command.startswith("striate.train("):
        ways = [("(", named), ("(", before)] if split is None else [(f" {split}=", before)]
        for at, old in ways:
            command = command.replace(f"{at}{old!r},", f"{at}{now!r},", 1)
        return command
    parts = shlex.split(command)
    place = parts.index(f"--{split}") + 1 if split is not None else 2
    return shlex.join([*parts[:place], now, *parts[place + 1 :]])
