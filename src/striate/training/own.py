"""Code of a person's own in a run: which fields of a recipe it may stand in, and that a run goes on with the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode, Written, as_code, load_code, names_code
from striate.core.values import shown
from striate.models.own import code_for
from striate.training.folder.begun import Begun, code_words
from striate.training.recipe import Recipe

FUNCTIONS = {
    "optimizer": "what makes a torch.optim.Optimizer of parameters, such as torch.optim.RMSprop",
    "schedule": "a function of (step, steps)",
    "augment": "a function of pictures",
}
"""The fields of a recipe that take a function of a person's own, and what it is."""
CODE_FIELDS = ("model", *FUNCTIONS)
"""The fields of a recipe that take a name of Striate's own or code."""


def code_in(fields: Mapping[str, Any]) -> tuple[dict[str, OwnCode], dict[str, Any]]:
    """The code among fields of a recipe, by field, and the fields with its names in its place.

    Raises StriateError for code that is named and cannot be loaded, or is no function where one is needed.

    >>> code, fields = code_in({"model": "resnet18", "epochs": 3})
    >>> code, fields
    ({}, {'model': 'resnet18', 'epochs': 3})
    """
    code = {}
    for name in CODE_FIELDS:
        read = as_code if name in FUNCTIONS else code_for
        if fields.get(name) is not None and (own := read(fields[name])) is not None:
            if name in FUNCTIONS and not callable(own.thing):
                raise StriateError(f"{name} must be a name or {FUNCTIONS[name]}, got {shown(own.thing)}")
            code[name] = own
    return code, {**fields, **{name: own.name for name, own in code.items()}}


def named_in(recipe: Recipe) -> dict[str, str]:
    """The names of code in a record, by field."""
    fields = {name: getattr(recipe, name) for name in CODE_FIELDS}
    return {name: value for name, value in fields.items() if value is not None and names_code(value)}


def with_code_of(recipe: Recipe, code: Mapping[str, OwnCode]) -> dict[str, OwnCode]:
    """Code that a program has given, by field, with what it names in a record and has not given apart."""
    return {**{name: load_code(text) for name, text in named_in(recipe).items() if name not in code}, **code}


def begun_with(begun: Begun) -> dict[str, Written]:
    """The code that a run was begun with, by field; what its recipe names is code, whatever else the file says."""
    return {name: begun.code.get(name, Written(text)) for name, text in named_in(begun.recipe).items()}


def forgettable(code: Mapping[str, OwnCode]) -> list[str]:
    """What to say of functions that have no name by which another process finds them again."""
    return [
        f"{name} {own.name} has no name by which it is found again, so this run can only be gone on with where it is "
        f"given again, by striate.resume(..., {name}=...), and nobody can check that it is the same"
        for name, own in code.items()
        if name in FUNCTIONS and not own.written.reachable
    ]


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
    for name, own_code in given.items():
        if name not in begun and names_code(own_code.name):
            raise StriateError(f"{folder} was begun with another {name} than {own_code.name}; leave that out")
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
