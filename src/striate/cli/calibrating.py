"""`calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, say
from striate.cli.using import DEVICE, MODEL, PRECISION, name_unreadable
from striate.core.errors import StriateError


def calibrate(
    run: Annotated[Path, typer.Argument(help="A run folder of classification; what is fitted is kept in it.")],
    data: Annotated[str | None, typer.Argument(help="Pictures of known classes; the run's if not given.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(help='Share of known pictures that keep a class, such as 95%; others are "none of these".'),
    ] = None,
    unknown: Annotated[
        list[Path] | None, typer.Option(help="Pictures of none of the classes: how many are refused. May be repeated.")
    ] = None,
    model: MODEL = None,
    precision: PRECISION = "auto",
    device: DEVICE = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Make a network as sure as it is right, and let it say "none of these".

    A temperature is fitted to the validation pictures, by which the shares of all classes become more alike or less;
    the likeliest stays the likeliest. With --keep, pictures whose largest share is too small get no class. The file
    calibration.json in the run folder has both; predict, evaluate, serve and export follow it until it is deleted.
    What it changes is measured on the test pictures, or, where there are none, on halves of the validation pictures.

    Examples:

    striate calibrate runs/cats

    striate calibrate runs/cats --keep 95%

    striate calibrate runs/cats photos/ --keep 95% --unknown dogs/
    """
    from striate.deploy.calibrating import calibrate as calibrated
    from striate.deploy.run import load

    allow_megapixels(max_megapixels)
    opened = load(str(run), precision, model, device)
    found = calibrated(opened, data, None if keep is None else share(keep), unknown=unknown or (), bar=bar)
    if json:
        print_json(found.to_dict())
    else:
        for sentence in found.sentences():
            say(sentence)
        say(f"wrote {run / 'calibration.json'}")
    name_unreadable([str(error) for error in found.unreadable])


def share(text: str) -> float:
    """A share from a text in per cent, or of 0 to 1 without the sign. Raises StriateError for anything else.

    >>> share("95%"), share("0.95")
    (0.95, 0.95)
    """
    number = text.strip().removesuffix("%")
    try:
        found = float(number) / (100 if "%" in text else 1)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise StriateError(f"--keep takes a share of the known pictures, such as 95% or 0.95, got {text!r}")
    return found
