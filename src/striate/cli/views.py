"""The option by which a picture is seen several times."""

from __future__ import annotations

from typing import Annotated

import typer

from striate.core.errors import StriateError

VIEWS = Annotated[
    str,
    typer.Option(
        "--views",
        "--crops",
        help="What of each picture is averaged: centre, flip, 10, 144, dense or multi-scale (classification).",
    ),
]


def require_torch(views: str, engine: str) -> None:
    """Raise StriateError where views are asked of an engine that only knows the network's own size."""
    if views != "centre" and engine not in ("auto", "torch"):
        raise StriateError(f"--views {views} are computed by torch; leave --engine {engine} out")
