"""`runs` and `doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli.networks import JSON
from striate.cli.output import print_json, print_table, say
from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.tasks.task import Figure

RUNS = Path("runs")


def runs(
    folder: Annotated[Path, typer.Argument(help="Where to look.")] = RUNS,
    json: JSON = False,
) -> None:
    """List the runs below a folder, newest first.

    Example: striate runs
    """
    from striate.training.folder.overview import list_runs

    if folder != RUNS and not folder.exists():
        raise StriateError(f"{folder}: no such folder")
    found = list_runs(folder)
    if json:
        print_json(found)
        return
    if not found:
        say(f"no runs below {folder}; start one with: striate train digits --recipe digits_lenet5")
        return
    figures = {_figure(row).title for row in found if row["value"] is not None} or {"accuracy"}
    measured = figures.pop() if len(figures) == 1 else "figure"
    rows = [
        (
            str(row["run"]),
            str(row["model"]),
            str(row["data"]),
            f"{row['epochs_done']}/{row['epochs']}",
            _measured(row, named=measured == "figure"),
            str(row["state"]),
        )
        for row in found
    ]
    print_table(("run", "model", "data", "epochs", measured, "state"), rows, numeric=("epochs", measured))
    for told in _told_of_seeds(found):
        say(told)
    for row in found:
        if "problem" in row:
            say(str(row["problem"]))


def _told_of_seeds(found: list[dict[str, Any]]) -> Iterator[str]:
    """What finished runs that differ in their seed alone reach, measured on the same part of their data."""
    from striate.tasks.seeds import of_several_seeds

    finished = [row for row in found if row["state"] == "finished"]
    for group in of_several_seeds(((row["settings"], row["split"]), row["seed"], row["value"]) for row in finished):
        rows = [finished[place] for place in group.runs]
        yield group.told([row["run"] for row in rows], _figure(rows[0]), rows[0]["split"])


def _figure(row: dict[str, Any]) -> Figure:
    """What says how good the network of a run is."""
    from striate.tasks import task_named

    return task_named(row["task"]).figures[0]


def _measured(row: dict[str, Any], *, named: bool) -> str:
    """How good the network of a run is, by its name where runs of several tasks stand in the table."""
    if row["value"] is None:
        return "-"
    figure = _figure(row)
    return f"{figure.title + ' ' if named else ''}{figure.line(row['value'])} ({row['split']})"


def doctor(json: JSON = False) -> None:
    """Show versions, processor, what is fast here, and which extras are missing.

    Example: striate doctor
    """
    from striate.runtime.machine import examine

    findings = examine()
    if json:
        print_json(findings)
        return
    for title, section in findings.items():
        say(title)
        for name, value in section.items():
            say(f"  {name:<22} {value}")
