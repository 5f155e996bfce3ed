"""`check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli.near import show_near
from striate.cli.networks import JSON
from striate.cli.output import bar, print_json, print_table, say

if TYPE_CHECKING:
    from striate.data.check import DataReport
    from striate.data.dataset import Dataset
    from striate.frozen.label_check import LabelCheck
    from striate.frozen.near_duplicates import NearDuplicates

MAX_MEGAPIXELS = Annotated[
    float | None, typer.Option(help="Refuse pictures with more pixels than this, in millions; 89 unless set.")
]
WEIGHTS = Annotated[
    str, typer.Option(help="Whose features are looked at: embedded, imagenet, a run folder or a weight file.")
]
MODEL = Annotated[
    str | None, typer.Option(help="Of which network the weights are, where they do not say so themselves.")
]
VAL = Annotated[
    str | None, typer.Option(help="Where the pictures to validate on lie, if elsewhere: any data; all of it is used.")
]
TEST = Annotated[
    str | None, typer.Option(help="Where the pictures to test on lie, if elsewhere: any data; all of it is used.")
]
TASKS = "classification, multilabel, localisation, segmentation, detection or instances"
TASK = Annotated[
    str | None, typer.Option(help=f"What to learn of the pictures: {TASKS}; what the data is for when not given.")
]
SUSPECTS_SHOWN = 5


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
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, .npz, .parquet, IDX or CIFAR file.")],
    val: VAL = None,
    test: TEST = None,
    split_seed: Annotated[int, typer.Option(help="Decides the split where the data has none.")] = 0,
    ignore_class: Annotated[str | None, typer.Option(help="Of masks, a class of which nothing is asked.")] = None,
    task: TASK = None,
    labels: Annotated[bool, typer.Option("--labels", help="Find the pictures whose label is likely wrong.")] = False,
    near: Annotated[bool, typer.Option("--near", help="Find nearly equal pictures, in several splits too.")] = False,
    weights: WEIGHTS = "embedded",
    model: MODEL = None,
    out: Annotated[Path, typer.Option(help="The page of --labels.")] = Path("labels.html"),
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Decode every picture once and report counts, sizes, unreadable files, duplicates and clashing labels.

    Of a folder, everything in it is used, or named and counted: what is no picture, pictures that cannot be read here
    (HEIC, camera RAW), and pictures that lie where nothing says their class.
    With --labels, also look for labels that are likely wrong, and make a page of those pictures.
    With --near, also look for nearly equal pictures: compressed, resized or cropped copies, which equal pixels do not
    tell. The packaged network sees every picture once for that, which takes as long as --labels.
    Exit status 1 says that the data cannot be trained on as it is.

    Examples:

    striate check photos/

    striate check photos/ --labels --weights imagenet

    striate check photos/ --near

    striate check streets/ --ignore-class void        (images/ and masks/)

    striate check boxes.csv                           (path, label, x0, y0, x1, y1)
    """
    from striate.core.files import require_writable
    from striate.tasks.checked_data import opened_and_checked

    allow_megapixels(max_megapixels)
    if labels:
        require_writable(out)
    with bar("decoding", "pictures") as progress:
        dataset, report = opened_and_checked(
            data, split_seed, progress, val=val, test=test, ignore_class=ignore_class, task=task
        )
    if not json:
        _show(report)
    found = (
        _check_labels(data, {"val": val, "test": test}, weights, model, out) if labels and not report.problems else None
    )
    alike = None
    if near and not report.problems:
        alike = _check_near(dataset)
    if json:
        told: dict[str, Any] = {"labels": {**found.to_dict(), "page": str(out)}} if found else {}
        told |= {"near": alike.to_dict()} if alike else {}
        print_json({**report.to_dict(), **told})
    elif found:
        _show_labels(found, out)
    if alike and not json:
        say()
        show_near(alike)
    if report.problems:
        raise typer.Exit(1)


def _check_labels(
    data: str, elsewhere: dict[str, str | None], weights: str, model: str | None, out: Path
) -> LabelCheck:
    """Check the labels and write the page."""
    from striate.frozen.label_check import check_labels
    from striate.report.labels import write_label_page

    with bar("decoding", "pictures") as progress:
        found = check_labels(data, weights, model, progress, **elsewhere)
    write_label_page(out, found)
    return found


def _check_near(dataset: Dataset) -> NearDuplicates:
    """The nearly equal pictures; equal ones have been told."""
    from striate.frozen.near_duplicates import near_duplicates_of_dataset

    with bar("looking", "pictures") as progress:
        return near_duplicates_of_dataset(dataset, progress).besides_equal


def _show_labels(found: LabelCheck, page: Path) -> None:
    say()
    say(str(found))
    rows = [
        (
            found.dataset_features.name(suspect.place),
            found.classes[suspect.given],
            found.classes[suspect.likely],
            f"{suspect.likely_probability:.0%} against {suspect.given_probability:.0%}",
        )
        for suspect in found.suspects[:SUSPECTS_SHOWN]
    ]
    if rows:
        print_table(("picture", "label", "likely", "probability"), rows)
    if found.unjudged:
        say(f"too few pictures to be judged: {', '.join(found.unjudged)}")
    say(f"wrote {page}: all of them, with their pictures")


def _amount(report: DataReport, split: str, number: int) -> str:
    """How much of a class there is in a split: how many pictures, or which share of the pixels."""
    count, total = report.counts[split][number], sum(report.counts[split])
    return f"{count / max(1, total):.2%}" if report.counted == "pixels" else f"{count:,}"


def _show(report: DataReport) -> None:
    splits = list(report.counts)
    rows = [(name, *(_amount(report, split, number) for split in splits)) for number, name in enumerate(report.classes)]
    rows.append(
        (
            "all" if report.counted == "pictures" else f"all {report.counted}",
            *(f"{sum(report.counts[split]):,}" for split in splits),
        )
    )
    print_table(("class", *splits), rows, numeric=splits)
    say()
    say(f"split: {report.split_rule}")
    for side, values in report.sizes_px.items():
        if values:
            low, median, high = values
            many = f"{low} to {high} px, median {median} px" if low < high else f"{low} px in all pictures"
            say(f"{side.replace('_', ' ')}: {many}")
    for line in report.said_in_full:
        say(line)
    for problem in report.problems:
        say(f"cannot be trained on: {problem}")
    if not report.warnings and not report.problems:
        say("nothing to complain about")
