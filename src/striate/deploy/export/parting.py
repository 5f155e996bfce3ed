"""The layer at which a file parts from its network."""

from __future__ import annotations

from typing import Any

from striate.deploy.export.pictures import Pictures
from striate.deploy.export.traced import Traced


def parting(traced: Traced, made: Any, pictures: Pictures) -> str:
    """Where, to end a sentence with."""
    return ""
