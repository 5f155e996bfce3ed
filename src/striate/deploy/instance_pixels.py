"""The pixels of objects that were found, without torch, so that a server of an exported file needs none."""

from __future__ import annotations

from striate.answers.instances import Instance, shape_in
from striate.ops.masks import Runs


def pixels_of(found: Instance, size: tuple[int, int]) -> Runs:
    """The pixels of an object in a picture of that height and width."""
    return Runs.of_window(*shape_in(found.cells, found.box_at(*size), size), size)
