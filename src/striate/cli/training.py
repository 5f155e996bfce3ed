"""`train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import print_json
from striate.core.errors import StriateError


def train(
    data: Annotated[str | None, typer.Argument(help="digits, a folder, a CSV, IDX or CIFAR file.")] = None,
    model: Annotated[str | None, typer.Option(help="A network of the zoo; the recipe's when not given.")] = None,
    recipe: Annotated[str, typer.Option(help="default, digits_lenet5, cifar_resnet, ...")] = "default",
    epochs: Annotated[int | None, typer.Option(help="Passes over the training pictures.")] = None,
    size: Annotated[int | None, typer.Option(help="Height and width in pixels that the network sees.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="field=value for any field of the recipe.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="The run folder to make; a new one below runs/ if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is random.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, bf16 or fp32.")] = "auto",
    cache_gb: Annotated[float, typer.Option(min=0, help="Room for decoded pictures on the disk, in 10^9 bytes.")] = 10,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run.")] = False,
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Train a network on pictures; leave a run folder with weights, numbers and report.html.

    Examples:

    striate train digits --recipe digits_lenet5

    striate train photos/ --model resnet18 --epochs 20 --set peak_lr=0.02 --run runs/cats

    striate train --run runs/cats --resume
    """
    from striate import api
    from striate.recipes import get_recipe

    allow_megapixels(max_megapixels)
    if resume:
        given = [
            name
            for name, value in (("--model", model), ("--epochs", epochs), ("--size", size), ("--set", set_))
            if value
        ]
        if run is None:
            raise StriateError("--resume needs --run, the folder of the run to go on with; `striate runs` lists them")
        if given:
            raise StriateError(f"--resume goes on with the run as it was begun, without {', '.join(given)}")
        finished = api.resume(run, cache_gb)
    else:
        if data is None:
            raise StriateError("no data: give digits, or a folder with one sub-folder of pictures per class")
        named = {"model": model, "epochs": epochs, "size_px": size}
        fields: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        fields |= get_recipe(recipe).parse(set_ or [])
        finished = api.train(data, recipe=recipe, run=run, seed=seed, precision=precision, cache_gb=cache_gb, **fields)
    if json:
        print_json({"run": str(finished.path), **finished.metrics})
