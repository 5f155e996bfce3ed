"""`compare`: networks by their cost, runs by what they reach."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.networks import JSON, NETWORK, WEIGHTS_OF, print_widest
from striate.cli.output import bar, parse_size, print_json, print_table, say, tell
from striate.core.errors import StorageError, StriateError
from striate.core.units import compact, counted

if TYPE_CHECKING:
    from striate.deploy.run_comparison import RunComparison

WEIGHT_FILES = (".pth", ".pt", ".safetensors")


def compare(
    models: Annotated[
        list[str],
        typer.Argument(help=f"Two or more, each of them: {NETWORK}; or runs, and the pictures to compare them on."),
    ],
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH in pixels; each paper's when not given.")] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the page, and of networks for a chart as SVG and PNG.")
    ] = Path(),
    weights_of: WEIGHTS_OF = None,
    split: Annotated[
        str | None, typer.Option(help="Of runs: train, val, test or all; test (else val) if not given.")
    ] = None,
    json: JSON = False,
) -> None:
    """Put networks side by side by their cost, or say which of several runs is better on the same pictures.

    Networks: a table here, and a chart of error, MACs and parameters as SVG, PNG and HTML; those of runs and weight
    files among them have no published error. Runs alone, or runs and a data set: each two of them in pairs, on pictures
    that none of them was trained on, with the difference, its interval and the pictures on which they differ.

    Examples:

    striate compare alexnet vgg16 googlenet resnet50 resnet152 --out charts/

    striate compare runs/cats resnet18 --size 64

    striate compare runs/cats runs/cats-2 runs/cats-3         (on the pictures that they validated or were tested on)

    striate compare runs/cats runs/cats-2 photos/ --split all
    """
    if (asked := _runs_and_data(models)) is not None:
        _refuse_of_networks(size, weights_of)
        _compare_runs(*asked, split, out, json=json)
        return
    if split is not None:
        raise StriateError("--split is for runs, which are compared on pictures; of networks the cost is compared")
    from striate.analysis.zoo import columns
    from striate.deploy.bundle import network_of
    from striate.meta.weightless import blueprint
    from striate.models import ZOO, is_drawn
    from striate.report.comparison.comparison import compare as compare_networks
    from striate.report.comparison.comparison import write_comparison

    shape = parse_size(size)
    others = {}
    for name in models:
        if name not in ZOO:
            build = partial(network_of, name, None if is_drawn(name) else weights_of, size=shape)
            others[name] = blueprint(build) if is_drawn(name) else build()
    found = compare_networks(models, shape, others)
    try:
        written, refused = write_comparison(found, out), None
    except StorageError as error:  # the table needs no file
        written, refused = [], error
    if json:
        print_json({**found.to_dict(), "files": list(map(str, written))})
        _say_refused(refused)
        return
    print_widest(columns(found.networks), ("model", "picture", "source", "paper"), ("paper", "source", "picture"))
    for remark in found.remarks():
        say(remark)
    if written:
        say(f"wrote {', '.join(map(str, written))}")
    _say_refused(refused)


def _runs_and_data(words: list[str]) -> tuple[list[str], str | None] | None:
    """Runs to compare, and on which data; None where networks are meant."""
    from striate.models import is_drawn
    from striate.models.stored import EMBEDDED
    from striate.training.folder.layout import RECIPE

    runs = [word for word in words if (Path(word) / RECIPE).is_file()]
    if len(runs) < 2 or words[: len(runs)] != runs or len(words) > len(runs) + 1:
        return None
    if len(words) == len(runs):
        return runs, None
    other = words[-1]
    return None if is_drawn(other) or other == EMBEDDED or Path(other).suffix in WEIGHT_FILES else (runs, other)


def _refuse_of_networks(size: str | None, weights_of: object) -> None:
    for flag, given in (("--size", size), ("--weights-of", weights_of)):
        if given is not None:
            raise StriateError(f"{flag} is for the cost of networks; runs are compared at the size of their own")


def _compare_runs(runs: list[str], data: str | None, split: str | None, out: Path, *, json: bool) -> None:
    from striate.cli.using import name_unreadable
    from striate.deploy.comparing import compare_runs
    from striate.report.comparison.runs import write_runs
    from striate.training.folder.layout import read_validations

    found = compare_runs(runs, data, split, bar=bar)
    histories = {run.name: read_validations(run.run.path) for run in found.runs}
    try:
        written, refused = str(write_runs(found, histories, out)), None
    except StorageError as error:  # the table needs no file
        written, refused = None, error
    if json:
        print_json({**found.to_dict(), "file": written})
    else:
        _show_runs(found)
        if written:
            say(f"wrote {written}")
    _say_refused(refused)
    name_unreadable([str(error) for error in found.unreadable])


def _show_runs(found: RunComparison) -> None:
    figure = found.figure
    rows = [
        (
            run.name,
            run.run.network.label,
            figure.line(run.value),
            " to ".join(map(figure.line, run.result.interval)),
            compact(run.params),
            compact(run.macs),
        )
        for run in found.runs
    ]
    numeric = (figure.title, "95 % interval", "parameters", "MACs")
    print_table(("run", "network", *numeric), rows, numeric=numeric)
    left_out = f"; {found.left_out:,} left out, as a run was trained on them" if found.left_out else ""
    say(f"on {counted(len(found.pictures), 'picture')} of {found.dataset.source}, {found.split}{left_out}")
    for pair in found.pairs:
        say(found.sentence(pair))
        say(f"  {found.told_differ(pair)}")
    for group in found.alike:
        say(found.told_alike(group))


def _say_refused(refused: StorageError | None) -> None:
    if refused is not None:
        tell(f"no page was written: {refused}")
        raise typer.Exit(1)
