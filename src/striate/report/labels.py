"""The pictures whose label is most likely wrong, as one offline page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from striate.data.decode import DecodeError
from striate.frozen.label_check import LabelCheck
from striate.frozen.label_errors import Suspect
from striate.report.offline import rendered, write_page
from striate.report.pictures import Shown, shown

MOST_SHOWN = 200
MOST_PAIRS = 30


def write_label_page(path: Path, check: LabelCheck) -> None:
    """Write the page of a check as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_page(path, render_labels(check))


def render_labels(check: LabelCheck) -> str:
    """The page of a check, with the surest suspects' pictures."""
    pairs = Counter((check.classes[suspect.given], check.classes[suspect.likely]) for suspect in check.suspects)
    return rendered(
        "labels.html",
        check=check,
        source=check.dataset_features.dataset.source,
        pictures=len(check.dataset_features.labels),
        shown_suspects=[
            (suspect, check.dataset_features.name(suspect.place), thumbnail(check, suspect))
            for suspect in check.suspects[:MOST_SHOWN]
        ],
        pairs=[(*pair, count) for pair, count in pairs.most_common(MOST_PAIRS)],
    )


def thumbnail(check: LabelCheck, suspect: Suspect) -> Shown | None:
    """A suspect's picture for the page; None where it cannot be read any more."""
    try:
        return shown(check.pixels(suspect))
    except DecodeError:
        return None
