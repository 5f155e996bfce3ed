"""`models` and `summary`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.output import fits, parse_size, print_json, print_table, print_text, say
from striate.core.bounds import CHANNELS, CLASSES
from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.analysis.screen import Screen
    from striate.analysis.zoo import Overview
    from striate.models import Network

CLASSES_OPTION = Annotated[
    int | None, typer.Option(max=CLASSES[1], help="Number of classes; the paper's when not given.")
]
CHANNELS_OPTION = Annotated[int | None, typer.Option(max=CHANNELS[1], help="Channels of the pictures.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

NETWORK = (
    "A network of the zoo (see `striate models`), a pattern such as '(conv64-relu)*2-pool-fc256-relu', FILE.py:NAME "
    "of your own, a run folder, embedded, or a weight file with --model."
)
PATTERN = "A pattern such as 'resnet*', a part of a name, a run folder, embedded, or a weight file with --model."
WEIGHTS_OF = Annotated[
    str | None,
    typer.Option("--model", help="Of which network weights are, where they do not say so; of your own FILE.py:NAME."),
]


def models(
    pattern: Annotated[
        str, typer.Argument(help="Such as 'resnet*', a part of a name, a run folder, embedded, or a weight file.")
    ] = "*",
    sort: Annotated[
        str | None, typer.Option(help="By name, year, depth, params, macs, field_px or top5_pct, smallest first.")
    ] = None,
    year: Annotated[str | None, typer.Option(help="Only of this year, 2015, or of these, 2012-2014.")] = None,
    max_params: Annotated[str | None, typer.Option(help="At most so many parameters in use: 10M.")] = None,
    max_macs: Annotated[str | None, typer.Option(help="At most so many multiply-accumulates: 1.5G.")] = None,
    task: Annotated[
        str, typer.Option(help="What they are for: classification, localisation, segmentation or detection.")
    ] = "classification",
    weights_of: WEIGHTS_OF = None,
    json: JSON = False,
) -> None:
    """List the networks of the zoo: year, depth, cost, receptive field, published top-5 error and where it stands.

    Examples:

    striate models 'vgg*'

    striate models --max-params 10M --max-macs 1G --sort top5_pct

    striate models --task segmentation
    """
    from striate.analysis.zoo import overviews, year_range
    from striate.core.units import amount

    found = overviews(
        _own(pattern, weights_of) or pattern,
        year_range(year) if year else None,
        amount(max_params) if max_params else None,
        amount(max_macs) if max_macs else None,
        sort,
        task,
    )
    if json:
        print_json([line.to_dict() for line in found])
    elif found:
        print_overviews(found)
    else:
        say("no network of the zoo is like that")


def _own(name: str, model: str | None) -> Overview | None:
    """The network with weights of its own that a name stands for, unless it stands for some of the zoo."""
    from striate.analysis.zoo import overview_of
    from striate.core.own_code import names_code
    from striate.deploy.bundle import names_weights, network_of
    from striate.meta.weightless import blueprint
    from striate.models import is_drawn, list_models

    known = names_weights(name) or is_drawn(name) or names_code(name)
    if list_models(name) or list_models(f"*{name}*") or not known:
        return None
    network = blueprint(partial(network_of, name, model)) if is_drawn(name) else network_of(name, model)
    return overview_of(network, name)


def print_overviews(found: list[Overview]) -> None:
    """Networks as a table with as much about their sources as the terminal has room for; then what needs a remark."""
    from striate.analysis.zoo import columns

    told = {heading: cells for heading, cells in columns(found).items() if any(cells)}
    print_widest(told, words=("model", "picture", "source", "paper"), left_out=("paper", "source", "picture"))
    for line in found:
        if line.training_params:
            say(f"{line.name}: {line.training_params:,} parameters more while training, in auxiliary heads")


def summary(
    model: Annotated[str, typer.Argument(help=NETWORK)],
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH in pixels; the paper's when not given.")] = None,
    classes: CLASSES_OPTION = None,
    in_channels: CHANNELS_OPTION = None,
    depth: Annotated[
        str | None,
        typer.Option(help="Fold to so many names of a path: 1, 2, ... or all; what fits a screen if not given."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Pictures of a training step, or of a measured run.")] = 1,
    time: Annotated[bool, typer.Option("--time", help="Run it and measure milliseconds per layer.")] = False,
    effective_field: Annotated[
        str | None, typer.Option(help="Measure which pixels really matter to the middle unit of this layer.")
    ] = None,
    json: JSON = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the rows for a spreadsheet.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as GitHub draws it.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the table as a page into this file.")] = None,
    diagram: Annotated[
        Path | None, typer.Option(help="Draw the network, its layers and what each reads, into this SVG file.")
    ] = None,
    weights_of: WEIGHTS_OF = None,
) -> None:
    """Show what a network costs, layer by layer: parameters, multiply-accumulates, activations, field, memory.

    Examples:

    striate summary resnet50 --size 224x224 --classes 10 --batch 32

    striate summary vgg16 --time

    striate summary googlenet --diagram googlenet.svg

    striate summary resnet50 --effective-field layer3

    striate summary runs/cats
    """
    from striate.analysis.screen import screen
    from striate.analysis.table import as_csv, as_markdown
    from striate.core.files import require_writable
    from striate.meta.weightless import blueprint
    from striate.models import is_drawn
    from striate.report.diagram.diagram import diagram as draw
    from striate.report.summary_page import write_summary_page

    if json + csv + markdown > 1:
        raise StriateError("--json, --csv and --markdown exclude each other")
    folding = parse_depth(depth)

    if diagram is not None and diagram.suffix.lower() != ".svg":
        raise StriateError(f"--diagram writes SVG, got {diagram}; name a file that ends in .svg")
    for file in filter(None, (html, diagram)):
        require_writable(file)
    build = partial(_network, model, weights_of, classes, in_channels, size)
    network = blueprint(build) if is_drawn(model) and not time and not effective_field else build()
    shown = screen(network, batch, folding, timed=time, effective=effective_field)
    if not is_drawn(model):
        shown = replace(shown, weights=f"the weights of {model}")
    if html is not None:
        write_summary_page(html, shown.summary, folding)
    if diagram is not None:
        draw(network).write(diagram)
    if json:
        print_json(shown.to_dict())
    elif csv or markdown:
        print_text((as_csv if csv else as_markdown)(shown.summary, folding))
    elif html is not None or diagram is not None:
        for file in filter(None, (html, diagram)):
            say(f"wrote {file}")
    else:
        _show(shown)


def _network(name: str, model: str | None, classes: int | None, in_channels: int | None, size: str | None) -> Network:
    from striate.deploy.bundle import network_of

    return network_of(name, model, classes, in_channels, parse_size(size))


def _show(shown: Screen) -> None:
    say(str(shown))
    print_widest(shown.columns(), ("layer", "kind", "output"), ("kept MB", "activations", "kind", "params"))
    for sentence in shown.sentences():
        say(sentence)


def print_widest(columns: dict[str, list[str]], words: Sequence[str], left_out: Sequence[str]) -> None:
    """A table; where the terminal is too narrow, the columns `left_out` go, one after the other, until it fits.

    words: columns that are no numbers.
    """
    gone = (set(left_out[:count]) for count in range(len(left_out) + 1))
    views = [{name: cells for name, cells in columns.items() if name not in without} for without in gone]
    tables = [(list(view), list(zip(*view.values(), strict=True))) for view in views]
    headings, rows = next((table for table in tables if fits(*table)), tables[-1])
    print_table(headings, rows, numeric=[name for name in headings if name not in words])


def parse_depth(text: str | None) -> int | None:
    """A number of names, or all for more than any path has. Raises StriateError for anything else."""
    from striate.analysis.screen import EVERY_ROW

    if text is None:
        return None
    if text == "all":
        return EVERY_ROW
    if not text.isdecimal() or int(text) < 1:
        raise StriateError(f"--depth takes a whole number of at least 1, or all, got {text!r}")
    return int(text)
