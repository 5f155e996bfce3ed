"""How fast settings are, as measured before: one file of the cache per machine, network, size and batch."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import read_record
from striate.data.cache import cache_root
from striate.runtime.runtime import Runtime
from striate.training.speed.compiling import Compiling

Seconds = dict[Runtime, float]
"""Of one picture's share of a training step, by settings."""


@dataclass(frozen=True)
class Timing:
    """How long one picture takes in some settings."""

    settings: Runtime
    seconds: Annotated[float, Meta(gt=0, le=1e9)]


Timings = TypedDict("Timings", {"for": dict[str, Any], "measured": list[Timing]})
Gain = TypedDict("Gain", {"for": dict[str, Any], "measured": Compiling})


def read_seconds(key: dict[str, Any]) -> Seconds:
    """Seconds by settings; empty where there are none, or none that can be trusted.

    key: everything that the measurement is for.
    """
    with suppress(StriateError):  # a damaged record is as good as none
        record = read_record(_path(key), Timings)
        return {row.settings: row.seconds for row in record["measured"]} if record["for"] == key else {}
    return {}


def write_seconds(key: dict[str, Any], seconds: Seconds) -> None:
    """Remember seconds by settings."""
    _write(key, [{"settings": asdict(runtime), "seconds": value} for runtime, value in seconds.items()])


def read_compiling(key: dict[str, Any]) -> Compiling | None:
    """What compiling brings; None where nobody has measured it, or it cannot be trusted."""
    with suppress(StriateError):
        record = read_record(_path(key), Gain)
        return record["measured"] if record["for"] == key else None
    return None


def write_compiling(key: dict[str, Any], compiling: Compiling) -> None:
    """Remember what compiling brings."""
    _write(key, asdict(compiling))


def _path(key: dict[str, Any]) -> Path:
    name = hashlib.blake2b(repr(key).encode(), digest_size=12).hexdigest()
    return cache_root() / "autotune" / f"{name}.json"


def _write(key: dict[str, Any], measured: Any) -> None:
    """A cache that cannot be written costs the next run a measurement, no more."""
    with suppress(StriateError, OSError):
        write_json(_path(key), {"for": key, "measured": measured})
