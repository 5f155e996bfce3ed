"""Nearly equal pictures, as `distance` and `check --near` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from striate.cli.output import print_table, say

if TYPE_CHECKING:
    from striate.frozen.near_duplicates import NearDuplicates

PAIRS_SHOWN = 20


def show_near(found: NearDuplicates) -> None:
    """The nearest pairs, and how many there are."""
    rows = [(*found.named(pair), f"{pair.distance:.3f}") for pair in found.pairs[:PAIRS_SHOWN]]
    if rows:
        print_table(("picture", "nearly equal", "distance"), rows, numeric=("distance",))
    if len(found.pairs) > PAIRS_SHOWN:
        say(f"and {len(found.pairs) - PAIRS_SHOWN:,} more, which --json has")
    say(found)
