"""`check-gradients`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import bar, parse_size, print_json, print_table, say
from striate.core.bounds import ENTRIES

if TYPE_CHECKING:
    from striate.analysis.gradients import GradientCheck
    from striate.models import Network

SMALL_CLASSES = 10


def check_gradients(
    model: Annotated[
        str, typer.Argument(help="A network of the zoo, a pattern, FILE.py:NAME of your own, or a run folder.")
    ],
    size: Annotated[
        str | None, typer.Option(help="HEIGHTxWIDTH of the pictures; as small as the network takes when not given.")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Number of classes; 10 when not given.")] = None,
    in_channels: Annotated[int | None, typer.Option(help="Channels of the pictures.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Only layers of this name or shell pattern, or input for the pictures; may be repeated."),
    ] = None,
    entries: Annotated[
        int, typer.Option(min=ENTRIES[0], max=ENTRIES[1], help="Derivatives to compare in each parameter tensor.")
    ] = 3,
    pictures: Annotated[int, typer.Option(min=2, help="Random pictures to feed; batch norm needs two.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Decides weights, pictures and which derivatives.")] = 0,
    json: JSON = False,
) -> None:
    """Compare analytic with numeric gradients, layer by layer, in 64-bit numbers; exit status 1 when one is wrong.

    Examples:

    striate check-gradients resnet18

    striate check-gradients googlenet --layer input --layer 'inception3*' --entries 1

    striate check-gradients runs/cats --json
    """
    from striate.analysis.gradients import check_gradients, small_pictures

    network = _network(model, size, classes, in_channels, seed)
    images = small_pictures(network, parse_size(size), pictures, seed)
    with bar("checking") as progress:
        found = check_gradients(network, images, layers=layer or ["*"], entries=entries, seed=seed, progress=progress)
    if json:
        print_json(found.to_dict())
    else:
        _show(found)
    if not found.is_right:
        raise typer.Exit(1)


def _network(model: str, size: str | None, classes: int | None, in_channels: int | None, seed: int) -> Network:
    """A network of the zoo or of a pattern with weights drawn from the seed, or that of a run."""
    import torch

    from striate.analysis.gradients import SMALLEST_SIDE_PX
    from striate.deploy.bundle import network_of
    from striate.meta.weightless import blueprint
    from striate.models import ZOO, create_model, is_drawn

    torch.manual_seed(seed)
    few = SMALL_CLASSES if classes is None and is_drawn(model) else classes
    shape = parse_size(size)
    if shape is None and is_drawn(model) and model not in ZOO:  # a pattern's network is built for its pictures
        smallest_px = blueprint(lambda: create_model(model)).smallest_px
        shape = (max(smallest_px, SMALLEST_SIDE_PX),) * 2
    return network_of(model, None, few, in_channels, shape)


def _show(found: GradientCheck) -> None:
    rows = [
        (
            row.path,
            row.kind,
            str(row.entries),
            "-" if row.worst is None else f"{row.worst:.1e}",
            str(row.kinks or ""),
            row.verdict,
        )
        for row in found.rows
    ]
    numeric = ("compared", "largest error", "at kinks")
    print_table(("layer", "kind", *numeric, "gradients"), rows, numeric)
    say(str(found))
