"""What a search came to, in its folder: result.json, and winner.json, the recipe that `train --recipe` takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate.core.files import write_json
from striate.core.one_screen import OneScreen
from striate.core.reading import read_record
from striate.training.recipe import Recipe
from striate.training.search.again import Comparison
from striate.training.search.rungs import merit
from striate.training.search.space import Values
from striate.training.search.tried import Tried

RESULT, WINNER, PAGE = "result.json", "winner.json", "report.html"


@dataclass(frozen=True, repr=False)
class SearchResult(OneScreen):
    """What a search came to.

    folder: which holds everything. figure: what trials are compared by, on validation; higher_is_better: of it.
    method, space: as they were asked for; fine: the space narrowed around the best coarse trials, () without one.
    rungs: epochs after which trials were compared, the last of a whole run. trials: all of them by their number;
    winner: the number of the best. values: its point of the space. importance: of each setting, shares of one. edges:
    what to say where the winner lies at the end of a range. comparison: with the defaults; None where the winner is the
    defaults. seconds: it took, budget: it might take. recipe: of the winner.
    """

    folder: str
    data: str
    model: str
    figure: str
    higher_is_better: bool
    method: str
    space: tuple[str, ...]
    fine: tuple[str, ...]
    rungs: tuple[int, ...]
    trials: tuple[Tried, ...]
    winner: int
    values: Values
    importance: dict[str, float]
    edges: tuple[str, ...]
    comparison: Comparison | None
    seconds: float
    budget: float | None
    recipe: Recipe

    @property
    def best(self) -> Tried:
        """The winning trial."""
        return self.trials[self.winner]

    @property
    def ordered(self) -> list[Tried]:
        """The trials that came to a figure, the best first."""
        known = [each for each in self.trials if each.figures]
        return sorted(known, key=lambda each: merit(each, self.higher_is_better), reverse=True)

    @property
    def page(self) -> str:
        """The name of its page in the folder."""
        return PAGE

    @property
    def sentence(self) -> str:
        """Whether the winner betters the defaults."""
        if self.comparison is None:
            return f"none of {len(self.trials)} trials bettered the defaults, which were among them"
        return self.comparison.sentence

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {
            "folder": self.folder,
            "trials": len(self.trials),
            f"val_{self.figure}": self.best.figure,
            **self.values,
            "against the defaults": self.sentence,
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "recipe": self.recipe.to_dict(), "sentence": self.sentence}

    def write(self) -> None:
        """Write result.json."""
        write_json(Path(self.folder) / RESULT, self.to_dict())


def read_result(folder: Path) -> SearchResult:
    """What a search came to that is over. Raises StriateError where its result.json is missing or damaged."""
    return read_record(folder / RESULT, SearchResult)
