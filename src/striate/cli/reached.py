"""What `train` says in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from striate.cli.output import print_json, print_table, say
from striate.core.commands import command

if TYPE_CHECKING:
    from striate.deploy.run import Run
    from striate.training.folds.result import FoldsResult


def tell_result(finished: Run, *, json: bool) -> None:
    """What a run has reached, as JSON, or how to use it."""
    if json:
        began_with = finished.recipe["data"]  # of a run that is older, without the two
        told = {name: began_with[name] for name in ("left_out", "notes") if name in began_with}
        print_json({"run": str(finished.path), **finished.metrics, **told})
    else:
        written = finished.network.written
        named = ["--model", written.flagged] if written else []
        tiles = ["--tiles"] if finished.recipe["recipe"].get("tiles") else []
        say(f"use it: {command('predict', finished.path, 'PICTURES', *named, *tiles)}")


def tell_folds(found: FoldsResult, *, json: bool) -> None:
    """What folds have reached, as JSON, or as a table and a line."""
    if json:
        print_json(found.to_dict())
        return
    figure = found.figure
    rows = [
        (each.run, f"{each.pictures:,}", figure.line(value), " to ".join(map(figure.line, each.interval)))
        for each, value in zip(found.folds, found.by_fold, strict=True)
    ]
    print_table(("run", "pictures", figure.title, "95 % interval"), rows, numeric=("pictures", figure.title))
    say(found.sentence)
    say(f"use them together: {command('predict', *(Path(each.run) for each in found.folds), 'PICTURES')}")
