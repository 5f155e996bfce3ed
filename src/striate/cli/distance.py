"""`distance`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.near import show_near
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say, tell
from striate.cli.using import as_note, name_unreadable

if TYPE_CHECKING:
    from striate.frozen.distance import Distance

MEASURED_BY = Annotated[
    str,
    typer.Option("--model", help="Whose layers are looked at: embedded, a run, weights, a network or FILE.py:NAME."),
]
CODE = Annotated[str | None, typer.Option(help="Of a run of your own network: FILE.py:NAME that it is of.")]
LAYER = Annotated[str, typer.Option(help="Layers with commas between; the network's stages when not given.")]


def distance(
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Two pictures; or a folder, to find nearly equal pictures in it.")
    ] = None,
    model: MEASURED_BY = "embedded",
    code: CODE = None,
    layer: LAYER = "",
    weights: Annotated[Path | None, typer.Option(help="Weights of the channels, a file that --fit has made.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Of a folder: up to which distance two pictures are nearly equal.")
    ] = None,
    fit: Annotated[
        Path | None, typer.Option(help="Fit weights of the channels to this table: reference,a,b,share.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The file that --fit writes.")] = Path("channels.safetensors"),
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Say how far apart two pictures are to a network, or find the nearly equal pictures of a folder.

    Of two pictures: the deep-feature distance of Zhang et al. (2018), the sum over layers; 0 of equal pictures. Of a
    folder: all pairs up to a threshold; of the packaged network 0.9, below which copies are that were compressed,
    resized or cropped a little. --fit takes what people chose: share of them found b nearer to the reference than a.

    Examples:

    striate distance a.jpg b.jpg

    striate distance photos/

    striate distance --fit choices.csv --output channels.safetensors

    striate distance a.jpg b.jpg --weights channels.safetensors --json
    """
    from striate.core.errors import StriateError

    allow_megapixels(max_megapixels)
    layers = [part.strip() for part in layer.split(",") if part.strip()]
    given = pictures or []
    if fit is not None:
        if given:
            raise StriateError(f"--fit takes its pictures from {fit}; leave {given[0]} out")
        _fit(fit, output, model, code, layers, json)
    elif len(given) == 2:
        from striate.frozen.distance import distance as measure

        found = measure(given[0], given[1], model, code=code, layers=layers, weights=weights)
        if json:
            print_json(found.to_dict())
        else:
            _show(found)
        if found.drawn:
            tell(as_note(f"{model} is not trained: its weights are drawn; name a run, or embedded"))
    elif len(given) == 1:
        from striate.frozen.near_duplicates import near_duplicates

        if not given[0].is_dir():
            raise StriateError(f"{given[0]} is no folder: a distance is between two pictures, or in a folder of them")
        with bar("looking", "pictures") as progress:
            near = near_duplicates(
                given, model, threshold=threshold, code=code, layers=layers, weights=weights, progress=progress
            )
        if json:
            print_json(near.to_dict())
        else:
            show_near(near)
        tell(*map(as_note, near.left_out))
        name_unreadable([f"{name} {reason}" for name, reason in near.problems])
    else:
        raise StriateError(f"distance takes two pictures, or one folder of them, got {len(given)} paths")


def _fit(table: Path, output: Path, model: str, code: str | None, layers: list[str], json: bool) -> None:
    from striate.frozen.channel_weights import fit_distance

    with bar("looking", "choices") as progress:
        found = fit_distance(table, output, model, code=code, layers=layers, progress=progress)
    if json:
        print_json(found.to_dict())
    else:
        say(found)


def _show(found: Distance) -> None:
    rows = [(layer, f"{term:.4f}") for layer, term in found.by_layer.items()]
    print_table(("layer", "distance"), [*rows, ("all", f"{found.value:.4f}")], numeric=("distance",))
