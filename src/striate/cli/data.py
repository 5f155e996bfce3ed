"""`check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table

if TYPE_CHECKING:
    from striate.data.check import DataReport

MAX_MEGAPIXELS = Annotated[
    float | None, typer.Option(help="Refuse pictures with more pixels than this, in millions; 89 unless set.")
]


def allow_megapixels(megapixels: float | None) -> None:
    """Set the largest picture that is decoded, for this process."""
    import math
    import warnings

    from PIL import Image

    from striate.core.errors import StriateError

    warnings.filterwarnings("ignore", module=r"PIL\.")  # refusals and reasons are told by our own sentences
    if megapixels is not None:
        if not 0 < megapixels < math.inf:
            raise StriateError(f"--max-megapixels must be a number above 0, got {megapixels:g}")
        Image.MAX_IMAGE_PIXELS = round(megapixels * 1e6)


def check(
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, IDX or CIFAR file.")],
    split_seed: Annotated[int, typer.Option(help="Decides the split where the data has none.")] = 0,
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Decode every picture once and report counts, sizes, unreadable files, duplicates and clashing labels.

    Exit status 1 says that the data cannot be trained on as it is.

    Example: striate check photos/
    """
    from striate.api import check as check_public

    allow_megapixels(max_megapixels)
    with bar("decoding") as progress:
        report = check_public(data, split_seed, progress)
    if json:
        print_json(report.to_dict())
    else:
        _show(report)
    if report.problems:
        raise typer.Exit(1)


def _show(report: DataReport) -> None:
    splits = list(report.counts)
    rows = [
        (name, *(f"{report.counts[split][number]:,}" for split in splits)) for number, name in enumerate(report.classes)
    ]
    rows.append(("all", *(f"{sum(report.counts[split]):,}" for split in splits)))
    print_table(("class", *splits), rows, numeric=splits)
    typer.echo()
    typer.echo(f"split: {report.split_rule}")
    for side, values in report.sizes_px.items():
        if values:
            low, median, high = values
            many = f"{low} to {high} px, median {median} px" if low < high else f"{low} px in all pictures"
            typer.echo(f"{side.replace('_', ' ')}: {many}")
    for name, reason in report.unreadable:
        typer.echo(f"unreadable: {name} {reason}")
    for what, groups in (
        ("in more than one class", report.clashes),
        ("in more than one split", report.leaks),
        ("more than once in one split", report.duplicates),
    ):
        for group in groups:
            typer.echo(f"same picture {what}: {' = '.join(group)}")
    for warning in report.warnings:
        typer.echo(f"warning: {warning}")
    for problem in report.problems:
        typer.echo(f"cannot be trained on: {problem}")
    if not report.warnings and not report.problems:
        typer.echo("nothing to complain about")
