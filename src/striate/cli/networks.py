"""`models` and `summary`."""

from __future__ import annotations

from typing import Annotated

import typer

from striate.cli.output import parse_size, print_json, print_table

JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def models(
    pattern: Annotated[str, typer.Argument(help="A shell pattern, such as 'resnet*'.")] = "*",
    json: JSON = False,
) -> None:
    """List the networks of the zoo with their cost.

    Example: striate models 'vgg*'
    """
    import torch

    from striate.analysis.summary import summarize
    from striate.core.errors import unknown_name
    from striate.models import ZOO, create_model, list_models

    names = list_models(pattern)
    if not names:
        raise unknown_name("model", pattern, ZOO)
    costs = []
    for name in names:
        with torch.device("meta"):
            costs.append(summarize(create_model(name)))
    if json:
        print_json(
            [{"name": c.name, "input": list(c.input_shape[1:]), "params": c.params, "macs": c.macs} for c in costs]
        )
        return
    rows = [(c.name, "x".join(map(str, c.input_shape[1:])), f"{c.params:,}", f"{c.macs:,}") for c in costs]
    print_table(("model", "input", "parameters", "MACs"), rows, numeric=("parameters", "MACs"))


def summary(
    model: Annotated[str, typer.Argument(help="A network of the zoo; see `striate models`.")],
    size: Annotated[str | None, typer.Option(help="HEIGHTxWIDTH in pixels; the paper's when not given.")] = None,
    classes: Annotated[int | None, typer.Option(help="Number of classes; the paper's when not given.")] = None,
    in_channels: Annotated[int | None, typer.Option(help="Channels of the pictures.")] = None,
    json: JSON = False,
) -> None:
    """Show what a network costs, layer by layer: shapes, parameters, multiply-accumulates, activations.

    Example: striate summary resnet50 --size 224x224 --classes 10
    """
    import torch

    from striate.analysis.summary import summarize
    from striate.models import create_model

    with torch.device("meta"):
        cost = summarize(create_model(model, classes, in_channels, parse_size(size)))
    if json:
        print_json(cost.to_dict())
    else:
        typer.echo(str(cost))
