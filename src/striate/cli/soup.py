"""`soup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say
from striate.cli.using import DEVICE, MODEL, PRECISION


def soup(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders that began with the same weights.")],
    output: Annotated[Path, typer.Option(help="The folder to write, which evaluate, predict and export take.")],
    data: Annotated[str | None, typer.Option(help="Where the pictures are; that of the runs if not given.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Average all runs, whether they help on validation or not.")
    ] = False,
    model: MODEL = None,
    precision: PRECISION = "auto",
    device: DEVICE = "auto",
    json: JSON = False,
) -> None:
    """Average the weights of several runs into one network, no slower than one of them.

    The runs have one architecture, the same classes, pictures and splits, and began alike: with the same --weights, or
    with the same seed. The best run on the validation pictures is taken, then in turn each that makes the mean no worse
    there (Wortsman et al., arXiv:2203.05482). Statistics of batch norms are estimated anew on training pictures.

    Examples:

    striate soup runs/a runs/b runs/c --output runs/soup

    striate soup runs/a runs/b --all --output runs/mean --json

    striate soup runs/a runs/b --output runs/soup --model net.py:Net
    """
    from striate.deploy.run import load
    from striate.deploy.soup import soup as averaged

    opened = [load(str(run), precision, model, device) for run in runs]
    found = averaged(opened, output, data, greedy=not every, bar=bar)
    if json:
        print_json(found.to_dict())
        return
    figure = found.run.task.figures[0]
    rows = [(str(each.run.path), figure.line(each.figure), "yes" if each.taken else "no") for each in found.ingredients]
    columns = ("run", f"{figure.title} on val", "taken")
    print_table(columns, [*rows, (str(found.run.path), figure.line(found.figure), "")], numeric=columns[1:2])
    for sentence in found.sentences():
        say(sentence)
