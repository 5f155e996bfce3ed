"""`runs` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import print_json, print_table, say
from striate.core.errors import StriateError

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
    rows = [
        (
            str(row["run"]),
            str(row["model"]),
            str(row["data"]),
            f"{row['epochs_done']}/{row['epochs']}",
            "-" if row["accuracy"] is None else f"{row['accuracy']:.2%} ({row['split']})",
            str(row["state"]),
        )
        for row in found
    ]
    print_table(("run", "model", "data", "epochs", "accuracy", "state"), rows, numeric=("epochs", "accuracy"))
    for row in found:
        if "problem" in row:
            say(str(row["problem"]))


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
