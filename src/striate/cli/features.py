"""`features`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import print_json, say, tell
from striate.cli.using import MODEL, RUN, as_note
from striate.core.units import counted

FEATURE_PRECISION = Annotated[
    str, typer.Option(help="What the network computes in: fp32, bf16, fp16, or auto for what the run predicts in.")
]


def features(
    run: RUN,
    files: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.")],
    output: Annotated[Path, typer.Option(help="The file to write, .npz or .parquet.")],
    layer: Annotated[str, typer.Option(help="Layers with commas between; last is what the last layer reads.")] = "last",
    model: MODEL = None,
    precision: FEATURE_PRECISION = "fp32",
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Write what a network's layers make of pictures, one vector per picture and layer.

    A picture that cannot be read is named and left out; exit status 1 says so.

    Example: striate features embedded photos/ --layer layer2,last --output features.npz
    """
    from striate import api
    from striate.deploy.run import load
    from striate.frozen.table import require_table, write_features

    allow_megapixels(max_megapixels)
    require_table(output)
    layers = [part.strip() for part in layer.split(",")]
    table = api.features(load(str(run), model=model), files, layers, precision=precision)
    write_features(output, table)
    widths = {name: vectors.shape[1] for name, vectors in table.by_layer.items()}
    if json:
        left_out = [each.to_dict() for each in table.left_out]
        print_json({"output": str(output), "pictures": len(table.names), "layers": widths, "left_out": left_out})
    else:
        listed = ", ".join(f"{name} ({counted(width, 'number')})" for name, width in widths.items())
        say(f"{output}: {counted(len(table.names), 'picture')}, {listed}")
    tell(*map(as_note, table.left_out))
    for path, reason in table.problems:
        tell(f"{path} {reason}")
    if table.problems:
        raise typer.Exit(1)
