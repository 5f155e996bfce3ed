"""Of a run's recipe.json, what evaluation has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from striate.core import bounds


@dataclass(frozen=True)
class Splitting:
    """Of a run's recipe, what decided how its data was read."""

    split_seed: Annotated[int, Meta(ge=bounds.SPLIT_SEED[0], le=bounds.SPLIT_SEED[1])]
    ignore_class: str | None = None
    tiles: bool = False


@dataclass(frozen=True)
class Begun:
    """Of recipe.json, what evaluation has to know."""

    recipe: Splitting
