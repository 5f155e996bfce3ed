"""The public functions that need several rooms; `striate` itself names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

from torch import nn

from striate.core.begun import timed_from_here
from striate.core.bounds import SEED, SPLIT_SEED, require_within
from striate.core.durations import seconds_of
from striate.core.records import Preprocess
from striate.core.values import checked, converted
from striate.data.cache import DEFAULT_CACHE_GB, require_room
from striate.data.check import DataReport
from striate.data.dataset import Dataset
from striate.data.in_memory import Data, as_data, elsewhere
from striate.data.scan import Progress
from striate.data.sources import BUILT_IN
from striate.data.sources import open_data as dataset_of
from striate.deploy.given import Picture
from striate.deploy.run import Run, load
from striate.frozen.table import Features, extract, extract_of_dataset
from striate.models import OWN, Model
from striate.models.linear_probe import PRE_LOGITS
from striate.recipes import get_recipe
from striate.recipes.planned import plan, plan_of
from striate.recipes.same import refuse_changes
from striate.runtime.global_state import global_state_kept
from striate.tasks import task_named
from striate.tasks.checked_data import opened_and_checked
from striate.training.callbacks import Callbacks
from striate.training.folder.layout import RECIPE, fold_path, is_finished
from striate.training.folds.result import FoldsResult
from striate.training.folds.run import refuse_folds, require_foldable, resume_folds, train_folds
from striate.training.loader import OpenedData, opened_data, preprocess_for
from striate.training.own import code_in, with_code_of
from striate.training.recipe import BOUNDS, Recipe
from striate.training.recipe_file import given_recipe
from striate.training.run import Audience, start
from striate.training.run import resume as resume_run
from striate.training.search.found import SearchResult
from striate.training.search.run import Asked
from striate.training.search.run import search as run_search

__all__ = ["check", "features", "open_data", "plan", "resume", "search", "train"]


@overload
def train(
    data: Data, model: Any = ..., recipe: Any = ..., run: Any = ..., *, folds: None = ..., **given: Any
) -> Run: ...
@overload
def train(
    data: Data, model: Any = ..., recipe: Any = ..., run: Any = ..., *, folds: int, **given: Any
) -> FoldsResult: ...
@timed_from_here()
@checked
@global_state_kept()
def train(
    data: Data,
    model: Model | None = None,
    recipe: str | Recipe | None = None,
    run: str | Path | None = None,
    *,
    seed: int = 0,
    cache_gb: float = DEFAULT_CACHE_GB,
    tensorboard: bool = False,
    quiet: bool = False,
    callbacks: Any = (),
    task: str | None = None,
    val: Data | None = None,
    test: Data | None = None,
    budget: str | None = None,
    folds: int | None = None,
    **fields: Any,
) -> Run | FoldsResult:
    """Train a network on pictures and leave a run folder with weights, numbers and a report.

    data: "digits", a folder with one sub-folder per class, a file in a known format, arrays (pictures, labels): uint8
    (N, H, W) or (N, H, W, 3), and N class names or numbers; a list of (picture, class), or a map-style Dataset that
    gives such pairs, without augmentation, which is the recipe's: pictures are Pillow's, arrays, or tensors (C, H, W)
    of uint8 or of numbers from 0 to 1. model: the name of a network of the zoo, by default that of the weights, or the
    recipe's; or one of your own, as `create_model` takes it: an `nn.Module`, its class, a function that makes it, or
    FILE.py:NAME. The recipe's fields optimizer, schedule and augment take functions of your own in the same way; see
    `Recipe`. recipe: a name, a record of one's own, or a file with one, such as winner.json; by default "quick_fcn" of
    masks, "quick_labels" of several labels a picture and "quick_box" of boxes, or "segmentation", "default" and
    "localisation" where another model is named; of classes "probe" where layers are given,
    "finetune" where weights are, else "default". run: the folder to make, by default a new one below runs/. cache_gb:
    room for decoded pictures on the disk, in 10^9 bytes. tensorboard: whether to write events for it. quiet: whether
    nothing is shown; log.txt has it all the same. callbacks: objects with any of the methods begin, step, epoch and
    end, or functions, called at each epoch's end; see `Callback`. task: what to learn of the pictures, which
    decides where the data can be read in several ways; by default what it looks to be for.
    val, test: data of any form that lies elsewhere, all of which validates or tests; classes are matched by name.
    budget: the time from the call to the report, such as "20m", which decides the number of epochs, and the network
    where neither model, recipe nor weights are given.
    folds: train so many networks, each of which judges a part of the pictures that are not test and sees none of it;
    the folder has a run for each, fold1 and so on, and one report.
    fields: any field of `Recipe`, such as epochs=20 or weights="embedded", and any of `RuntimeOptions`, such as
    precision="fp32" or threads=2; options left out are measured. The caller's random generators stay as they are.
    Returns the finished run, or what the folds came to. Raises StriateError for bad data, names or values, Interrupted
    on Ctrl-C, and what a callback raises, with everything saved.
    """
    require_room(cache_gb)
    require_within("seed", seed, SEED)
    audience = Audience(tensorboard, quiet, Callbacks.of(callbacks))
    if folds is not None:
        require_foldable(folds, {"val": val is not None, "budget": budget})
    given = fields | {"budget": budget}
    made = plan_of(data, model, recipe, given, seed=seed, task=task, val=val, test=test)
    folder = Path(run) if run else None
    if folds is not None:
        return train_folds(made, folds, folder, cache_gb, audience)
    return start(made, folder, cache_gb, audience)


@checked
@global_state_kept()
def search(
    data: Data,
    model: Model | None = None,
    recipe: str | Recipe | None = None,
    folder: str | Path | None = None,
    *,
    space: Sequence[str] = (),
    budget: str | float | None = None,
    trials: int | None = None,
    method: str = "random",
    storage: str | None = None,
    halving: bool = True,
    seed: int = 0,
    cache_gb: float = DEFAULT_CACHE_GB,
    quiet: bool = False,
    task: str | None = None,
    val: Data | None = None,
    test: Data | None = None,
    **fields: Any,
) -> SearchResult:
    """Search for settings of a recipe, and leave a folder with all trials, the winner's recipe and a page.

    data, model, recipe, seed, cache_gb, quiet, task, val, test, fields: as of `train`; what all trials have alike.
    folder: to search in, by default one below searches/; the same call goes on in it. space: texts of fields of the
    recipe, "peak_lr=1e-6..1e-1,log", "batch_size=32|64|128" or "dropout=0..0.5"; by default the rate and the weight
    decay. budget: "30m", or seconds; trials: at most so many new ones; one of the two is needed. method: "random", a
    range narrowed around the best after half of it; "grid", or "tpe". storage: a database by URL in which Optuna keeps
    the study, for several machines. halving: whether the best third of the trials goes on from each stop, from its
    checkpoint, rather than all to the end.
    Returns what was found; its `recipe` is the winner's, also in winner.json. Raises StriateError for bad data, names
    or values and a budget that is too short, Interrupted on Ctrl-C, with everything kept.
    """
    require_room(cache_gb)
    require_within("seed", seed, SEED)
    budget_s = seconds_of(budget) if isinstance(budget, str) else budget
    shared = plan_of(data, model, recipe, fields, seed=seed, task=task, val=val, test=test)
    asked = Asked(shared, tuple(space), method, budget_s, trials, storage, halving)
    return run_search(asked, Path(folder) if folder else None, cache_gb, quiet=quiet)


@overload
def resume(run: str | Path, cache_gb: float = ..., *, folds: None = None, **given: Any) -> Run: ...
@overload
def resume(run: str | Path, cache_gb: float = ..., *, folds: int, **given: Any) -> FoldsResult: ...
@timed_from_here()
@checked
@global_state_kept()
def resume(
    run: str | Path,
    cache_gb: float = DEFAULT_CACHE_GB,
    *,
    data: Data | None = None,
    val: Data | None = None,
    test: Data | None = None,
    tensorboard: bool = False,
    quiet: bool = False,
    callbacks: Any = (),
    without_missing: bool = False,
    source_changed: bool = False,
    folds: int | None = None,
    **same: Any,
) -> Run | FoldsResult:
    """Go on with an interrupted run to exactly the weights that it would have reached, or with a finished one to more.

    data: where its pictures are now, if they have moved, or the arrays, list or Dataset that it was begun with; the
    hashes in data.tsv decide whether they are the same. val, test: likewise, where these lie elsewhere.
    tensorboard: whether to write events from here on; a run that was begun with them goes on with them. quiet,
    callbacks: as in `train`; nothing of callbacks is saved, so they are given again.
    without_missing: whether to go on without pictures that cannot be read any more, to other weights; which ones is
    written into recipe.json, the log and the report. source_changed: whether to go on with code of your own though its
    file has changed. folds: of a folder with so many, all of which are gone on with.
    same: any of recipe, task, seed and the fields of `Recipe` and `RuntimeOptions`, to be sure that the run was begun
    with them; all code of your own that it was begun with must be among them: model="my_net.py:Net".
    epochs=62 of a finished run trains it further, to 62 in all, from its last weights with a schedule of its own.
    Raises StriateError when the folder holds no run, it was begun otherwise, or the pictures have changed or are gone.
    """
    require_room(cache_gb)
    audience = Audience(tensorboard, quiet, Callbacks.of(callbacks))
    given = None if data is None else as_data(data)
    if isinstance(given, str):
        same = {"data": given, **same}
    code, same = code_in(same)
    if "recipe" in same:
        same["recipe"] = given_recipe(same["recipe"], same)
    if isinstance(same.get("recipe"), Recipe):
        code = with_code_of(same["recipe"], code)
    epochs = None if same.get("epochs") is None else converted("epochs", same["epochs"], int)
    if epochs is not None and is_finished(Path(run)):
        require_within("epochs", epochs, BOUNDS["epochs"])
        same = {name: value for name, value in same.items() if name != "epochs"}
    begun = Path(run) if folds is None else fold_path(Path(run), 1)
    if same and (begun / RECIPE).exists():
        refuse_changes(begun, same, code)
    places = elsewhere(val, test)
    if given is not None and not (isinstance(given, str) and given in BUILT_IN):
        places["data"] = given
    also: dict[str, Any] = {"places": places, "code": code, "source_changed": source_changed}
    if folds is not None:
        require_foldable(folds, {"without_missing": without_missing})
        return resume_folds(Path(run), folds, cache_gb, audience, **also)
    refuse_folds(Path(run))
    return resume_run(Path(run), cache_gb, audience, without_missing=without_missing, epochs=epochs, **also)


@checked
def check(
    data: Data,
    split_seed: int = 0,
    progress: Progress | None = None,
    *,
    val: Data | None = None,
    test: Data | None = None,
    ignore_class: str | None = None,
    task: str | None = None,
) -> DataReport:
    """Decode every picture once and report what a person should know before training.

    data, val, test, task: as in `train`. split_seed: decides the split where the data has none. progress: of decoding.
    ignore_class: of masks, a class of whose pixels nothing is asked.
    The result is remembered until a file changes. Raises StriateError when `data` is not data.

    >>> check("digits").problems
    []
    """
    return opened_and_checked(data, split_seed, progress, val=val, test=test, ignore_class=ignore_class, task=task)[1]


@checked
@global_state_kept()
def open_data(
    source: Data,
    size: int | tuple[int, int] | None = None,
    *,
    model: Model = "resnet18",
    preprocess: Preprocess | None = None,
    split_seed: int = 0,
    cache_gb: float = DEFAULT_CACHE_GB,
    progress: Progress | None = None,
    val: Data | None = None,
    test: Data | None = None,
    task: str | None = None,
) -> OpenedData:
    """Open pictures for a PyTorch loop of one's own, with the splits, the cache and the preprocessing of `train`.

    source, val, test, task: as `data`, `val`, `test` and `task` of `train`. size: height and width that the network
    sees, or one number for a square, in pixels; by default as `train` chooses it for these pictures. model: the network
    that is meant, as `create_model` takes it, which decides size and channels. preprocess: a record in the place of
    what would be chosen, such as `run.preprocess` or `network.preprocess`. split_seed: decides the splits where the
    data has none. cache_gb: as of `train`. progress: called with (done, total) while pictures are decoded, once and for
    all loops to come. Returns a record with `classes`, `splits`, `preprocess` and `loader(split, ...)`, which gives the
    batches. Raises StriateError for bad data, names or values.

    >>> data = open_data("digits", model="lenet5")
    >>> data.splits, len(data.classes), data.preprocess.size
    ({'train': 1259, 'val': 179, 'test': 359}, 10, (32, 32))
    >>> for images, labels in data.loader("val", batch_size=90):
    ...     print(tuple(images.shape), labels[:3].tolist())
    (90, 1, 32, 32) [4, 5, 8]
    (89, 1, 32, 32) [9, 5, 2]
    """
    require_room(cache_gb)
    require_within("split_seed", split_seed, SPLIT_SEED)
    asked = None if task is None else task_named(task).needs
    dataset = dataset_of(source, split_seed, progress, val=val, test=test, task=asked)
    record = preprocess_for(dataset, model, size, preprocess, progress)
    return opened_data(dataset, record, get_recipe, cache_gb, progress)


@checked
@global_state_kept()
def features(
    run: Run | str | Path | nn.Module,
    pictures: Iterable[Picture] | Picture | OpenedData | Dataset,
    layers: Sequence[str] = (PRE_LOGITS,),
    *,
    precision: str = "fp32",
) -> Features:
    """What layers of a trained network make of pictures: a vector of each, to feed other programs.

    run: an open run, what `striate.load` takes, or a network with its weights. pictures: as to `Run.predict`, paths,
    folders and pictures in memory; or what `striate.open_data` gives, then labels and splits come too. "digits" is
    opened. layers: paths of modules, such as "layer2", or "last" for what the last layer reads; maps are averaged over
    their places. precision: what it computes in: "fp32", "bf16", "fp16", or "auto" for what the run predicts in.
    Returns a record with `features`, float32 (N, D), `by_layer`, `names`, `labels` and `splits`.
    Raises StriateError for a layer that there is not, a folder without pictures, and when no picture can be read.

    >>> import numpy as np
    >>> found = features("embedded", [np.zeros((60, 80, 3), np.uint8)], layers=["layer1", "last"])
    >>> found.features.shape, found.by_layer["last"].shape
    ((1, 432), (1, 384))
    """
    if not isinstance(run, Run):
        run = load(OWN, model=run) if isinstance(run, nn.Module) else load(run)
    if isinstance(pictures, str) and pictures in BUILT_IN:
        pictures = dataset_of(pictures)
    if isinstance(pictures, OpenedData):
        pictures = pictures.dataset
    if isinstance(pictures, Dataset):
        return extract_of_dataset(run, pictures, layers, precision)
    return extract(run, pictures, layers, precision)
