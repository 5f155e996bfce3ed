"""The run folders that a person may have meant by a name that is none."""

from __future__ import annotations

import difflib
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path

from striate.models.stored import CONFIG

USUAL = Path("runs")  # where `striate train` puts them
NEAREST = 2
MOST_LOOKED_AT = 1_000  # of what lies in a folder


def near_runs(name: str | Path) -> list[str]:
    """Those of a like name beside it, here and in `runs/`, the nearest first."""
    found: dict[str, str] = {}
    for place in dict.fromkeys((Path(name).parent, Path(), USUAL)):
        with suppress(OSError), os.scandir(place) as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                if (place / entry.name / CONFIG).is_file():
                    found.setdefault(entry.name.lower(), str(place / entry.name))
    near = difflib.get_close_matches(Path(name).name.lower(), found, n=NEAREST, cutoff=0.6)
    return [found[each] for each in near]
