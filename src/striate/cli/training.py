"""`train`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from striate.cli.data import MAX_MEGAPIXELS, TASK, TEST, VAL, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.reached import tell_folds, tell_result
from striate.cli.using import DEVICE
from striate.core.errors import IdleField, StriateError

PRECISIONS = "auto, bf16, fp16 or fp32; auto takes what is measured to be fastest here."
THREADS = Annotated[
    int | None, typer.Option(min=1, help="Of the processor; measured if not given, fewer beside busy programs.")
]
MICRO_BATCH = Annotated[
    int | None, typer.Option(min=1, help="Pictures in memory at once; as many as fit when not given.")
]
COMPILE = Annotated[
    bool | None, typer.Option("--compile/--no-compile", help="Use torch.compile; when it pays if not given.")
]
FUSED_NORMS = Annotated[
    bool | None,
    typer.Option("--fused-norms/--no-fused-norms", help="Batch norms in compiled kernels; measured when not given."),
]
WINOGRAD = Annotated[
    bool | None,
    typer.Option(
        "--winograd/--no-winograd",
        help="Wide 3x3 convolutions by Winograd's: faster, rounded once more; off when not given.",
    ),
]
AUTOTUNE = Annotated[
    bool, typer.Option("--autotune/--no-autotune", help="Measure the fastest settings before a run that takes longer.")
]
EPOCHS = Annotated[int | None, typer.Option(help="Passes over the training pictures; the recipe's when not given.")]
SIZE = Annotated[
    str | None,
    typer.Option(
        help="Height and width in pixels that the network sees, such as 96x320, or one number for a square; fitted to "
        "network and pictures when not given."
    ),
]
TILES = Annotated[
    str | None,
    typer.Option(
        help="Train on tiles of this size, in pixels, at the pictures' own resolution: for small objects in large ones."
    ),
]
BALANCE = Annotated[
    str | None,
    typer.Option(
        help="Of classes with few pictures: weights (their loss counts more), sampler (shown as often), none."
    ),
]
TENSORBOARD = Annotated[bool, typer.Option("--tensorboard", help="Write events for TensorBoard into the run folder.")]
QUIET = Annotated[bool, typer.Option("--quiet", help="Show nothing but errors; log.txt in the run folder has it all.")]
WEIGHTS = Annotated[
    str | None, typer.Option(help="What to begin with: embedded, imagenet, a run folder or a weight file.")
]
FREEZE = Annotated[bool, typer.Option("--freeze", help="Tune the head alone.")]
UNFREEZE_TO = Annotated[
    str | None, typer.Option(help="The lowest stage to tune, such as layer3, or head; decided when not given.")
]
LAYER_DECAY = Annotated[float | None, typer.Option(help="What the rate is multiplied by from each stage to the next.")]
LAYER = Annotated[str | None, typer.Option(help="Layers for a linear probe, such as layer2,last; commas between.")]
RECIPES = (
    "default, fast, small_pictures, finetune, probe, quick_labels, quick_box, localisation, quick_fcn, segmentation, "
    "quick_detector, detection, mask_rcnn, instances, digits_lenet5, alexnet_2012, vgg_2014, resnet_2015 or "
    "cifar_resnet."
)
DATA = Annotated[
    str | None,
    typer.Argument(help="digits, a folder per class or of images/ and masks/, a CSV, .npz, .parquet, IDX, CIFAR file."),
]
MODEL = Annotated[
    str | None,
    typer.Option(help="A network of the zoo, a pattern, or FILE.py:NAME of your own; the recipe's if not given."),
]
RECIPE = Annotated[str | None, typer.Option(help=f"{RECIPES} Or a file with one, such as winner.json of a search.")]
RESUME = Annotated[bool, typer.Option("--resume", help="Go on with the run in --run.")]
WITHOUT_MISSING = Annotated[
    bool,
    typer.Option("--without-missing", help="Resume without pictures that are gone, to other weights."),
]
SOURCE_CHANGED = Annotated[
    bool,
    typer.Option("--source-changed", help="Resume though a file of your own code has changed, to other weights."),
]
BUDGET = Annotated[
    str | None,
    typer.Option(help="Time to the report, such as 20m: decides the epochs, and the network if none is named."),
]
FOLDS = Annotated[
    int | None,
    typer.Option(help="Cross-validation: so many networks, each judged on pictures that it did not see, one report."),
]
RUN = Annotated[Path | None, typer.Option(help="The run folder to make; a new one below runs/ if not given.")]
SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="field=value for any field of the recipe, such as optimizer=adam (or sgd, adagrad, "
        "adadelta, rmsprop, adamw, muon); may be repeated.",
    ),
]


def train(
    context: typer.Context,
    data: DATA = None,
    val: VAL = None,
    test: TEST = None,
    model: MODEL = None,
    recipe: RECIPE = None,
    task: TASK = None,
    weights: WEIGHTS = None,
    freeze: FREEZE = False,
    unfreeze_to: UNFREEZE_TO = None,
    layer_decay: LAYER_DECAY = None,
    layer: LAYER = None,
    epochs: EPOCHS = None,
    budget: BUDGET = None,
    folds: FOLDS = None,
    size: SIZE = None,
    tiles: TILES = None,
    balance: BALANCE = None,
    set_: SET = None,
    run: RUN = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides all that is random.")] = 0,
    precision: Annotated[str, typer.Option(help=PRECISIONS)] = "auto",
    device: DEVICE = "auto",
    layout: Annotated[str, typer.Option(help="Of the pictures in memory: auto, channels-last or contiguous.")] = "auto",
    threads: THREADS = None,
    micro_batch: MICRO_BATCH = None,
    compile: COMPILE = None,
    fused_norms: FUSED_NORMS = None,
    winograd: WINOGRAD = None,
    autotune: AUTOTUNE = True,
    cache_gb: Annotated[float, typer.Option(min=0, help="Room for decoded pictures on the disk, in 10^9 bytes.")] = 10,
    resume: RESUME = False,
    without_missing: WITHOUT_MISSING = False,
    source_changed: SOURCE_CHANGED = False,
    max_megapixels: MAX_MEGAPIXELS = None,
    tensorboard: TENSORBOARD = False,
    quiet: QUIET = False,
    json: JSON = False,
) -> None:
    """Train a network on pictures; leave a run folder with weights, numbers and report.html.

    Examples:

    striate train digits --recipe digits_lenet5

    striate train photos/ --model resnet18 --epochs 20 --set peak_lr=0.02 --run runs/cats

    striate train photos/ --weights embedded

    striate train photos/ --budget 20m                      (what striate plan recommends, done in time)

    striate train photos/ --set optimizer=rmsprop --set peak_lr=0.0005

    striate train streets/ --model unet --size 180x240      (images/ and masks/)

    striate train labels.csv                                (path, labels: cat;dog, one, or none)

    striate train boxes.csv --model resnet18+box            (path, label, x0, y0, x1, y1)

    striate train slides/ --tiles 640                       (large pictures, small objects in boxes)

    striate train photos/ --balance sampler                 (classes of few pictures, shown as often as the others)

    striate train photos/ --model my_net.py:Net

    striate train photos/ --val other_photos/

    striate train photos/ --recipe searches/photos/winner.json

    striate train photos/ --folds 5 --run runs/folds        (every picture judged by a network that did not see it)

    striate train --run runs/cats --resume

    striate train /new/place/photos --run runs/cats --resume
    """
    allow_megapixels(max_megapixels)
    named = {"model": model, "epochs": epochs, "layers": layers(layer), "balance": balance, **seen(size, tiles)}
    named |= of_transfer(weights, freeze, unfreeze_to, layer_decay)
    settings = {**chosen(named, set_), **runtime_options(context)}
    settings |= {"cache_gb": cache_gb, "tensorboard": tensorboard, "quiet": quiet}
    with idle_fields_named({"unfreeze_to": "--freeze" if freeze else "--unfreeze-to" if unfreeze_to else None}):
        finished = (gone_on if resume else begun)(context, settings)
    if json or not quiet:
        tell_folds(finished, json=json) if folds is not None else tell_result(finished, json=json)


def begun(context: typer.Context, settings: dict[str, Any]) -> Any:
    """A new run, or folds, trained. settings: of the recipe and of how it runs."""
    from striate import api

    given = context.params
    for name in ("without_missing", "source_changed"):
        if given[name]:
            raise StriateError(f"--{name.replace('_', '-')} is for a run that goes on; give --resume and --run too")
    named = {name: given[name] for name in ("recipe", "run", "seed", "task", "val", "test", "budget", "folds")}
    return api.train(needed_data(given["data"]), **named, **settings)


def gone_on(context: typer.Context, settings: dict[str, Any]) -> Any:
    """A run, or folds, that was interrupted, trained to its end."""
    from striate import api

    same = typed(context, ("data", "val", "test", "recipe", "seed", "task", "budget", "folds"))
    same |= {name: context.params[name] for name in ("without_missing", "source_changed")}
    return api.resume(needed_run(context.params["run"]), **same, **settings)


def needed_data(data: str | None) -> str:
    """Where the pictures are. Raises StriateError when nobody said so."""
    if data is None:
        raise StriateError("no data: give digits, or a folder with one sub-folder of pictures per class")
    return data


def needed_run(run: Path | None) -> Path:
    """The folder to go on in. Raises StriateError when nobody said so."""
    if run is None:
        raise StriateError("--resume needs --run, the folder of the run to go on with; `striate runs` lists them")
    return run


def layers(text: str | None) -> tuple[str, ...] | None:
    """Paths of layers from a text with commas between.

    >>> layers("layer2, last")
    ('layer2', 'last')
    """
    return tuple(part.strip() for part in text.split(",")) if text is not None else None


def size_px(text: str | None) -> int | tuple[int, int] | None:
    """The recipe's field of the same name, from --size."""
    from striate.training.recipe_text import parse_size

    return None if text is None else parse_size("--size", text)


def seen(size: str | None, tiles: str | None) -> dict[str, Any]:
    """The recipe's fields that --size and --tiles stand for. Raises StriateError where both are given."""
    from striate.training.recipe_text import parse_size

    if tiles is None:
        return {"size_px": size_px(size)}
    if size is not None:
        raise StriateError("--tiles says what size the network sees; leave --size out")
    return {"size_px": parse_size("--tiles", tiles), "tiles": True}


def of_transfer(
    weights: str | None, freeze: bool, unfreeze_to: str | None, layer_decay: float | None
) -> dict[str, Any]:
    """The recipe's fields that the flags of transfer stand for."""
    if freeze and unfreeze_to not in (None, "head"):
        raise StriateError("--freeze tunes the head alone, --unfreeze-to more than that; leave one of them out")
    return {"weights": weights, "unfreeze_to": "head" if freeze else unfreeze_to, "layer_decay": layer_decay}


@contextmanager
def idle_fields_named(flags: dict[str, str | None]) -> Iterator[None]:
    """Errors of a field that does nothing name the flag that was typed for it, if one was."""
    try:
        yield
    except IdleField as error:
        if flag := flags.get(error.field):
            raise error.named(flag) from None
        raise


def chosen(named: dict[str, Any], assignments: list[str] | None) -> dict[str, Any]:
    """The recipe's fields that a person set, by flags of their own or by --set; not by both."""
    from striate.training.recipe import Recipe

    fields = {name: value for name, value in named.items() if value is not None}
    assigned = Recipe.parse(assignments or ())
    for name in assigned.keys() & fields.keys():
        raise StriateError(
            f"{name} is given twice, by --set {name}=... and by --{name.removesuffix('_px').replace('_', '-')}"
        )
    return fields | assigned


def runtime_options(context: typer.Context) -> dict[str, Any]:
    """What a person wrote of how the training runs on the machine."""
    from striate.training.speed.options import RuntimeOptions

    return typed(context, RuntimeOptions.__dataclass_fields__)


def typed(context: typer.Context, names: Iterable[str]) -> dict[str, Any]:
    """Those of some options that a person wrote, rather than left at their defaults."""
    return {
        name: context.params[name]
        for name in names
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
