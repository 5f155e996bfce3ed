"""What runs have found out about themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.training.folder.layout import read_metrics


def found_in(run: Path) -> dict[str, dict[str, Any]]:
    """The findings of a run by kind: each once, and in its log as a sentence of a list."""
    records: list[dict[str, Any]] = [record for line in read_metrics(run) for record in line.get("findings", ())]
    assert len({record["kind"] for record in records}) == len(records)  # nothing twice
    for record in records:
        assert record["text"] in (run / "log.txt").read_text()
        assert not record["text"].endswith(".")
    return {record["kind"]: record for record in records}
