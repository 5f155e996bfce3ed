"""What calibrating a classifier came to: how sure it was and is, in words and for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate.answers.calibration import Calibration
from striate.answers.classes import NONE_OF_THESE
from striate.core.one_screen import OneScreen
from striate.core.units import counted
from striate.data.decode import DecodeError
from striate.ops.metrics import wilson_interval

FITTED_ON, MEASURED_ON = "val", "test"


@dataclass(frozen=True)
class Sureness:
    """How sure a network is. error: expected calibration error; interval: 95 % of it; chance: what chance makes of it.

    loss: cross-entropy in nats.
    """

    error: float
    interval: tuple[float, float]
    chance: float
    loss: float


@dataclass(frozen=True)
class Keeping:
    """Of `pictures` of its classes how many a network gives a class, and how many of these are right."""

    pictures: int
    kept: int
    right: int

    @property
    def sentence(self) -> str:
        """In words."""
        low, high = wilson_interval(self.kept, self.pictures)
        right = f"; {self.right / self.kept:.2%} of these are right" if self.kept else ""
        share = f"{self.kept / self.pictures:.2%} (95 % interval {low:.2%} to {high:.2%})"
        return f"{share} of these pictures keep a class{right}"


@dataclass(frozen=True, repr=False)
class Calibrated(OneScreen):
    """What calibration came to. fitted: by how many validation pictures. crossed: whether these were measured too, each
    half by what was fitted to the other, for want of a test part; else test pictures were.

    settled: whether the temperature could be fitted at all. kept: of the known pictures; None without a threshold.
    unknown: of pictures of none of the classes that were given, how many, and how many of them got one.
    """

    path: Path
    source: str
    calibration: Calibration
    fitted: int
    crossed: bool
    settled: bool
    before: Sureness
    after: Sureness
    measured: int
    kept: Keeping | None
    unknown: tuple[int, int] | None = None
    unreadable: tuple[DecodeError, ...] = ()

    def sentences(self) -> list[str]:
        """What it came to, in words."""
        on = f"{counted(self.fitted, 'validation picture')} of {self.source}"
        told = [
            f"temperature {self.calibration.temperature:.3f}, fitted on {on}"
            if self.settled
            else f"temperature 1: always right, or hardly ever, on {on}, so nothing says how sure it may be"
        ]
        where = (
            "by halves of the validation pictures, each by what was fitted to the other, as there is no test part"
            if self.crossed
            else f"on {counted(self.measured, 'test picture')}"
        )
        told.append(
            f"calibration error {where}: {_told(self.before)} before, {_told(self.after)} after, where "
            f"{self.after.chance:.2%} would be chance; loss {self.before.loss:.4f} before, {self.after.loss:.4f} after"
        )
        if self.kept is not None:
            told.append(f"{NONE_OF_THESE!r} below a share of {self.calibration.none_below:.1%}: {self.kept.sentence}")
        if self.unknown is not None:
            total, classed = self.unknown
            told.append(f"of {counted(total, 'unknown picture')} {1 - classed / total:.1%} are {NONE_OF_THESE!r}")
        return told

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return dict(zip(("temperature", "measured", "threshold", "unknown"), self.sentences(), strict=False))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.calibration.to_dict(),
            "data": self.source,
            "fitted_on": self.fitted,
            "measured_on": FITTED_ON if self.crossed else MEASURED_ON,
            "pictures": self.measured,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "kept": None if self.kept is None else asdict(self.kept),
            "unknown": None if self.unknown is None else dict(zip(("pictures", "classed"), self.unknown, strict=True)),
            "unreadable": [{"name": error.name, "reason": error.reason} for error in self.unreadable],
        }


def _told(found: Sureness) -> str:
    low, high = found.interval
    return f"{found.error:.2%} (95 % interval {low:.2%} to {high:.2%})"
