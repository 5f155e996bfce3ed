"""Of a run's recipe.json, what evaluation has to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from striate.core import bounds
from striate.core.reading import read_record
from striate.data.in_memory import KINDS

RECIPE = "recipe.json"


@dataclass(frozen=True)
class Splitting:
    """Of a run's recipe, what decided how its data was read."""

    split_seed: Annotated[int, Meta(ge=bounds.SPLIT_SEED[0], le=bounds.SPLIT_SEED[1])]
    ignore_class: str | None = None
    tiles: bool = False


@dataclass(frozen=True)
class TrainedOn:
    """Where a run's data was; what it is called of data in memory."""

    source: str = ""

    @property
    def still(self) -> str | None:
        """Where it still is; None of data in memory, and of what has gone."""
        from striate.data.sources import BUILT_IN  # every reader there is, which a prediction has no use for

        if self.source in BUILT_IN:
            return self.source
        return self.source if self.source and self.source not in KINDS and Path(self.source).exists() else None


@dataclass(frozen=True)
class Begun:
    """Of recipe.json, what evaluation has to know."""

    recipe: Splitting
    data: TrainedOn = TrainedOn()


class FromFolder:
    """What a network was trained on, by the recipe.json of its folder; of other weights nothing."""

    path: Path

    @property
    def split_seed(self) -> int:
        """What decided the split of the data it was trained on, where the data had none; 0 of what is no run."""
        return read_record(self.path / RECIPE, Begun).recipe.split_seed if self.path.is_dir() else 0

    @property
    def own_data(self) -> str | None:
        """The data that it was trained on, where that still is; None of data in memory, and of what is no run."""
        return read_record(self.path / RECIPE, Begun).data.still if self.path.is_dir() else None

    @property
    def ignored(self) -> str | None:
        """The class of whose pixels nothing was asked; None of what is no run."""
        return read_record(self.path / RECIPE, Begun).recipe.ignore_class if self.path.is_dir() else None

    @property
    def on_tiles(self) -> bool:
        """Whether pictures were seen in tiles; False of what is no run."""
        return read_record(self.path / RECIPE, Begun).recipe.tiles if self.path.is_dir() else False
