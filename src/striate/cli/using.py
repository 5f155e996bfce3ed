"""`evaluate` and `predict`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table
from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.deploy.run import Prediction
    from striate.tasks.classification import Evaluation

CONFUSION_SHOWN = 20  # classes; a wider matrix does not fit a terminal
PRECISION = Annotated[str, typer.Option(help="auto, bf16 or fp32.")]


def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, IDX or CIFAR file.")],
    split: Annotated[str | None, typer.Option(help="train, val, test or all; test (else val) if not given.")] = None,
    precision: PRECISION = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Measure a trained network on pictures with known classes.

    Example: striate evaluate runs/cats photos/
    """
    from striate.data.sources import open_data
    from striate.deploy.run import load

    allow_megapixels(max_megapixels)
    opened = load(run, precision)
    dataset = open_data(data, opened.recipe["recipe"]["split_seed"])
    found = opened.evaluate(dataset, split, bar("evaluating"))
    name = split or ("test" if len(dataset.splits.get("test", ())) else "val")
    if json:
        print_json({"run": str(run), "data": data, "split": name, **found.to_dict()})
    else:
        _show(found, name)


def _show(found: Evaluation, split: str) -> None:
    rows = [
        (
            row["class"],
            f"{row['pictures']:,}",
            "-" if row["recall"] is None else f"{row['recall']:.1%}",
            f"{row['recall_interval'][0]:.1%} to {row['recall_interval'][1]:.1%}",
            "-" if row["precision"] is None else f"{row['precision']:.1%}",
        )
        for row in found.per_class()
    ]
    columns = ("class", "pictures", "recall", "95 % interval", "precision")
    print_table(columns, rows, numeric=columns[1:])
    if len(found.classes) <= CONFUSION_SHOWN:
        counts = found.confusion.tolist()
        print_table(
            ("truth \\ predicted", *found.classes),
            [(name, *map(str, row)) for name, row in zip(found.classes, counts, strict=True)],
            numeric=found.classes,
        )
    low, high = found.interval
    typer.echo(
        f"{split}: top-1 {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"top-5 {found.top5_hits / max(1, found.total):.2%}, loss {found.mean_loss:.4f}, {found.total:,} pictures"
    )


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    files: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to list.")] = 3,
    precision: PRECISION = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
    csv_: Annotated[bool, typer.Option("--csv", help="Print path,label,probability,problem lines.")] = False,
) -> None:
    """Name what is in pictures. A file that cannot be read is named, the rest is predicted, exit status 1 says so.

    Example: striate predict runs/cats holiday/ --top 3 --json
    """
    from striate.deploy.run import load

    if json and csv_:
        raise StriateError("--json and --csv exclude each other")
    allow_megapixels(max_megapixels)
    predictions = load(run, precision).predict(files, top)
    if json:
        print_json([prediction.to_dict() for prediction in predictions])
    elif csv_:
        _print_csv(predictions)
    else:
        _print_predictions(predictions)
    bad = [prediction for prediction in predictions if prediction.problem]
    for prediction in bad:
        print(f"striate: {prediction.path} {prediction.problem}", file=sys.stderr)
    if bad:
        raise typer.Exit(1)


def _print_csv(predictions: list[Prediction]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "label", "probability", "problem"))
    for p in predictions:
        writer.writerow((p.path, p.label or "", "" if p.probability is None else p.probability, p.problem or ""))


def _print_predictions(predictions: list[Prediction]) -> None:
    rows = [
        (p.path, p.label or "", f"{p.probability:.1%}", ", ".join(f"{name} {value:.1%}" for name, value in p.top[1:]))
        for p in predictions
        if p.probability is not None
    ]
    if rows:
        print_table(("picture", "label", "probability", "next"), rows, numeric=("probability",))
