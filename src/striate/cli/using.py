"""`evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.answers.classes import NONE_OF_THESE
from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import bar, fits, print_json, print_table, say, tell
from striate.cli.views import VIEWS
from striate.core.units import counted

if TYPE_CHECKING:
    from striate.data.dataset import Dataset
    from striate.data.decode import DecodeError
    from striate.deploy.ensemble import Ensemble
    from striate.deploy.run import Run
    from striate.tasks.classification import Evaluation
    from striate.tasks.task import Result, Task

CONFUSION_SHOWN = 20  # classes; of more, and where the terminal is narrow, only the largest mistakes are listed
MISTAKES_SHOWN = 10
PRECISION = Annotated[
    str,
    typer.Option(help="bf16, fp16, fp32, or auto: what the run was trained in if this machine computes it, else fp32."),
]
DEVICE = Annotated[str, typer.Option(help="auto (the GPU if there is one), cpu, cuda, or a GPU such as cuda:1.")]
ENGINE = Annotated[
    str,
    typer.Option(help="torch, onnxruntime, openvino, or auto: the fastest here that agrees, tried for many pictures."),
]
RUN_WORDS = "A run folder, embedded, imagenet, or a weight file."
RUN = Annotated[Path, typer.Argument(help=RUN_WORDS)]
ANSWERING = Annotated[
    Path, typer.Argument(help="A run folder, embedded, imagenet, a weight file, or an exported file.")
]
MODEL = Annotated[
    str | None, typer.Option(help="Of which network the weights are, where they do not say so themselves.")
]


def evaluate(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help=f"{RUN_WORDS} Several, and folds, are averaged.")],
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, .npz, .parquet, IDX or CIFAR file.")],
    split: Annotated[str | None, typer.Option(help="train, val, test or all; test (else val) if not given.")] = None,
    model: MODEL = None,
    precision: PRECISION = "auto",
    device: DEVICE = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    views: VIEWS = "centre",
    json: JSON = False,
) -> None:
    """Measure a trained network on pictures with known classes.

    Pictures that a run lists in its data.tsv keep the split that they had in it, and the figure of those that it has
    not seen comes first. A picture that cannot be read is named and left out; exit status 1 says so.

    Examples:

    striate evaluate runs/cats photos/

    striate evaluate weights.pth photos/ --model resnet20

    striate evaluate runs/streets streets/ --split val      (images/ and masks/)

    striate evaluate runs/boxes boxes.csv --json            (path, label, x0, y0, x1, y1)

    striate evaluate runs/a runs/b runs/c photos/           (their probabilities averaged, and what that gains)

    striate evaluate runs/folds photos/                     (the networks of train --folds averaged)

    striate evaluate runs/cats photos/ --crops 10           (ten parts of each averaged, beside the middle alone)
    """
    from striate.deploy.inputs import open_for, split_to_evaluate
    from striate.deploy.run import load
    from striate.training.folder.layout import folds_below

    allow_megapixels(max_megapixels)
    runs = [each for run in runs for each in folds_below(run) or [run]]
    if len(runs) > 1:
        opened_runs = [load(str(run), precision, model, device) for run in runs]
        _evaluate_together(opened_runs, data, split, views, json=json)
        return
    (run,) = runs
    opened = load(str(run), precision, model, device)
    if views != "centre":
        _evaluate_views(opened, data, split, views, json=json)
        return
    dataset = open_for(opened, data)
    name = split_to_evaluate(dataset, split)
    unreadable: list[DecodeError] = []
    with bar("evaluating", "pictures") as progress:
        found = opened.evaluate(dataset, name, progress, unreadable)
    if json:
        listed = [{"name": error.name, "reason": error.reason} for error in unreadable]
        left_out = [each.to_dict() for each in dataset.inventory.left_out]
        told = {"unreadable": listed, "left_out": left_out, "notes": list(dataset.inventory.notes)}
        print_json({"run": str(run), "data": data, "split": name, **found.to_dict(), **told})
    else:
        _show(opened.task, found, name)
        if split is None:
            say(_whence(found, dataset))
        tell(*map(as_note, (*dataset.inventory.pictures_left_out, *dataset.inventory.remarks)))
    name_unreadable([str(error) for error in unreadable])


def _evaluate_together(runs: list[Run], data: str, split: str | None, views: str, *, json: bool) -> None:
    from striate.deploy.ensemble import evaluate_together

    found = evaluate_together(runs, data, split, views=views, bar=bar)
    if json:
        print_json(found.to_dict())
    else:
        _show_together(found)
    name_unreadable([str(error) for error in found.unreadable])


def _evaluate_views(run: Run, data: str, split: str | None, views: str, *, json: bool) -> None:
    from striate.deploy.view_gain import evaluate_views

    found = evaluate_views(run, data, split, views=views, bar=bar)
    unreadable = [{"name": error.name, "reason": error.reason} for error in found.unreadable]
    if json:
        print_json(
            {"run": str(run.path), "data": data, "split": found.split, **found.to_dict(), "unreadable": unreadable}
        )
    else:
        _show_classes(found.result, found.split)
        say(_figures(found.centre, "the centre alone", ""))
        say(found.sentence())
    name_unreadable([str(error) for error in found.unreadable])


def _show_together(found: Ensemble) -> None:
    rows = [
        (str(each.run.path), f"{each.alone.accuracy:.2%}", f"{each.alone.mean_loss:.4f}", f"{each.places}")
        for each in found.members
    ]
    print_table(("run", "accuracy alone", "loss", "places"), rows, numeric=("accuracy alone", "loss", "places"))
    for sentence in found.sentences():
        say(sentence)
    say(f"{found.split}: {counted(found.together.total, 'picture')} of {found.dataset.source}")


def as_note(remark: object) -> str:
    """A line for what is neither an answer nor a mistake."""
    return f"note: {remark}"


def name_unreadable(problems: list[str]) -> None:
    """Say what could not be read, and end with status 1 where there is any."""
    tell(*problems)
    if problems:
        raise typer.Exit(1)


def _whence(found: Result, dataset: Dataset) -> str:
    """Where the split comes from. Where the data is that of the run, all pictures are not what tells how good it is."""
    from striate.tasks.classification import Evaluation

    seen = found.seen if isinstance(found, Evaluation) else None
    if seen is None or bool((seen < 0).all()):
        return f"split: {dataset.split_rule}; --split all takes every picture"
    if not dataset.drawn:
        return f"split: {dataset.split_rule}"
    return f"split: that of the run, by its data.tsv; of pictures that it does not list, {dataset.split_rule}"


def _show(task: Task, found: Result, split: str) -> None:
    """What an evaluation came to: tables where the task is to tell classes apart, otherwise a line of its figures."""
    from striate.tasks.classification import Evaluation
    from striate.tasks.task import ByClass

    if isinstance(found, Evaluation):
        _show_classes(found, split)
        return
    if isinstance(found, ByClass):
        _show_per_class(found.per_class())
    others = [f"{figure.title} {figure.line(value)}" for figure, value in task.measured(found)[1:]]
    say(f"{split}: {', '.join([task.line_of(found), *others, counted(found.total, 'picture')])}")


def _show_per_class(rows: list[dict[str, Any]]) -> None:
    """A table of the figures of each class, as the task names them."""
    columns = [name for name in rows[0] if name != "class"]
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    print_table(
        ("class", *columns), [(row["class"], *c) for row, c in zip(rows, cells, strict=True)], numeric=tuple(columns)
    )
    say()


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.1%}"


def _show_classes(found: Evaluation, split: str) -> None:
    """Tables and a line of the pictures that the network has not seen, then a line of all; of all, if it has all."""
    unseen = found.unseen
    if unseen is None or unseen is found:
        _show_figures(found, split, _seen(found))
        return
    _show_figures(unseen, "unseen", ", neither trained on nor used to choose the weights")
    say(_figures(found, split, _seen(found)))


def _seen(found: Evaluation) -> str:
    """What the network's training did with the pictures, to end a line with."""
    if found.seen is None:
        return ""
    if not found.trained_on and not found.chose_weights:
        return ", none of them trained on"
    parts = [
        f"{count:,} {what}"
        for count, what in ((found.trained_on, "trained on"), (found.chose_weights, "used to choose the weights"))
        if count
    ]
    return f" ({', '.join(parts)}: no measure of new ones)"


def _figures(found: Evaluation, split: str, seen: str) -> str:
    low, high = found.interval
    top5 = f"top-5 {found.top5_hits / found.total:.2%}, " if len(found.classes) > 5 else ""
    return (
        f"{split}: top-1 {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), {top5}"
        f"loss {found.mean_loss:.4f}, {counted(found.total, 'picture')}{seen}"
    )


def _sureness(found: Evaluation) -> str:
    """How far the network is from being as sure as it is right."""
    sure = found.reliability
    bins = len(sure.count)
    return (
        f"calibration error {sure.error:.2%} ({bins} bins of equal width; {sure.chance:.2%} would be chance), "
        f"{float(found.probabilities.double().mean()):.2%} sure as a mean"
    )


def _kept(found: Evaluation) -> str:
    """How many pictures are given a class, and how many of these rightly."""
    kept, right = int(found.kept.sum()), int((found.kept & found.right).sum())
    return (
        f"{NONE_OF_THESE!r} below a share of {found.none_below:.1%}: {kept / found.total:.2%} keep a class, "
        f"{right / max(1, kept):.2%} of these are right"
    )


def _show_figures(found: Evaluation, split: str, seen: str) -> None:
    rows = [
        (
            row["class"],
            f"{row['pictures']:,}",
            "-" if row["recall"] is None else f"{row['recall']:.1%}",
            "-" if row["recall"] is None else f"{row['recall_interval'][0]:.1%} to {row['recall_interval'][1]:.1%}",
            "-" if row["precision"] is None else f"{row['precision']:.1%}",
        )
        for row in found.per_class()
    ]
    columns = ("class", "pictures", "recall", "95 % interval", "precision")
    print_table(columns, rows, numeric=columns[1:])
    say()
    _show_confusion(found)
    say(_sureness(found))
    if found.none_below:
        say(_kept(found))
    say(_figures(found, split, seen))


def _show_confusion(found: Evaluation) -> None:
    """The whole matrix where there is room for it, otherwise the largest mistakes."""
    if len(found.classes) <= CONFUSION_SHOWN:
        columns = ("truth \\ predicted", *found.classes)
        rows = [(name, *map(str, row)) for name, row in zip(found.classes, found.confusion.tolist(), strict=True)]
        if fits(columns, rows):
            print_table(columns, rows, numeric=found.classes)
            say()
            return
    wrong = [(truth, called) for truth, called in found.confusion.nonzero().tolist() if truth != called]
    mistakes = sorted(((*cell, int(found.confusion[cell])) for cell in wrong), key=lambda cell: -cell[2])
    for truth, called, count in mistakes[:MISTAKES_SHOWN]:
        say(f"{found.classes[truth]} taken for {found.classes[called]}: {count:,}")
