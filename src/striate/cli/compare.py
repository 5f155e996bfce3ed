"""`compare`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from striate.cli.networks import JSON, NETWORK, WEIGHTS_OF, print_widest
from striate.cli.output import parse_size, print_json, say, tell
from striate.core.errors import StorageError


def compare(
    models: Annotated[list[str], typer.Argument(help=f"Two or more, each of them: {NETWORK}")],
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH in pixels; each paper's when not given.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for compare.svg, compare.png and compare.html.")] = Path(),
    weights_of: WEIGHTS_OF = None,
    json: JSON = False,
) -> None:
    """Put networks side by side: a table here, and a chart of error, MACs and parameters as SVG, PNG and HTML.

    Networks of runs and weight files are compared by their cost; published errors are of other weights.

    Examples:

    striate compare alexnet vgg16 googlenet resnet50 resnet152 --out charts/

    striate compare runs/cats resnet18 --size 64
    """
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


def _say_refused(refused: StorageError | None) -> None:
    if refused is not None:
        tell(f"no chart was written: {refused}")
        raise typer.Exit(1)
