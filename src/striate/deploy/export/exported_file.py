"""A file that was written, and what was found of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.one_screen import OneScreen
from striate.core.units import in_bytes
from striate.deploy.export.drop import Drop, FigureDrop
from striate.deploy.export_record import ExportRecord


@dataclass(frozen=True, repr=False)
class ExportedFile(OneScreen):
    """A file that was written and tried.

    any_size: whether it takes pictures of any height and width. tried_on: what pictures. size_bytes: of the file, with
    that which lies beside it. drop: of the task's first figure, in int8.
    """

    path: Path
    record: ExportRecord
    format: str
    any_size: bool
    tried_on: str
    size_bytes: int
    drop: Drop | FigureDrop | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        proof = self.record.proof
        assert proof is not None  # noqa: S101 - without one it was not written
        return {
            "output": str(self.path),
            "format": self.format,
            "precision": self.record.precision,
            "with_preprocessing": self.record.with_preprocessing,
            "any_size": self.any_size,
            "bytes": self.size_bytes,
            "sha256": self.record.sha256,
            "tried_on": self.tried_on,
            "pictures": proof.pictures,
            "largest_difference": proof.largest_difference,
            "near_ties": list(proof.near_ties),
            **({"int8": self.drop.to_dict()} if self.drop else {}),
        }

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        told = self.to_dict()
        return {"path": told.pop("output"), **told, "bytes": in_bytes(self.size_bytes)}
