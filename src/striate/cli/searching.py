"""`search`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, TASK, TEST, VAL, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import print_json, print_table, say
from striate.cli.training import (
    AUTOTUNE,
    EPOCHS,
    MICRO_BATCH,
    MODEL,
    PRECISIONS,
    RECIPE,
    SET,
    SIZE,
    THREADS,
    WEIGHTS,
    chosen,
    runtime_options,
    size_px,
)
from striate.cli.using import DEVICE
from striate.core.commands import command

if TYPE_CHECKING:
    from striate.training.search.found import SearchResult

SHOWN = 10  # of the best trials
SPACE = Annotated[
    list[str] | None,
    typer.Option(
        help="field=low..high, field=low..high,log or field=a|b|c, by the names of --set; may be repeated. "
        "Rate and weight decay, from a hundredth to ten times the recipe's, if not given."
    ),
]
BUDGET = Annotated[
    str | None, typer.Option(help="The time it may take, such as 30m or 2h, from reading the pictures to the report.")
]
TRIALS = Annotated[int | None, typer.Option(help="New trials at most; as many as the budget allows if not given.")]
METHOD = Annotated[
    str, typer.Option(help="random (coarse, then fine around the best), grid, or tpe, which learns from what it saw.")
]
FOLDER = Annotated[Path | None, typer.Option(help="To search in; one below searches/ if not given.")]
STORAGE = Annotated[
    str | None,
    typer.Option(help="A database for the study, such as sqlite:///study.db; a file in the folder if not given."),
]
HALVING = Annotated[
    bool,
    typer.Option("--halving/--no-halving", help="The best third goes on from each stop, or all trials to the end."),
]


def search(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="digits, a folder, a CSV, .npz, .parquet, IDX or CIFAR file.")],
    val: VAL = None,
    test: TEST = None,
    model: MODEL = None,
    recipe: RECIPE = None,
    task: TASK = None,
    weights: WEIGHTS = None,
    epochs: EPOCHS = None,
    size: SIZE = None,
    set_: SET = None,
    space: SPACE = None,
    budget: BUDGET = None,
    trials: TRIALS = None,
    method: METHOD = "random",
    halving: HALVING = True,
    folder: FOLDER = None,
    storage: STORAGE = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is random.")] = 0,
    precision: Annotated[str, typer.Option(help=PRECISIONS)] = "auto",
    device: DEVICE = "auto",
    threads: THREADS = None,
    micro_batch: MICRO_BATCH = None,
    autotune: AUTOTUNE = True,
    cache_gb: Annotated[float, typer.Option(min=0, help="Room for decoded pictures on the disk, in 10^9 bytes.")] = 10,
    max_megapixels: MAX_MEGAPIXELS = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing but errors and the result.")] = False,
    json: JSON = False,
) -> None:
    """Search for the settings that train a network best on your pictures.

    Many short runs at random, then more in a range narrowed around the best of them; the best third goes on from its
    checkpoints, and again the best third of those. A cost above three times the first ends a trial. In the end winner
    and defaults are trained with three new seeds each, which says whether the winner is better beyond noise. The same
    command goes on with a search that was stopped or killed; several processes with the same --folder, or machines with
    the same --storage, work on one.

    Examples:

    striate search photos/ --model resnet18 --budget 30m

    striate search photos/ --model resnet18 --budget 2h --space peak_lr=1e-4..1,log --space "optimizer=sgd|adamw"

    striate search digits --model "fc50-relu-softmax" --trials 100 --epochs 5 --space peak_lr=1e-6..1e-1,log

    striate search digits --model lenet5 --budget 2m --method grid

    striate train photos/ --recipe searches/photos-resnet18/winner.json
    """
    from striate import api

    allow_megapixels(max_megapixels)
    fields = chosen({"model": model, "epochs": epochs, "weights": weights, "size_px": size_px(size)}, set_)
    found = api.search(
        data,
        recipe=recipe,
        folder=folder,
        space=space or (),
        budget=budget,
        trials=trials,
        method=method,
        storage=storage,
        halving=halving,
        seed=seed,
        cache_gb=cache_gb,
        quiet=quiet,
        task=task,
        val=val,
        test=test,
        **fields,
        **runtime_options(context),
    )
    if json:
        print_json(found.to_dict())
    else:
        tell_found(found, data)


def tell_found(found: SearchResult, data: str) -> None:
    """The best trials as a table, and how to use what was found."""
    rows = [
        (
            str(each.number + 1),
            f"{each.figure:.4f}",
            str(each.epochs),
            *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in each.values.values()),
        )
        for each in found.ordered[:SHOWN]
    ]
    columns = ("trial", f"val {found.figure}", "epochs", *found.values)
    print_table(columns, rows, numeric=columns)
    say()
    for line in (*found.edges, found.sentence):
        say(line)
    say(f"report: {Path(found.folder) / found.page}")
    say(f"train by it: {command('train', data, '--recipe', Path(found.folder) / 'winner.json')}")
