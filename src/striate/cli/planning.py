"""`plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, TASK, TEST, VAL, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say
from striate.core.commands import command
from striate.core.units import counted, duration, in_bytes

if TYPE_CHECKING:
    from striate.training.planning.forecast import Forecast
    from striate.training.planning.planning import Planned

BUDGET = "A duration, such as 30s, 20m or 1h30m"


def plan(
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, .npz, .parquet, IDX or CIFAR file.")],
    budget: Annotated[str, typer.Option(help=f"{BUDGET}: the time from the command to the report.")],
    val: VAL = None,
    test: TEST = None,
    task: TASK = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Of timing, all networks together.")] = 60,
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Say what every network that suits the pictures takes here, what a budget has room for, and which to train.

    Nothing is trained. A few real steps of each network are timed, the house's own and the cheap ones first, for a
    minute in all; costlier ones are estimated from their arithmetic, and marked ~. What was timed is remembered.
    Accuracy stands where the house has measured that network on pictures about as many and as large.

    Examples:

    striate plan photos/ --budget 20m

    striate plan digits --budget 1m --json

    striate train photos/ --budget 20m                 (trains what is recommended, and ends in time)
    """
    from striate import api

    allow_megapixels(max_megapixels)
    with bar("measuring", "networks") as progress:
        found = api.plan(data, budget, val=val, test=test, task=task, seconds=seconds, progress=progress)
    if json:
        print_json(found.to_dict())
    else:
        show(found, data, budget)


def show(found: Planned, data: str, budget: str) -> None:
    """The table, and what is recommended."""
    columns = ("", "network", "size", "epoch", "epochs", "memory", "accuracy here", "measured on")
    print_table(columns, [row(each) for each in found.forecasts], numeric=columns[2:6])
    say()
    say("* recommended   ~ estimated from the arithmetic, not timed   ! more than the free memory")
    if found.unsuited:
        say(f"left out: {counted(found.unsuited, 'network')} made for pictures of other sizes, or fitted otherwise")
    say(found.advice)
    if found.recommended is not None:
        say(f"train it: {command('train', data, '--budget', budget)}")


def row(forecast: Forecast) -> tuple[str, ...]:
    """A line of the table."""
    known, memory = forecast.known, forecast.memory_bytes
    return (
        "*" if forecast.recommended else "",
        str(forecast.candidate),
        "x".join(map(str, forecast.size)),
        f"{'' if forecast.tried else '~'}{duration(forecast.epoch_s)}",
        f"{forecast.epochs:,}",
        ("" if memory is None else in_bytes(memory)) + ("" if forecast.fits else " !"),
        "" if known is None else f"{known.low:.1%} to {known.high:.1%}",
        "" if known is None else f"{known.on}, {known.date}",
    )
