"""`stability`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say
from striate.cli.using import MODEL, RUN

if TYPE_CHECKING:
    from striate.report.stability import Stability


def stability(
    run: RUN,
    data: Annotated[str, typer.Argument(help="Pictures to move: a data set, a folder of pictures, or digits.")],
    model: MODEL = None,
    split: Annotated[str | None, typer.Option(help="train, val, test or all; test (else val) if not given.")] = None,
    most: Annotated[int, typer.Option(min=2, help="Pictures at the most, evenly of them all.")] = 64,
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("stability.html"),
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Say how much each layer's answer changes when pictures are moved a little, beside how much the pixels change.

    Pictures are shifted, warped smoothly, scaled and turned. 0: a layer gives the same; 1: as much of a difference as
    another picture. What pooling and strides change is told by itself. Writes an offline page with table and curves.

    Examples:

    striate stability embedded photos/

    striate stability runs/cats photos/ --most 200 --json
    """
    from striate.core.files import require_writable
    from striate.deploy.any_network import any_module
    from striate.report.stability import stability as measure

    allow_megapixels(max_megapixels)
    require_writable(output)
    with bar("moving", "pictures") as progress:
        found = measure(any_module(str(run), model), data, split=split, most=most, progress=progress)
    found.write(output)
    if json:
        print_json({**found.to_dict(), "page": str(output)})
        return
    _show(found)
    say(f"wrote {output}")


def _show(found: Stability) -> None:
    keys = [(motion, strength) for motion in found.motions for strength in motion.strengths[:1]]
    columns = [f"{motion.name}, {strength:g} {motion.unit}" for motion, strength in keys]
    rows = [
        (layer.name, layer.kind, *(f"{layer.after.change((motion.name, strength)):.2f}" for motion, strength in keys))
        for layer in found.layers
    ]
    print_table(("layer", "kind", *columns), rows, numeric=columns)
    say()
    for sentence in found.sentences():
        say(sentence)
