"""The parts of the page, in its order: a literal that anyone can read."""

from __future__ import annotations

from collections.abc import Sequence

from striate.core.errors import StriateError, unknown_name
from striate.report.look.activations import look_at_activations
from striate.report.look.attribution import look_at_reasons
from striate.report.look.diagram import look_at_layers
from striate.report.look.doubts import look_at_doubts
from striate.report.look.filters import look_at_filters
from striate.report.look.maps import look_at_maps
from striate.report.look.part import Part
from striate.report.look.units import look_at_units
from striate.report.look.visualisation import look_at_visualisations

_ALL = (
    Part("diagram", "The network", "look/diagram.html", look_at_layers, needs_pictures=False),
    Part("filters", "What the first layer looks for", "look/filters.html", look_at_filters, needs_pictures=False),
    Part("activations", "What every layer makes of a picture", "look/activations.html", look_at_activations),
    Part("units", "What its units answer to", "look/units.html", look_at_units),
    Part("visualisation", "What it makes up", "look/visualisation.html", look_at_visualisations, needs_pictures=False),
    Part("attribution", "Where the reasons for an answer lie", "look/attribution.html", look_at_reasons),
    Part("maps", "Which pictures it finds alike", "look/maps.html", look_at_maps),
    Part("doubts", "What it does not know", "look/doubts.html", look_at_doubts),
)
PARTS = {part.name: part for part in _ALL}
"""Every part by its name."""


def parts_named(only: Sequence[str]) -> list[Part]:
    """Some parts, in the order of the page; all where none is named. Raises StriateError that offers the nearest."""
    for name in only:
        if name not in PARTS:
            raise unknown_name("part of the page", name, PARTS)
    return [part for part in PARTS.values() if not only or part.name in only]


def require_pictures(parts: Sequence[Part], only: Sequence[str], *, given: bool) -> list[Part]:
    """Those that can be looked at. Raises StriateError where a part that was named, or every one, needs pictures."""
    possible = [part for part in parts if given or not part.needs_pictures]
    named = [part.name for part in parts if part.name in only and part not in possible]
    if named or not possible:
        what = ", ".join(named) if named else "every part of the page"
        raise StriateError(f"{what} needs pictures, and none were given; name some by --data")
    return possible
