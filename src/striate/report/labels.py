"""The pictures whose label is most likely wrong, as one offline page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from markupsafe import Markup

from striate.core.files import write_bytes
from striate.core.version import __version__
from striate.data.decode import DecodeError
from striate.features.label_check import LabelCheck
from striate.features.label_errors import Suspect
from striate.report.page import TEMPLATES, environment
from striate.report.pictures import Shown, shown

MOST_SHOWN = 200
MOST_PAIRS = 30


def write_label_page(path: Path, check: LabelCheck) -> None:
    """Write the page of a check as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    write_bytes(path, render_labels(check).encode("utf-8", "replace"))


def render_labels(check: LabelCheck) -> str:
    """The page of a check, with the surest suspects' pictures."""
    pairs = Counter((check.classes[suspect.given], check.classes[suspect.likely]) for suspect in check.suspects)
    return environment().get_template("labels.html.jinja").render(
        check=check,
        source=check.described.dataset.source,
        pictures=len(check.described.labels),
        shown_suspects=[
            (suspect, check.described.name(suspect.place), thumbnail(check, suspect))
            for suspect in check.suspects[:MOST_SHOWN]
        ],
        pairs=[(*pair, count) for pair, count in pairs.most_common(MOST_PAIRS)],
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),  # ours
        version=__version__,
    )  # fmt: skip


def thumbnail(check: LabelCheck, suspect: Suspect) -> Shown | None:
    """A suspect's picture for the page; None where it cannot be read any more."""
    try:
        return shown(check.pixels(suspect))
    except DecodeError:
        return None
