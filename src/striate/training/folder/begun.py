"""What recipe.json of a run must hold: everything that decided the run, as it is read again."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from striate.answers.classes import CLASSIFICATION
from striate.core import bounds
from striate.core.commands import command
from striate.core.errors import StriateError
from striate.core.own_code import Written
from striate.core.reading import Count, decoded, read_file
from striate.core.records import Preprocess
from striate.data.folds import Fold
from striate.runtime.runtime import Runtime
from striate.training.budget.record import Budget
from striate.training.continued import Continued
from striate.training.folder.former import recipe_in_todays_names
from striate.training.folder.layout import RECIPE
from striate.training.recipe import Recipe
from striate.training.speed.options import RuntimeOptions


@dataclass(frozen=True)
class Machine(Runtime):
    """The settings that a run was begun in, which decide its last bits, and where. Versions are for people only.

    device: "cpu", or the name of a GPU.
    """

    processor: str = field(kw_only=True)


@dataclass(frozen=True)
class Without:
    """A picture that the run goes on without, by its number in data.tsv."""

    number: Count


@dataclass(frozen=True)
class Elsewhere:
    """A split that lies elsewhere: where, and how many of the pictures at the end of data.tsv are of it."""

    source: str
    pictures: Count


@dataclass(frozen=True)
class Data:
    """The pictures: where they lay, how they were split, how many there were of each class in each split.

    classes: in the order of their numbers; None of a run that did not write it down. moved_from: where they lay before.
    """

    source: str
    split_rule: str
    counts: dict[str, Annotated[list[Count], Meta(min_length=1)]]
    warnings: list[str]
    left_out: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    classes: tuple[str, ...] | None = None
    without: tuple[Without, ...] = ()
    moved_from: tuple[str, ...] = ()
    elsewhere: dict[Literal["val", "test"], Elsewhere] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "train" not in self.counts or len(set(map(len, self.counts.values()))) != 1:
            raise StriateError("data.counts must have as many numbers for each split, train among them")
        if self.classes is not None and len(set(self.classes)) != len(self.counts["train"]):
            raise StriateError(
                "data.classes must be different names, as many as data.counts has numbers for each split"
            )


@dataclass(frozen=True)
class Begun:
    """recipe.json, as far as it decides anything."""

    source: str
    recipe_name: str
    recipe: Recipe
    seed: Annotated[int, Meta(ge=bounds.SEED[0], le=bounds.SEED[1])]
    options: RuntimeOptions
    command: str
    preprocess: Preprocess
    machine: Machine
    data: Data
    task: str = CLASSIFICATION
    code: dict[str, Written] = field(default_factory=dict)
    continued: tuple[Continued, ...] = ()
    budget: Budget | None = None
    fold: Fold | None = None


def going_on(folder: Path) -> str:
    """The command that goes on with a run, which names the code of a person's own that it was begun with.

    Of a fold it goes on with all folds.
    """
    words: list[str] = []
    with suppress(StriateError):  # a run that is damaged says so when it is gone on with
        begun = read_begun(folder)[0]
        if begun.fold is not None:
            folder, words = folder.parent, ["--folds", str(begun.fold.of)]
        for field_name, written in begun.code.items():
            words += code_words(field_name, written.flagged)
    return command("train", "--run", folder, "--resume", *words)


def code_words(field_name: str, value: str) -> list[str]:
    """The words of the command line that name code for a field of the recipe."""
    return ["--model", value] if field_name == "model" else ["--set", f"{field_name}={value}"]


def read_begun(folder: Path) -> tuple[Begun, dict[str, Any]]:
    """What a run was begun with, and all of recipe.json for showing. Raises StriateError when it is damaged."""
    source = str(folder / RECIPE)
    record = recipe_in_todays_names(decoded(read_file(folder / RECIPE), dict[str, Any], source))
    return decoded(json.dumps(record).encode(), Begun, source), record
