"""`look`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, say, tell
from striate.cli.using import DEVICE, MODEL, RUN

if TYPE_CHECKING:
    from striate.report.look.look import Looked

PARTS = "diagram, filters, activations, units, visualisation, attribution, maps and doubts"


def look(
    run: RUN,
    picture: Annotated[Path | None, typer.Argument(help="With --dream, the picture to dream of.")] = None,
    model: MODEL = None,
    data: Annotated[
        str | None,
        typer.Option(help="Pictures to look with: a data set, a folder, or a picture; a run's own if not given."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="train, val, test or all; test (else val) if not given.")] = None,
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("look.html"),
    only: Annotated[str | None, typer.Option(help=f"Parts with commas between, of {PARTS}; all if not given.")] = None,
    dream: Annotated[
        str | None, typer.Option(help="A layer, whose dream and caricature of PICTURE are the page.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Pictures at the most, evenly of them all.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything that is drawn.")] = 0,
    device: DEVICE = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Look inside a trained network, and write what it has learned as one page that needs nothing but itself.

    Examples:

    striate look embedded --data photos/

    striate look runs/cats --data photos/ --only attribution --output cats.html

    striate look weights.pth --model resnet18 --data photo.jpg --json

    striate look embedded --dream layer3 picture.jpg --output dream.html
    """
    from striate.core.files import require_writable
    from striate.deploy.run import load
    from striate.report.look.look import Stopped
    from striate.report.look.look import look as look_into
    from striate.report.look.parts import parts_named, require_pictures

    allow_megapixels(max_megapixels)
    require_writable(output)
    if dream is not None or picture is not None:
        if dream is not None and picture is not None:
            _refuse_beside_a_dream({"--data": data, "--split": split, "--only": only})
        _dream(run, picture, dream, model, device, seed, output, json)
        return
    names = [part.strip() for part in only.split(",")] if only else []
    asked = parts_named(names)
    opened = load(str(run), "fp32", model, device)
    require_pictures(asked, names, given=data is not None or opened.own_data is not None)
    with opened.runtime.processor_threads():
        try:
            found = look_into(opened, data, names, split=split, most=most, seed=seed, watching=bar)
        except Stopped as stopped:
            stopped.looked.write(output)
            tell(f"{output} has what was found until now")
            raise
    found.write(output)
    if json:
        print_json({**found.to_dict(), "output": str(output)})
    else:
        _show(found, output)


def _refuse_beside_a_dream(given: dict[str, str | None]) -> None:
    from striate.core.errors import StriateError

    for flag, value in given.items():
        if value is not None:
            raise StriateError(f"{flag} does nothing for a dream, which is of one picture; leave it out, or the dream")


def _dream(
    run: Path,
    picture: Path | None,
    layer: str | None,
    model: str | None,
    device: str,
    seed: int,
    output: Path,
    json: bool,
) -> None:
    from striate.core.errors import StriateError
    from striate.deploy.run import load
    from striate.report.look.dream import dream

    if picture is None or layer is None:
        raise StriateError(
            "a dream is of a picture by a layer, as in: striate look embedded --dream layer3 picture.jpg; what to look "
            "with otherwise is named by --data"
        )
    opened = load(str(run), "fp32", model, device)
    with opened.runtime.processor_threads():
        found = dream(opened, picture, layer, seed=seed, watching=bar)
    found.write(output)
    if json:
        print_json({**found.to_dict(), "output": str(output)})
    else:
        _show(found, output)


def _show(found: Looked, output: Path) -> None:
    for part, what in found.parts:
        if isinstance(what, str):
            say(f"{part.name}: {what}")
    tell(*found.notes)
    say(f"wrote {output}")
