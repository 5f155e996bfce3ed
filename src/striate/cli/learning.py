"""`learning-curve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, MODEL, TEST, VAL, WEIGHTS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say

if TYPE_CHECKING:
    from striate.frozen.dataset_curve import DataCurve


def learning_curve(
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, .npz, .parquet, IDX or CIFAR file.")],
    val: VAL = None,
    test: TEST = None,
    weights: WEIGHTS = "embedded",
    model: MODEL = None,
    added: Annotated[int, typer.Option(min=1, help="Pictures of one class whose gain is told.")] = 50,
    out: Annotated[Path, typer.Option(help="Folder for learning-curve.html and learning-curve.svg.")] = Path(),
    seed: Annotated[int, typer.Option(min=0, help="Decides which pictures are held out and left out.")] = 0,
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Say what more pictures would bring: accuracy at 10, 25, 50 and 100 % of them, a forecast, the gain by class.

    Nothing is trained but linear classifiers of features that the network computes once per picture.

    Example: striate learning-curve photos/ --weights embedded
    """
    from striate.core.files import require_writable
    from striate.frozen.dataset_curve import learning_curve as measure
    from striate.report.learning_curve import NAME, write_curve

    allow_megapixels(max_megapixels)
    require_writable(out / f"{NAME}.html")
    with bar("measuring") as progress:
        found = measure(data, weights, model, added=added, seed=seed, progress=progress, val=val, test=test)
    written = write_curve(out, found)
    if json:
        print_json({**found.to_dict(), "files": list(map(str, written))})
        return
    _show(found)
    say(f"wrote {', '.join(map(str, written))}")


def _show(found: DataCurve) -> None:
    rows = [
        (f"{size.share:.0%}", f"{size.pictures:,}", f"{size.accuracy:.1%}", "{:.1%} to {:.1%}".format(*size.interval))
        for size in found.curve.sizes
    ]
    accuracy, *ends = found.curve.forecast(found.twice)
    rows.append(("forecast", f"{found.twice:,}", f"{accuracy:.1%}", "{:.1%} to {:.1%}".format(*ends)))
    columns = ("share", "pictures", "accuracy", "95 % interval")
    print_table(columns, rows, numeric=columns[1:])
    gain, interval = f"gain of {found.curve.added} more, points", "of the gain, 95 %"
    class_columns = ("class", "pictures", "taken for another", gain, interval)
    by_class = [
        (
            found.class_name(one),
            f"{one.pictures:,}",
            f"{one.error:.1%}",
            f"{100 * one.gain:+.1f}",
            f"{100 * one.interval[0]:+.1f} to {100 * one.interval[1]:+.1f}",
        )
        for one in found.curve.gains
    ]
    if by_class:
        say()
        print_table(class_columns, by_class, numeric=class_columns[1:])
    say()
    for sentence in found.sentences():
        say(sentence)
