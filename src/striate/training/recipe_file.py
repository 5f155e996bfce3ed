"""A recipe in a file: winner.json of a search, recipe.json of a run, or one of a person's own."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.reading import decoded, read_file
from striate.core.version import __version__
from striate.training.folder.begun import code_words
from striate.training.folder.former import recipe_in_todays_names
from striate.training.other_names import unknown_field
from striate.training.own import named_in
from striate.training.recipe import Recipe

ENDING = ".json"


@dataclass(frozen=True)
class RecipeFile:
    """What the file of a recipe must hold; whatever else it holds is passed over."""

    recipe: Recipe


def write_recipe(path: Path, recipe: Recipe, **beside: Any) -> None:
    """Write a recipe as a file that `read_recipe` reads. beside: what else a person should find in it."""
    write_json(path, {"striate": __version__, "recipe": recipe.to_dict(), **beside})


def read_recipe(path: Path) -> Recipe:
    """The recipe of a file. Raises StriateError where there is none, with the field that is not as it must be."""
    if not path.exists():
        raise StriateError(
            f"there is no {path}; --recipe takes the name of a recipe or a file with one, such as winner.json of a "
            "search or recipe.json of a run"
        )
    record = recipe_in_todays_names(decoded(read_file(path), dict[str, Any], str(path)))
    known = Recipe.__dataclass_fields__
    for name in record["recipe"] if isinstance(record.get("recipe"), dict) else ():
        if name not in known:  # passed over, it would be another recipe
            raise StriateError(f"{path}: {unknown_field(name, known)}")
    return decoded(json.dumps(record).encode(), RecipeFile, str(path)).recipe


def given_recipe(recipe: str | Recipe | None, named: Collection[str]) -> str | Recipe | None:
    """A recipe as a person gives it, read where it is a file; a name and None stay.

    named: fields that they give beside it. Raises StriateError for a file that names code of somebody's own, which runs
    only where a person names it.
    """
    if not isinstance(recipe, str) or not recipe.endswith(ENDING):
        return recipe
    read = read_recipe(Path(recipe))
    for name, code in named_in(read).items():
        if name not in named:
            words = " ".join(code_words(name, code))
            raise StriateError(
                f"{recipe} has the {name} {code}, code of a person's own, which only runs when it is named: add {words}"
            )
    return read
