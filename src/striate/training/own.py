"""Code of a person's own in a run: which fields of a recipe it may stand in, and that a run goes on with the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode, Written, names_code
from striate.models.own import code_for
from striate.training.folder.begun import code_words

CODE_FIELDS = ("model",)
"""The fields of a recipe that take a name of Striate's own or code."""


def code_in(fields: Mapping[str, Any]) -> tuple[dict[str, OwnCode], dict[str, Any]]:
    """The code among fields of a recipe, by field, and the fields with its names in its place.

    Raises StriateError for code that is named and cannot be loaded.

    >>> code, fields = code_in({"model": "resnet18", "epochs": 3})
    >>> code, fields
    ({}, {'model': 'resnet18', 'epochs': 3})
    """
    code = {}
    for name in CODE_FIELDS:
        if fields.get(name) is not None and (own := code_for(fields[name])) is not None:
            code[name] = own
    return code, {**fields, **{name: own.name for name, own in code.items()}}


def stated(code: Mapping[str, OwnCode]) -> dict[str, Any]:
    """What recipe.json says of the code of a run."""
    return {name: own.written.to_dict() for name, own in code.items() if names_code(own.name)}


def same_code(
    folder: Path,
    begun: Mapping[str, Written],
    given: Mapping[str, OwnCode],
    say: Callable[[str], None],
    *,
    changed: bool,
) -> dict[str, OwnCode]:
    """The code that a run goes on with, by field.

    begun: what its recipe.json says. given: what has been named now. changed: whether it may have changed since.
    Raises StriateError for code that has not been named, and which therefore does not run; that is not what the run
    was begun with; and, unless `changed`, whose file has changed.
    """
    for name, written in begun.items():
        if name not in given:
            raise StriateError(
                f"{folder} was begun with the {name} {written.name}, code of your own, which only runs when it is "
                f"named: add {' '.join(code_words(name, written.flagged))}"
            )
        own = given[name].written
        if own.name.rpartition(":")[2] != written.name.rpartition(":")[2]:
            raise StriateError(f"{folder} was begun with the {name} {written.name}, not {own.name}; name that")
        if own.sha256 != written.sha256 or own.sha256 is None:
            _say_changed(folder, written, own, say, changed=changed)
    return {name: given[name] for name in begun}


def _say_changed(folder: Path, written: Written, own: Written, say: Callable[[str], None], *, changed: bool) -> None:
    if written.sha256 is None and own.sha256 is None:
        say(f"warning: {written.name} is in no file, so nobody can tell whether it is what {folder} was begun with")
    elif changed:
        say(f"warning: {written.name} has changed since {folder} was begun, so the weights may become others")
    else:
        raise StriateError(
            f"{written.name} has changed since {folder} was begun, so it may not go on to the same weights; bring back "
            "the file as it was, or go on with it as it is now by --source-changed"
        )
