"""What trials have measured, kept in the cache: one file per machine, network, size, recipe and data."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import read_record
from striate.data.cache import cache_root
from striate.training.planning.trial import Costs

Kept = TypedDict("Kept", {"for": dict[str, Any], "measured": Costs})


def read_costs(key: dict[str, Any]) -> Costs | None:
    """The costs of a training that was tried before; None where there are none, or none that can be trusted."""
    with suppress(StriateError):  # a damaged record is as good as none
        return read_record(_path(key), Kept)["measured"]
    return None


def write_costs(key: dict[str, Any], costs: Costs) -> None:
    """Remember them. A cache that cannot be written costs the next plan a trial, no more."""
    with suppress(StriateError, OSError):
        write_json(_path(key), {"for": key, "measured": asdict(costs)})


def _path(key: dict[str, Any]) -> Path:
    name = hashlib.blake2b(repr(key).encode(), digest_size=12).hexdigest()
    return cache_root() / "plans" / f"{name}.json"
